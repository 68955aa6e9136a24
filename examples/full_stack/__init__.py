"""The example: *Les Caves d'Albert*, a wine merchant who streams what happens."""
