"""Timing a function in this process. Standard library only."""

import gc
import time
from collections.abc import Callable
from statistics import median

REPEATS = 5


def microseconds(work: Callable[[], object], events: int) -> dict[str, float]:
    """Return median, least and most µs an event; one run to warm up is not counted."""
    work()
    found = []
    for _ in range(REPEATS):
        gc.collect()
        began = time.perf_counter()
        work()
        found.append(1e6 * (time.perf_counter() - began) / events)
    return {"median": median(found), "low": min(found), "high": max(found)}
