"""Where a message stands: log partitions, ranges, cursors."""

from typing import NamedTuple

import attrs

UNKNOWN_TOPIC_ID = "AAAAAAAAAAAAAAAAAAAAAA"
"""Kafka's all-zero topic id in its usual base64 form: the broker names none."""


class LogPartition(NamedTuple):
    """One log for ever. A topic made again under its name is another log.

    `topic_id` is `UNKNOWN_TOPIC_ID` where the broker does not give one.
    """

    cluster_id: str
    topic_id: str
    topic: str
    partition: int

    def __str__(self) -> str:
        return f"{self.topic}[{self.partition}]"


class Range(NamedTuple):
    """Offsets `[start, stop)`: `stop` is the next offset to read."""

    start: int
    stop: int


@attrs.frozen
class Cursor:
    """A partition's position as the warehouse holds it.

    `position` is the next offset to read, `first` the offset the cursor was born at,
    `epoch` the number of owners so far.
    """

    position: int
    first: int
    epoch: int


@attrs.frozen
class Want:
    """What a claim asks for one log partition.

    `initial` is where a cursor is born if there is none. With `keep_epoch` the claim
    succeeds only while that epoch is still in force; without it the cursor is taken.
    `new_log` allows a birth beside a cursor of another log of the same name.
    """

    initial: int
    keep_epoch: int | None = None
    new_log: bool = False


@attrs.frozen
class Watermarks:
    """The log's ends: `low` the first offset held, `high` one past the last."""

    low: int
    high: int
