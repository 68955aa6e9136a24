"""The seams: what a source, a writer, a cursor store and a codec must keep to.

Protocols only. The sink talks to nothing else, so that an adapter can be replaced by
another vendor's, by memory (`winestream.testing`) or by a simulator.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol, runtime_checkable

import attrs

from winestream.events import Event
from winestream.records import (
    Cursor,
    Inspection,
    LogPartition,
    Room,
    Run,
    Slice,
    Want,
    Watermarks,
)


@attrs.frozen
class OutOfRange:
    """The position wanted is not in the log, which spans `[low, high)`."""

    partition: LogPartition
    low: int
    high: int


@attrs.frozen
class CommitResult:
    """How Kafka answered a commit; `errors` has the partitions it refused.

    `gone` are those of them that the group has taken away: until they are assigned
    anew, no commit of theirs will be taken.
    """

    positions: Mapping[LogPartition, int]
    errors: Mapping[LogPartition, str] = attrs.field(factory=dict)
    gone: frozenset[LogPartition] = frozenset()


@attrs.frozen
class Poll:
    """What one poll brought.

    `assigned` is the whole assignment as it stood when the poll completed; a partition
    given back or lost during the poll is in `lost` only if it was lost without a
    revocation. `commits` are the answers to asynchronous commits that came in.
    `reached` is filled only when there are no runs: where a partition's reading stands,
    which may lie past trailing markers; absent until something was read since its last
    `start`.
    """

    runs: Sequence[Run] = ()
    assigned: frozenset[LogPartition] = frozenset()
    lost: frozenset[LogPartition] = frozenset()
    out_of_range: Sequence[OutOfRange] = ()
    commits: Sequence[CommitResult] = ()
    reached: Mapping[LogPartition, int] = attrs.field(factory=dict)


OnRevoke = Callable[[frozenset[LogPartition]], None]


class Source(Protocol):
    """A partitioned log with a consumer group. One thread owns it: the reader."""

    def open(self, on_revoke: OnRevoke) -> None:
        """Subscribe. Called once.

        `on_revoke` is called from inside `poll` and `close` when partitions are about
        to move to another process; they are still ours until it returns. It may take
        long (it drains) and never raises. While it runs only `commit` may be called.
        """

    def poll(self, room: Room, timeout: float) -> Poll:
        """Wait at most `timeout` seconds for messages and return them as runs.

        It may return early with nothing, for example while an identity is found out.
        At most `max(1, min(room.rows, room.bytes // largest value seen))` messages. A
        new partition is held until `start`. Raises `SourceError`, after which messages
        may have been destroyed on the way: the caller starts every partition again
        from where it stands. A partition no longer at its position is `out_of_range`.
        """

    def initial_positions(
        self, partitions: Iterable[LogPartition]
    ) -> Mapping[LogPartition, int]:
        """Resolve the start policy (earliest, latest, a time) to offsets.

        Asks the broker. Raises `SourceError`.
        """

    def committed(
        self, partitions: Iterable[LogPartition]
    ) -> Mapping[LogPartition, int]:
        """Return the group's committed positions; partitions without one are absent.

        Asks the broker. Raises `SourceError`.
        """

    def start(self, positions: Mapping[LogPartition, int]) -> None:
        """Read from these positions next; held partitions begin to deliver.

        While `hold(True)` is in force they begin once it is lifted. What an earlier
        position would have delivered is never seen again. Never raises: a failure
        shows as `SourceError` at the next poll.
        """

    def hold(self, held: bool) -> None:  # noqa: FBT001 — one word says it
        """Deliver nothing (True) or deliver again (False); polling goes on."""

    def commit(
        self, positions: Mapping[LogPartition, int], *, wait: bool
    ) -> CommitResult | None:
        """Tell the group's position. Positions are the next offset to read.

        Asynchronous: None, and the answer is in a later poll's `commits`, not always in
        the order asked. With `wait`
        it blocks within the client's own limits and returns the answer. A partition no
        longer owned is not committed but answered as an error. Never raises.
        """

    def watermarks(self) -> Mapping[LogPartition, Watermarks]:
        """Return the last known ends of the assigned partitions. Asks nobody."""

    def close(self) -> None:
        """Leave the group. Called once, from the reader thread."""


class Writer(Protocol):
    """Puts slices into a warehouse. One thread owns it: the sink's writer thread.

    A writer that is also a `CursorStore` gives exactly once.
    """

    def open(self) -> None:
        """Connect and check what must exist. Raises `WriteError`, `ConfigurationError`.

        Called once and first, from the thread that will write.
        """

    def write(self, piece: Slice, epochs: Mapping[LogPartition, int]) -> None:
        """Write the whole slice, dead letters and gaps included, or nothing of it.

        `epochs` are those of the claims in force, one per partition of the slice.
        Raises `RetryableWriteError`, `RejectedWriteError`, `FatalWriteError`,
        `UnknownOutcomeError`, `FencedError`.
        """

    def close(self) -> None:
        """Give everything back. Never raises. Called once, from the same thread."""


@runtime_checkable
class CursorStore(Protocol):
    """Keeps positions where the rows are, so that both move together or not at all."""

    def claim(
        self, owner: str, wants: Mapping[LogPartition, Want]
    ) -> Mapping[LogPartition, Cursor]:
        """Raise the epoch of these cursors, which fences every older owner.

        A `Want` with `keep_epoch` that no longer holds is absent from the answer.
        Raises `RetryableWriteError` (the outcome may be unknown: claim again),
        `FatalWriteError`, `NewLogError`.
        """

    def read(self, partitions: Iterable[LogPartition]) -> Mapping[LogPartition, Cursor]:
        """Return committed cursors and change nothing. Raises as `claim` does."""


class Codec(Protocol):
    """Turns messages into heads, events into bytes and back. Pure; any thread."""

    def inspect(self, values: Sequence[bytes | None]) -> Inspection:
        """Validate a run's values and route them. Never raises; keeps no objects."""

    def decode(self, value: bytes | None) -> Event:
        """Return the event. Raises `DecodeError` with the reason and the JSON path.

        Accepts and refuses exactly what `inspect` does.
        """

    def encode(self, event: Event) -> bytes:
        """Return the event's JSON: money as decimal strings, times with a zone."""
