"""Does `FreshnessPolicy` hold its objective, and at how many writes? A simulation.

`python -m benchmarks.freshness` drives the real core by a clock of its own through
arrivals and write times of many kinds, and compares with the best fixed policy.
"""
