"""The measurements of `make bench-full` besides the comparison, one module each.

Each has `measure() -> dict[str, object]`, which is what lands in the results.
"""
