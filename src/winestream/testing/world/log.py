"""A partitioned log as a broker keeps it: holes, markers, compaction, retention."""

from bisect import bisect_left
from collections.abc import Sequence

import attrs

from winestream.errors import DecodeError
from winestream.events import Event
from winestream.records import Failure, Inspection, LogPartition

GOOD, HEAVY, BROKEN, NULL, POISON = b"good", b"heavy", b"broken", b"null", b"poison"
KINDS = (*(GOOD,) * 12, HEAVY, HEAVY, BROKEN, NULL, POISON)
"""What a producer sends: mostly good; POISON is refused by the warehouse only."""

_PADDING = b"." * 40
"""Makes a heavy message heavy: the byte bound of a slice is met too."""


@attrs.define
class SimLog:
    """One log partition. Missing offsets below `end` are legal gaps.

    `messages` is what can be read, `produced` all that ever was, `compacted` what the
    broker removed because a newer message made it obsolete.
    """

    partition: LogPartition
    messages: dict[int, bytes | None] = attrs.field(factory=dict)
    produced: dict[int, bytes | None] = attrs.field(factory=dict)
    compacted: set[int] = attrs.field(factory=set)
    low: int = 0
    end: int = 0
    _offsets: list[int] = attrs.field(factory=list)

    def append(self, kind: bytes) -> None:
        """Put a message at the end."""
        where = f"{self.partition.topic_id} {self.partition.partition} {self.end}"
        value: bytes | None = b"%s %s" % (kind, where.encode())
        if kind == NULL:
            value = None
        elif kind == HEAVY:
            value = (value or b"") + _PADDING
        self.messages[self.end] = self.produced[self.end] = value
        self._offsets.append(self.end)
        self.end += 1

    def mark(self, offsets: int) -> None:
        """Let the end move on without messages, as commit markers do."""
        self.end += offsets

    def compact(self, offset: int) -> None:
        """Remove an obsolete message."""
        if offset in self.messages:
            del self.messages[offset]
            self._offsets.remove(offset)
            self.compacted.add(offset)

    def expire(self, low: int) -> None:
        """Let retention delete everything below `low`."""
        self.low = max(self.low, min(low, self.end))
        cut = bisect_left(self._offsets, self.low)
        for offset in self._offsets[:cut]:
            del self.messages[offset]
        del self._offsets[:cut]

    def ahead(self, position: int, most: int) -> Sequence[int]:
        """Return the next offsets that hold a message, at most so many."""
        start = bisect_left(self._offsets, position)
        return self._offsets[start : start + most]


def table_of(value: bytes) -> str:
    """Return the table a message goes to."""
    return "EVEN" if value.rstrip(b".")[-1] % 2 == 0 else "ODD"


def reason_of(value: bytes | None) -> str | None:
    """Return why a message is no event; None when it is one."""
    if value is None:
        return "null-value"
    return "malformed-json" if value.startswith(BROKEN) else None


def refused(payload: bytes) -> bool:
    """Whether the warehouse does not take this row."""
    return payload.startswith(POISON)


class SimCodec:
    """A codec for these messages."""

    def inspect(self, values: Sequence[bytes | None]) -> Inspection:
        """See `Codec`."""
        failures: dict[int, Failure] = {}
        tables: list[str] = []
        for index, value in enumerate(values):
            reason = reason_of(value)
            if reason is not None:
                failures[index] = Failure(reason)
            elif value is not None:
                tables.append(table_of(value))
        n = len(tables)
        return Inspection(
            ["id"] * n, ["SIMULATED"] * n, [1.0] * n, [1] * n, tables, failures
        )

    def decode(self, value: bytes | None) -> Event:
        """Refuse: nobody in a simulated world looks at events."""
        raise DecodeError(reason_of(value) or "malformed-json")

    def encode(self, event: Event) -> bytes:
        """Return something; nobody reads it."""
        return event.event_id.encode()
