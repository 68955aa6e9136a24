"""What the core's parts share: the partitions, what is held, and the stop."""

from collections import deque
from collections.abc import Collection, Container, Iterator

import attrs

from winestream.core.buffer import Buffer
from winestream.core.effects import Effect
from winestream.core.partitions import Phase, Tracked
from winestream.core.policy import CoreSettings
from winestream.records import LogPartition


@attrs.define
class State:
    """Partitions by name, the buffer, and facts the shell has not been told yet."""

    settings: CoreSettings
    buffer: Buffer
    parts: dict[LogPartition, Tracked] = attrs.field(factory=dict)
    facts: deque[Effect] = attrs.field(factory=deque)
    stop_at: float | None = None
    failure: Exception | None = None
    abandoned: int = 0
    """Messages dropped while stopping because their cursor was not as expected."""

    @property
    def stopping(self) -> bool:
        """Whether a stop was asked for."""
        return self.stop_at is not None

    def tracked(self, partitions: Container[LogPartition]) -> Iterator[Tracked]:
        """Yield those of the partitions that are ours, in the order they came.

        Not in the order of a set, so that a seed replays a history in any process.
        """
        for partition, tracked in list(self.parts.items()):
            if partition in partitions:
                yield tracked

    def fence(self, partitions: Collection[LogPartition]) -> None:
        """Drop what is held of partitions that somebody else has taken over."""
        dropped = self.buffer.drop(partitions)
        if self.stopping:  # nobody here will read them again
            self.abandoned += dropped
        for tracked in self.tracked(partitions):
            tracked.phase, tracked.restart = Phase.FENCED, False
            tracked.confirmed = tracked.told  # from now on Kafka is told by its owner

    def forget(self, partitions: Collection[LogPartition]) -> int:
        """Drop partitions that are no longer assigned; return the messages dropped."""
        abandoned = self.buffer.drop(partitions)
        for partition in partitions:
            self.parts.pop(partition, None)
        return abandoned

    def fail(self, error: Exception) -> None:
        """Note the first error that ends the sink."""
        self.failure = self.failure or error
