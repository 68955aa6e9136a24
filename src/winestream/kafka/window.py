"""Holding a producer to what a consumer group has read.

For a broker that keeps little: the embedded one drops the oldest messages of a
partition beyond 5 MiB, read or not.
"""

import time
from collections import deque
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Final

from confluent_kafka import Consumer, TopicPartition

from winestream.errors import ConfigurationError
from winestream.kafka.settings import Setting, connection_settings

# A record's own framing and its share of a batch's; an upper bound when batched alone.
_OVERHEAD: Final = 128
# One OffsetFetch; an answer that takes longer is asked for again.
_TIMEOUT: Final = 5.0


class _Ledger:
    """Bytes of one partition that were sent and not yet consumed."""

    __slots__ = ("acknowledged", "outstanding", "sent")

    def __init__(self) -> None:
        self.outstanding = 0
        self.sent: deque[int] = deque()
        self.acknowledged: deque[tuple[int, int]] = deque()


class ConsumedWindow:
    """At most `max_bytes` per partition between what was sent and what `group` read.

    Counts keys, values and headers uncompressed, of one producer, from its own start
    on; several producers on a topic need a window of a share each. `check_every` is
    the least time between two questions to the broker. `waiting(topic, partition,
    seconds)` is called about once a second while publishing waits. With `give_up` the
    wait ends in a `TimeoutError`; without, it lasts until the group moves.

    It belongs to one `EventProducer` and is used from that one's thread.
    """

    def __init__(
        self,
        group: str,
        *,
        max_bytes: int = 3_500_000,
        check_every: timedelta = timedelta(milliseconds=50),
        give_up: timedelta | None = None,
        waiting: Callable[[str, int, float], None] | None = None,
    ) -> None:
        if not group:
            raise ConfigurationError("the window's group must not be empty")
        if max_bytes < 1:
            raise ConfigurationError(f"max_bytes must be positive: {max_bytes}")
        self.group, self.max_bytes = group, max_bytes
        self._check_every = check_every.total_seconds()
        self._give_up = give_up.total_seconds() if give_up is not None else None
        self._waiting = waiting
        self._ledgers: dict[tuple[str, int], _Ledger] = {}
        self._consumer: Consumer | None = None
        self._checked_at = float("-inf")

    def attach(self, settings: Mapping[str, Setting]) -> None:
        """Connect with a producer's settings. Called once, by the producer."""
        if self._consumer is not None:
            raise ConfigurationError("a window belongs to one producer")
        # It never subscribes, so that it is no member of the group it looks at.
        self._consumer = Consumer(
            {
                **connection_settings(settings),
                "group.id": self.group,
                "enable.auto.commit": False,
            }
        )

    def admit(
        self, topic: str, partition: int, size: int, serve: Callable[[float], object]
    ) -> None:
        """Wait until a message of `size` bytes fits, then count it as sent.

        `serve(seconds)` must let the producer work. A message larger than the whole
        window passes when nothing else is outstanding. Raises `TimeoutError`.
        """
        ledger = self._ledgers.setdefault((topic, partition), _Ledger())
        size += _OVERHEAD
        if ledger.outstanding and ledger.outstanding + size > self.max_bytes:
            self._wait(topic, partition, ledger, size, serve)
        ledger.outstanding += size
        ledger.sent.append(size)

    def withdraw(self, topic: str, partition: int) -> None:
        """Take back the last message admitted: it was never handed over."""
        ledger = self._ledgers[topic, partition]
        ledger.outstanding -= ledger.sent.pop()

    def acknowledged(self, topic: str, partition: int, offset: int | None) -> None:
        """Note the oldest message's delivery; None when it was not delivered."""
        ledger = self._ledgers.get((topic, partition))
        if ledger is None or not ledger.sent:
            return
        size = ledger.sent.popleft()
        if offset is None:
            ledger.outstanding -= size
        else:
            ledger.acknowledged.append((offset, size))

    def outstanding(self, topic: str, partition: int) -> int:
        """Return the bytes sent to a partition that the group has not read yet."""
        ledger = self._ledgers.get((topic, partition))
        return 0 if ledger is None else ledger.outstanding

    def close(self) -> None:
        """Let the connection go."""
        if self._consumer is not None:
            self._consumer.close()
            self._consumer = None

    def _wait(
        self,
        topic: str,
        partition: int,
        ledger: _Ledger,
        size: int,
        serve: Callable[[float], object],
    ) -> None:
        began = time.monotonic()
        told = began
        while ledger.outstanding and ledger.outstanding + size > self.max_bytes:
            self._look()
            if not ledger.outstanding or ledger.outstanding + size <= self.max_bytes:
                return
            serve(min(0.01, self._check_every))
            now = time.monotonic()
            if self._waiting is not None and now - told >= 1.0:
                told = now
                self._waiting(topic, partition, now - began)
            if self._give_up is not None and now - began >= self._give_up:
                raise TimeoutError(
                    f"group {self.group} has not read {topic}[{partition}] for "
                    f"{now - began:.0f} s: {ledger.outstanding} bytes are waiting; "
                    "is its consumer running?"
                )

    def _look(self) -> None:
        """Ask for the group's positions, unless that was done just now."""
        now = time.monotonic()
        if self._consumer is None or now - self._checked_at < self._check_every:
            return
        names = [name for name, one in self._ledgers.items() if one.acknowledged]
        if not names:
            return
        try:
            parts = self._consumer.committed(
                [TopicPartition(*name) for name in names], timeout=_TIMEOUT
            )
        except Exception:  # noqa: BLE001 — an answer that did not come: ask again
            parts = []
        self._checked_at = time.monotonic()
        for part in parts:
            if part.error is None and part.offset >= 0:
                self._consumed(self._ledgers[part.topic, part.partition], part.offset)

    @staticmethod
    def _consumed(ledger: _Ledger, position: int) -> None:
        acknowledged = ledger.acknowledged
        while acknowledged and acknowledged[0][0] < position:
            ledger.outstanding -= acknowledged.popleft()[1]
