"""One program per contestant: it reads the topic once and tells what it saw.

Each is run as `python -m benchmarks.contestants.NAME SETTINGS` (see `meter.Task`) and
prints its report as the last line.
"""
