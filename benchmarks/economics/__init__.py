"""What does writing cost? Statements, files, locks and warehouse time, by policy.

`python -m benchmarks.economics` counts and times the genuine writer on the embedded
warehouse, and computes the rest from what it counted.
"""
