"""What one poll delivered, as columns."""

from collections.abc import Sequence
from typing import NamedTuple

import attrs

from winestream.records.log import LogPartition

Headers = Sequence[tuple[str, bytes | None]]


def dense(offsets: Sequence[int]) -> Sequence[int]:
    """Return ascending offsets as a `range` when none is missing, else unchanged."""
    first, last = offsets[0], offsets[-1]
    return range(first, last + 1) if last - first + 1 == len(offsets) else offsets


@attrs.frozen(eq=False)
class Run:
    """Consecutive messages of one log partition from one poll.

    All columns have the same length, at least one; `offsets` ascend strictly and are a
    `range` where none is missing. `headers` is None when no message carries any.
    `timestamps` are Kafka's, in milliseconds since the epoch, -1 where unknown. What
    comes from messages is not in the `repr`.
    """

    partition: LogPartition
    offsets: Sequence[int]
    values: Sequence[bytes | None] = attrs.field(repr=False)
    keys: Sequence[bytes | None] = attrs.field(repr=False)
    timestamps: Sequence[int]
    headers: Sequence[Headers | None] | None = attrs.field(default=None, repr=False)

    def __len__(self) -> int:
        return len(self.values)


class Room(NamedTuple):
    """What may still be buffered: rows, and bytes of payload."""

    rows: int
    bytes: int

    @property
    def free(self) -> bool:
        """Whether one more message fits."""
        return self.rows > 0 and self.bytes > 0
