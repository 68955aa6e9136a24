"""What the sink tells its hooks: one value per thing that happened, never per event.

A hook is any callable that takes one of these. Hooks are called on the reader thread,
so they must be quick; one that raises is logged once and left out from then on.
Values hold no payloads, keys or secrets. Durations are in seconds.
"""

from collections.abc import Callable, Mapping, Sequence

import attrs

from winestream.records import Cursor, Freshness, Guarantee, LogPartition, Range


@attrs.frozen
class SinkOpened:
    """A sink connected and subscribed. `settings` is already redacted."""

    pipeline: str
    owner: str
    guarantee: Guarantee
    settings: Mapping[str, str]


@attrs.frozen
class PartitionsAssigned:
    """The group gave these partitions to this process; claims follow."""

    partitions: frozenset[LogPartition]


@attrs.frozen
class CursorsClaimed:
    """These partitions are ours; reading starts at the cursors' positions."""

    cursors: Mapping[LogPartition, Cursor]


@attrs.frozen
class ClaimFailed:
    """A claim did not succeed and is tried again. `error` holds no payload."""

    error: str


@attrs.frozen
class PartitionsReleased:
    """A rebalance took these partitions; what was held of them had been written.

    `abandoned` counts rows dropped at the deadline: their next owner reads them again.
    """

    partitions: frozenset[LogPartition]
    abandoned: int


@attrs.frozen
class PartitionsLost:
    """The group took these partitions without asking; what was held is dropped."""

    partitions: frozenset[LogPartition]


@attrs.frozen
class RunsPolled:
    """One poll's messages by topic, valid or not."""

    messages: Mapping[str, int]


@attrs.frozen
class PollFailed:
    """A poll raised; every partition is read again from where it stands."""

    error: str


@attrs.frozen
class SliceWritten:
    """A slice is committed in the warehouse.

    `rows` counts by table, `event_types` by event type, `dead_letters` by reason with
    their first coordinates in `first_dead`. `seconds` is the write's time,
    `oldest_occurred_at` and `newest_occurred_at` are seconds since the epoch, None
    without rows. `after_doubt` marks a slice whose answer was lost and whose cursor
    later showed that it had landed. `freshness` is None without a freshness objective,
    and for a slice of gaps. Event types come from messages, so they are not in the
    `repr`.
    """

    slice_id: str
    ranges: Mapping[LogPartition, Range]
    rows: Mapping[str, int]
    event_types: Mapping[str, int] = attrs.field(repr=False)
    dead_letters: Mapping[str, int]
    first_dead: Sequence[str]
    payload_bytes: int
    seconds: float
    attempts: int
    oldest_occurred_at: float | None
    newest_occurred_at: float | None
    after_doubt: bool = False
    freshness: Freshness | None = None


@attrs.frozen
class WriteFailed:
    """A write did not land or its outcome is unknown; the sink goes on.

    `kind` is `retryable`, `rejected`, `unknown` or `fenced`.
    """

    slice_id: str
    kind: str
    error: str
    attempt: int


@attrs.frozen
class OutageChanged:
    """The quick retries are used up (True), or writing works again (False)."""

    active: bool
    error: str = ""


@attrs.frozen
class Held:
    """Reading is paused because the buffers are full (True), or goes on (False)."""

    held: bool


@attrs.frozen
class KafkaCommitted:
    """Kafka answered a commit. `errors` has what it refused."""

    positions: Mapping[LogPartition, int]
    errors: Mapping[LogPartition, str]


@attrs.frozen
class Progress:
    """Where the sink stands, about once a second.

    `lag` is the messages between what is written and the log's end, per partition;
    `oldest_unwritten` the Kafka time in seconds since the epoch of the oldest message
    held and not yet written, None when nothing is.
    """

    lag: Mapping[LogPartition, int]
    held_rows: int
    held_bytes: int
    oldest_unwritten: float | None


@attrs.frozen
class SinkStopped:
    """The sink is closed. `abandoned` rows were held and not written."""

    abandoned: int
    error: str = ""


Telemetry = (
    SinkOpened
    | PartitionsAssigned
    | CursorsClaimed
    | ClaimFailed
    | PartitionsReleased
    | PartitionsLost
    | RunsPolled
    | PollFailed
    | SliceWritten
    | WriteFailed
    | OutageChanged
    | Held
    | KafkaCommitted
    | Progress
    | SinkStopped
)

Hook = Callable[[Telemetry], None]
