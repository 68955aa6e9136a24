"""How long will the next write take? A guess that is exceeded by few, of any shape.

The answer is an order statistic, so it assumes no distribution: of N + 1 alike write
times in any order, the last is among the k largest with probability k / (N + 1).
What a write of another size takes is read off a line through the same times.
"""

from collections import deque
from math import ceil
from typing import Final

import attrs

MEMORY: Final = 400
"""Writes remembered, three hours of them at 27 s each: enough for a rank that is not
the largest (0.0065 of 401 is 2.6), and short enough to forget a bad morning by noon."""

LATE: Final = 0.0065
"""The share of slices that may be late: two thirds of the 1 % that a 99 % objective
leaves. The rest is for the first hours, and until the rank has found its place."""

RANK_STEP: Final = 0.5
"""How far a late slice moves the rank towards the largest; one in time moves it back by
0.5 * 0.0065, so both balance where the share is kept, whatever makes slices late. Over
n slices the share is off by at most the rank's range / 0.5 / n (here 24 / n)."""

HIGHEST_RANK: Final = 8.0
"""8 of 400 is 2 %: what was saved up in quiet hours is not all spent in one."""
LOWEST_RANK: Final = -4.0
"""Below 1 the estimate lies above every time seen, where each write is slower than all
before it: by the distance from the median to the largest per rank, at most twice."""

CLIFF: Final = 1 / 30
"""A fall of more than this share of the cap from one rank to the next is a cliff: above
are freak times, and the linger is not shortened for them while late slices are few."""
IN_A_ROW: Final = 3
"""So many slow writes in a row are no freaks but a slow spell."""
SOME: Final = 20
"""With fewer times known not even one is taken for a freak."""

DOUBT: Final = 4.0
"""While few times are known the estimate is larger by 4 / N: five times the first, two
fifths more after ten, one percent at the end. With 2 a day of few slices, of which the
first are a good part, had one late slice too many; it needed as many writes."""

ROW_BYTES: Final = 250
"""What a row weighs besides its payload: fourteen columns of head and coordinates."""


def size_of(rows: int, payload_bytes: int) -> int:
    """Return what a write's time depends on: payload, and something for each row."""
    return payload_bytes + ROW_BYTES * rows


@attrs.define
class WriteTimes:
    """Measured write times and the estimate they give. Bounded; reads no clock.

    `cap` is the longest time of any interest: longer ones count as this.
    """

    cap: float
    rank: float = LATE * (MEMORY + 1)
    """Which of the largest times is the estimate: 1 is the largest, 1.5 half way on."""
    _times: deque[tuple[int, float]] = attrs.field(factory=lambda: deque(maxlen=MEMORY))
    _base: float = 0.0
    _slope: float = 0.0
    _largest: int = 0

    def estimate(self, size: int) -> float:
        """Return seconds, at most `cap`, that a write of this size seldom exceeds.

        Never less for more. Beyond the largest size remembered nothing is saved by
        size: twice the size, twice the time. So the first slices of a flood are
        sealed early and teach what larger ones take. Before any write it is half the
        cap: with more, a slice that waits for the one before it is late anyway.
        """
        if not self._times:
            return self.cap / 2
        known = self._base + self._slope * min(size, self._largest)
        return min(self.cap, known * max(1.0, size / max(1, self._largest)))

    def observe(self, size: int, seconds: float, *, late: bool) -> None:
        """Take note of a write that landed: of the attempt that did, and only of it.

        An outage is no write time. `late` is whether its slice missed the objective;
        where nothing is left to linger that is no fault of the estimate. Once per
        write; about a millisecond.
        """
        seconds = min(max(0.0, seconds), self.cap)
        blamed = late and self.estimate(size) < self.cap
        rank = self.rank + RANK_STEP * (LATE - blamed)
        self.rank = min(HIGHEST_RANK, max(LOWEST_RANK, rank))
        self._times.append((size, seconds))
        self._fit()

    def _fit(self) -> None:
        """Lay the line: the slope by least squares, the base by the rank."""
        n = len(self._times)
        mean_size = sum(size for size, _ in self._times) / n
        mean = sum(seconds for _, seconds in self._times) / n
        spread = sum((size - mean_size) ** 2 for size, _ in self._times)
        together = sum(
            (size - mean_size) * (seconds - mean) for size, seconds in self._times
        )
        # Between "size does not matter" and "nothing but size does".
        slope = max(0.0, together / spread) if spread else 0.0
        self._slope = min(slope, mean / mean_size) if mean_size else 0.0
        rests = [seconds - self._slope * size for size, seconds in self._times]
        doubt = 1.0 if n == MEMORY else 1 + DOUBT / n
        # With doubt on the whole, not on the base: that may be near nothing.
        self._slope *= doubt
        self._base = max(0.0, self._ranked(rests) * doubt)
        self._largest = max(size for size, _ in self._times)

    def _ranked(self, rests: list[float]) -> float:
        """Return the rest at `rank`, or below the cliff of a few freak ones."""
        n = len(rests)
        falling = sorted(rests, reverse=True)
        if self.rank < 1:
            above = falling[0] - falling[n // 2]
            ranked = falling[0] + min(2.0, 1 - self.rank) * above
        else:
            rank = max(1.0, self.rank * n / MEMORY)
            ranked = _between(falling, rank)
        if self.rank < 0 or n < SOME:
            return ranked
        start = max(1, ceil(self.rank * n / MEMORY))
        stop = max(2, int(HIGHEST_RANK * n / MEMORY))
        step = CLIFF * self.cap
        lowest = min(
            range(start, max(start, stop) + 1),
            key=lambda rank: falling[rank - 1] + (rank - start) * step,
        )
        below = min(ranked, falling[lowest - 1])
        spell = min(rests[-IN_A_ROW:]) > below
        return ranked if spell else below


def _between(falling: list[float], rank: float) -> float:
    """Return the value at a rank, between two neighbours in proportion."""
    whole = int(rank)
    first = falling[whole - 1]
    return first + (rank - whole) * (falling[min(whole, len(falling) - 1)] - first)
