"""What a message becomes: a row, a dead letter or, where there is none, a gap."""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any, Literal

import attrs

from winestream.records.log import LogPartition
from winestream.records.packed import (
    PackedBytes,
    PackedTexts,
    packed_bytes,
    packed_texts,
)
from winestream.records.run import Headers

GapReason = Literal["jump", "trailing", "retention"]


@attrs.frozen(eq=False)
class Rows:
    """The rows one table gets from one segment, as columns of equal length.

    `occurred_at` is in seconds since the epoch, exact to the microsecond until the
    year 2106; `timestamps` are Kafka's, in milliseconds. `payloads` are the exact
    bytes of the messages, valid UTF-8; they and the ids are packed as they come in.
    What comes from messages is not in the `repr`.
    """

    table: str
    offsets: Sequence[int]
    event_ids: PackedTexts = attrs.field(converter=packed_texts, repr=False)
    event_types: Sequence[str] = attrs.field(repr=False)
    occurred_at: Sequence[float]
    schema_versions: Sequence[int]
    payloads: PackedBytes = attrs.field(converter=packed_bytes, repr=False)
    keys: Sequence[bytes | None] = attrs.field(repr=False)
    timestamps: Sequence[int]
    headers: Sequence[Headers | None] | None = attrs.field(default=None, repr=False)

    def __len__(self) -> int:
        return len(self.payloads)

    def cut(self, start: int, stop: int) -> "Rows":
        """Return the rows with offsets in `[start, stop)`."""
        window = slice(
            bisect_left(self.offsets, start), bisect_left(self.offsets, stop)
        )
        return self._select(itemgetter(window))

    def without(self, offsets: frozenset[int]) -> "Rows":
        """Return the rows whose offset is not among `offsets`."""
        keep = [i for i, offset in enumerate(self.offsets) if offset not in offsets]
        return self._select(lambda column: [column[i] for i in keep])

    def _select(self, pick: Callable[[Any], Any]) -> "Rows":
        return Rows(
            table=self.table,
            offsets=pick(self.offsets),
            event_ids=pick(self.event_ids),
            event_types=pick(self.event_types),
            occurred_at=pick(self.occurred_at),
            schema_versions=pick(self.schema_versions),
            payloads=pick(self.payloads),
            keys=pick(self.keys),
            timestamps=pick(self.timestamps),
            headers=None if self.headers is None else pick(self.headers),
        )


@attrs.frozen
class Offender:
    """A row the warehouse refused. `detail` holds no payload: an error code."""

    partition: LogPartition
    offset: int
    detail: str


@attrs.frozen
class DeadLetter:
    """A message that cannot become a row, kept whole.

    `reason` is a short code (see `winestream.records.Failure`, or `rejected`), `path`
    the JSON path of the fault or the warehouse's error code. The message itself is not
    in the `repr`.
    """

    offset: int
    value: bytes | None = attrs.field(repr=False)
    key: bytes | None = attrs.field(repr=False)
    timestamp: int
    reason: str
    path: str
    headers: Headers | None = attrs.field(default=None, repr=False)


@attrs.frozen
class Gap:
    """Offsets `[start, stop)` that hold no message, and why.

    `jump`: the log skips them (compaction, transaction markers); `trailing`: the same
    at the log's end; `retention`: they were deleted before they were read.
    """

    start: int
    stop: int
    reason: GapReason
