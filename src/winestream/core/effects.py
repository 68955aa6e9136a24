"""What the core asks its shell to do, one at a time, in order."""

from collections.abc import Mapping

import attrs

from winestream.records import Freshness, LogPartition, Slice, Want


@attrs.frozen
class Claim:
    """Claim cursors; answered by Claimed, ClaimFailed, NewLog or Fatal."""

    claim_id: int
    wants: Mapping[LogPartition, Want]


@attrs.frozen
class Write:
    """Write the slice under these epochs; `attempt` counts from 1."""

    piece: Slice
    epochs: Mapping[LogPartition, int]
    attempt: int


@attrs.frozen
class Confirm:
    """Read these cursors; answered by Confirmed, ConfirmFailed or Fatal."""

    confirm_id: int
    partitions: frozenset[LogPartition]


@attrs.frozen
class Start:
    """Read from these positions next."""

    positions: Mapping[LogPartition, int]


@attrs.frozen
class Hold:
    """Stop delivering messages (True), or go on (False)."""

    held: bool


@attrs.frozen
class CommitKafka:
    """Tell Kafka. `wait` only where its commit is the truth and the moment the last."""

    positions: Mapping[LogPartition, int]
    wait: bool


@attrs.frozen
class Release:
    """These partitions may go. `abandoned` rows of them were held and dropped."""

    partitions: frozenset[LogPartition]
    abandoned: int


@attrs.frozen
class Landed:
    """The slice is in the warehouse. `after_doubt`: its answer had been lost.

    `freshness` is None without a freshness objective, and for a slice of gaps.
    """

    piece: Slice
    attempts: int
    after_doubt: bool
    freshness: Freshness | None = None


@attrs.frozen
class Outage:
    """The quick retries are used up (True), or the warehouse answers again."""

    active: bool
    error: Exception | None = None


@attrs.frozen
class Fail:
    """Stop with this error. Nothing more is written or told to Kafka."""

    error: Exception


@attrs.frozen
class Done:
    """Everything held is written and told, or the deadline passed with rows left."""

    abandoned: int


Effect = (
    Claim
    | Write
    | Confirm
    | Start
    | Hold
    | CommitKafka
    | Release
    | Landed
    | Outage
    | Fail
    | Done
)
