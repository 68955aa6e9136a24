"""What the core is told. An answer names its question; a stale one changes nothing."""

from collections.abc import Mapping

import attrs

from winestream.records import Cursor, LogPartition, Offender, Segment


@attrs.frozen
class Assigned:
    """The group gave us these partitions; `initial` is where a cursor is born."""

    initial: Mapping[LogPartition, int]


@attrs.frozen
class Polled:
    """A poll completed and these partitions were ours when it did."""

    assigned: frozenset[LogPartition]


@attrs.frozen
class Revoked:
    """These partitions leave at `deadline` at the latest; drain them now."""

    partitions: frozenset[LogPartition]
    deadline: float


@attrs.frozen
class Lost:
    """These partitions are gone already."""

    partitions: frozenset[LogPartition]


@attrs.frozen
class Fetched:
    """One run, inspected."""

    segment: Segment


@attrs.frozen
class Reached:
    """An empty poll; reading stands here since the last start of each partition."""

    positions: Mapping[LogPartition, int]


@attrs.frozen
class PollFailed:
    """A poll raised: messages may have been destroyed while positions moved on."""


@attrs.frozen
class OutOfRange:
    """The position wanted is not in the log, which spans `[low, high)`."""

    partition: LogPartition
    low: int
    high: int


@attrs.frozen
class Claimed:
    """The claim's cursors; what it asked to keep and is missing is somebody else's."""

    claim_id: int
    cursors: Mapping[LogPartition, Cursor]


@attrs.frozen
class ClaimFailed:
    """Nobody knows whether the claim took effect; claim again."""

    claim_id: int
    error: Exception


@attrs.frozen
class NewLog:
    """The claim found cursors of another log under the same name."""

    claim_id: int
    error: Exception


@attrs.frozen
class Written:
    """The slice's transaction committed, by the warehouse's word."""

    slice_id: str


@attrs.frozen
class Retryable:
    """Nothing of the slice was written; it may be tried again."""

    slice_id: str
    error: Exception


@attrs.frozen
class Rejected:
    """The warehouse refuses rows of the slice. `detail` is an error code."""

    slice_id: str
    offenders: tuple[Offender, ...]
    detail: str


@attrs.frozen
class Unknown:
    """The slice landed, or it did not."""

    slice_id: str
    error: Exception


@attrs.frozen
class Fenced:
    """Somebody else holds these partitions' cursors; nothing was written."""

    slice_id: str
    partitions: frozenset[LogPartition]


@attrs.frozen
class Fatal:
    """No retry can succeed."""

    error: Exception


@attrs.frozen
class Confirmed:
    """Cursors as committed in the warehouse."""

    confirm_id: int
    cursors: Mapping[LogPartition, Cursor]


@attrs.frozen
class ConfirmFailed:
    """The cursors could not be read just now."""

    confirm_id: int
    error: Exception


@attrs.frozen
class KafkaCommitted:
    """Kafka's answer to a commit; `errors` has the partitions it refused.

    `gone` are those of them that somebody else may own by now.
    """

    positions: Mapping[LogPartition, int]
    errors: Mapping[LogPartition, str]
    gone: frozenset[LogPartition] = frozenset()


@attrs.frozen
class Stop:
    """Write what is held, confirm, tell Kafka, and be done by `deadline`."""

    deadline: float


Answer = (
    Claimed
    | ClaimFailed
    | NewLog
    | Written
    | Retryable
    | Rejected
    | Unknown
    | Fenced
    | Fatal
    | Confirmed
    | ConfirmFailed
)
"""What the writer thread says."""

Input = (
    Assigned
    | Polled
    | Revoked
    | Lost
    | Fetched
    | Reached
    | PollFailed
    | OutOfRange
    | KafkaCommitted
    | Stop
    | Answer
)
