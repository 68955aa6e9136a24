"""Ready-made hooks, one module a tool; import the one that is needed by its name.

`prometheus` counts, `structlog` writes lines, `server` serves the counts. A hook of
one's own needs nothing from here: it is any function that takes a telemetry value.
"""
