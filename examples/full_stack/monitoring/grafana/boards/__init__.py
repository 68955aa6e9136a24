"""The dashboards, one module each or two."""
