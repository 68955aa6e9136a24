"""Where logs end while they are not read: a paused partition learns nothing.

An outage is when the lag matters most, and it is when everything is paused. Asks
without blocking; an answer that does not come is worth no error.
"""

import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, Final

from confluent_kafka import TopicPartition
from confluent_kafka.admin import OffsetSpec  # type: ignore[attr-defined] # public

from winestream.kafka.admin import Admin
from winestream.kafka.runs import Name
from winestream.records import LogPartition

# One small request to each leader; lag on a dashboard is as old as this.
_EVERY: Final = 5.0
_REQUEST_TIMEOUT: Final = 5.0


class Ends:
    """The high watermarks last asked for. One thread owns it; it never raises."""

    def __init__(
        self, admin: Admin, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._admin, self._clock = admin, clock
        self._asked_at = clock()
        self._open: dict[Name, Future[Any]] = {}
        self._highs: dict[Name, int] = {}

    def high(self, log: LogPartition) -> int:
        """Return the last known end of the log, -1 when none is known."""
        return self._highs.get((log.topic, log.partition), -1)

    def forget(self) -> None:
        """Drop what is known: reading goes on and knows better."""
        self._highs.clear()
        self._open.clear()
        self._asked_at = self._clock()

    def refresh(self, logs: Iterable[LogPartition]) -> None:
        """Gather answers that came in; ask again once the last ones are old."""
        for name, future in list(self._open.items()):
            if future.done():
                del self._open[name]
                with suppress(Exception):
                    self._highs[name] = int(future.result().offset)
        now = self._clock()
        if self._open or now - self._asked_at < _EVERY:
            return
        self._asked_at = now
        latest = OffsetSpec.latest()  # type: ignore[no-untyped-call] # no stub
        wanted = {TopicPartition(log.topic, log.partition): latest for log in logs}
        if wanted:
            with suppress(Exception):
                futures = self._admin.client.list_offsets(
                    wanted, request_timeout=_REQUEST_TIMEOUT
                )
                self._open = {(p.topic, p.partition): f for p, f in futures.items()}
