"""How many processes of one group does the cursor table's lock let through?

A simulation with stated times. Each process writes a slice every so often; what comes
before the lock (PUT, COPY) needs none. On a standard table an UPDATE locks the whole
table until COMMIT, so the locks queue, and one that would be the 21st waiter is refused
and tried again after the pause of the real `RetryPolicy`. On a hybrid table rows are
locked, and processes have no rows in common.
"""

import heapq
import random
from collections.abc import Callable
from typing import Final

import attrs

from winestream.core import RetryPolicy

MOST_WAITERS: Final = 20
HOLDS: Final = (0.2, 0.5, 1.0)
INTERVALS: Final = (3.0, 10.0, 30.0, 60.0)
PATIENCE: Final = 5.0
"""A group gets through when nobody is refused, 99 % wait less than this, ..."""
KEPT_UP: Final = 0.97
"""... and at least so many of the slices due in the hour were written."""
HOUR: Final = 3_600.0


@attrs.define
class Queue:
    """What became of the locks asked for."""

    waits: list[float] = attrs.field(factory=list)
    refused: int = 0
    last: float = 0.0

    @property
    def asked(self) -> int:
        return len(self.waits) + self.refused

    @property
    def p99(self) -> float:
        return sorted(self.waits)[int(0.99 * (len(self.waits) - 1))]


def write(
    processes: int, interval: float, hold: float, seconds: float, *, hybrid: bool
) -> Queue:
    """Let the processes write for a while, each at its own beat, a tenth uneven."""
    rng = random.Random(f"{processes} {interval} {hold}")
    first = [(rng.uniform(0, interval), p, 0) for p in range(processes)]

    def after(at: float) -> float:
        return at + interval * rng.uniform(0.9, 1.1)

    return _queue(first, hold, seconds, rng, hybrid=hybrid, after=after)


def claim_at_once(processes: int, hold: float) -> Queue:
    """Let all claim in the same moment, as after a rebalance, until all have."""
    rng = random.Random(f"claim {processes} {hold}")
    first = [(rng.uniform(0, 0.1), p, 0) for p in range(processes)]
    return _queue(first, hold, float("inf"), rng, hybrid=False, after=None)


def _queue(
    first: list[tuple[float, int, int]],
    hold: float,
    seconds: float,
    rng: random.Random,
    *,
    hybrid: bool,
    after: Callable[[float], float] | None,
) -> Queue:
    retry, out = RetryPolicy(), Queue()
    asking = list(first)
    heapq.heapify(asking)
    free: dict[int, list[float]] = {}
    """For each lock the ends of those that hold it or wait, in order."""
    while asking and asking[0][0] < seconds:
        at, process, failures = heapq.heappop(asking)
        ends = free.setdefault(process if hybrid else 0, [])
        while ends and ends[0] <= at:
            ends.pop(0)
        if len(ends) > MOST_WAITERS:  # one holds it, the others wait
            out.refused += 1
            pause = retry.pause(failures + 1, rng.random())
            heapq.heappush(asking, (at + pause, process, failures + 1))
            continue
        start = max(at, ends[-1] if ends else at)
        ends.append(start + hold)
        out.waits.append(start - at)
        out.last = max(out.last, start + hold)
        if after is not None:
            heapq.heappush(asking, (max(after(at), start + hold), process, 0))
    return out


def through(queue: Queue, processes: int, interval: float) -> bool:
    """Say whether nobody was refused, kept long, or kept from its beat."""
    kept_up = len(queue.waits) >= KEPT_UP * processes * HOUR / interval
    return kept_up and queue.refused == 0 and queue.p99 <= PATIENCE


def most_processes(interval: float, hold: float, limit: int = 512) -> int:
    """Return the largest group that a standard table lets through."""
    low, high = 0, limit + 1
    while high - low > 1:
        processes = (low + high) // 2
        queue = write(processes, interval, hold, HOUR, hybrid=False)
        if through(queue, processes, interval):
            low = processes
        else:
            high = processes
    return low
