"""When is a filling slice full enough? After a fixed while, or for a fresh answer."""

from typing import Protocol

import attrs

from winestream.core.write_times import WriteTimes, size_of
from winestream.records import Freshness, Pacing


class Pace(Protocol):
    """Asked by the buffer, told of each slice that landed. Bounded; reads no clock."""

    def linger(self, rows: int, payload_bytes: int) -> float:
        """Return for how many seconds a slice of this content may fill."""

    def landed(
        self, rows: int, payload_bytes: int, waited: float, seconds: float | None
    ) -> Freshness | None:
        """Judge a slice whose first message is queryable after `waited` seconds.

        `seconds` is how long the attempt took that landed; None where nobody knows.
        """

    @property
    def pacing(self) -> Pacing | None:
        """How the objective fares; None without one."""


@attrs.frozen
class FixedPace:
    """The same while for every slice."""

    seconds: float

    def linger(self, rows: int, payload_bytes: int) -> float:  # noqa: ARG002 — a Pace
        """Return the while."""
        return self.seconds

    def landed(
        self, rows: int, payload_bytes: int, waited: float, seconds: float | None
    ) -> None:
        """Judge nothing and learn nothing."""

    @property
    def pacing(self) -> None:
        """Without an objective nothing fares."""


@attrs.define
class FreshPace:
    """What the objective leaves when the write's time is taken off.

    A message that comes when a slice starts to fill is queryable after linger + write.
    If the slice before is still being written then, sealing waits for that; the sum is
    two writes, so the objective can be held where one takes at most half of it.
    """

    objective: float
    _times: WriteTimes = attrs.field(init=False)
    _size: int = 0
    """Of the slice that landed last."""
    _landed: int = 0
    _missed: int = 0

    def __attrs_post_init__(self) -> None:
        self._times = WriteTimes(cap=self.objective)

    def linger(self, rows: int, payload_bytes: int) -> float:
        """Return the objective less the estimate: it falls as the slice grows."""
        size = size_of(rows, payload_bytes)
        return max(0.0, self.objective - self._times.estimate(size))

    def landed(
        self, rows: int, payload_bytes: int, waited: float, seconds: float | None
    ) -> Freshness:
        """Judge the slice and learn from it."""
        self._size = size_of(rows, payload_bytes)
        expected = self._times.estimate(self._size)
        fresh = Freshness(self.objective, waited, expected)
        if seconds is not None:
            self._times.observe(self._size, seconds, late=fresh.missed)
        self._landed += 1
        self._missed += fresh.missed
        return fresh

    @property
    def pacing(self) -> Pacing:
        """For another slice of the last one's size."""
        expected = self._times.estimate(self._size)
        return Pacing(
            objective=self.objective,
            linger=max(0.0, self.objective - expected),
            expected=expected,
            landed=self._landed,
            missed=self._missed,
        )
