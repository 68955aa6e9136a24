"""Benchmarks: ratios in one run, never numbers from another machine or another day.

How to read it: `compare.py` is `make bench`. It starts a broker (`brokers.py`), fills a
topic (`load.py`), and lets the contestants (`roster.py`, one small program each in
`contestants/`) read it in turn, each in a process of its own (`heats.py`); peers have
environments of their own (`peers.py`). `summary.py` turns heats into ratios.
`full.py` is `make bench-full`; each of its measurements is a module in `studies/`.
`page.py` writes docs/benchmarks.md and its plots from the results, and nothing else.

This package and `contestants/` import the standard library only: they run in every
peer's environment.
"""
