"""A log in memory, and a source that reads it."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Literal

import attrs

from winestream.errors import SourceError
from winestream.events import Event
from winestream.ports import Codec, CommitResult, OnRevoke, OutOfRange, Poll
from winestream.records import (
    Headers,
    LogPartition,
    Room,
    Run,
    Watermarks,
    dense,
)

PAGE = 1000
"""The most messages one poll brings."""

IDLE_SECONDS = 0.01
"""The longest an empty poll waits."""


@attrs.frozen
class MemoryMessage:
    """One message as a producer sent it."""

    offset: int
    value: bytes | None
    key: bytes | None = None
    timestamp: int = -1
    headers: Headers | None = None


class MemorySource:
    """Reads partitions held in memory, all of them at once, without a group.

    Rebalances and failures are scripted: `revoke`, `lose`, `assign` and `fail` take
    effect inside the next poll, as they would with a real client. A poll that finds
    nothing calls `idle` with the seconds it may wait: `time.sleep`, or in a test with
    a clock of its own `clock.advance`.
    """

    def __init__(
        self,
        partitions: Mapping[LogPartition, Sequence[MemoryMessage]],
        *,
        start: Literal["earliest", "latest"] = "earliest",
        idle: Callable[[float], None] = time.sleep,
    ) -> None:
        self._idle = idle
        self.log = {p: list(messages) for p, messages in partitions.items()}
        self.commits: dict[LogPartition, int] = {}
        self._start = start
        self._position: dict[LogPartition, int] = {}
        self._mine = set(self.log)
        self._lost: set[LogPartition] = set()
        self._revoke: set[LogPartition] = set()
        self._held = False
        self._low: dict[LogPartition, int] = {}
        self._high: dict[LogPartition, int] = {}
        self._largest = 1
        self._fail: BaseException | None = None
        self._skipping = 0
        self._answers: list[CommitResult] = []
        self._on_revoke: OnRevoke | None = None

    @classmethod
    def of(
        cls, codec: Codec, events: Iterable[Event], *, topic: str = "events"
    ) -> "MemorySource":
        """Return a source of one partition that holds these events, encoded."""
        partition = LogPartition("memory", "memory", topic, 0)
        messages = [
            MemoryMessage(
                offset,
                codec.encode(event),
                timestamp=int(event.occurred_at.timestamp() * 1000),
            )
            for offset, event in enumerate(events)
        ]
        return cls({partition: messages})

    # ------------------------------------------------------------------- the script

    def append(self, partition: LogPartition, *values: bytes | None) -> None:
        """Add messages to a partition's end."""
        log = self.log.setdefault(partition, [])
        log += [
            MemoryMessage(self._end(partition) + i, v) for i, v in enumerate(values)
        ]

    def skip(self, partition: LogPartition, offsets: int) -> None:
        """Let the log's end move on without messages, as commit markers do."""
        self._high[partition] = self._end(partition) + offsets

    def expire(self, partition: LogPartition, before: int) -> None:
        """Let retention delete the messages before an offset."""
        self._low[partition] = before
        self.log[partition] = [m for m in self.log[partition] if m.offset >= before]
        self._high[partition] = max(before, self._end(partition))

    def fail(self, *, skipping: int = 0, error: BaseException | None = None) -> None:
        """Let the next poll raise, having destroyed so many messages per partition.

        It raises `error`, or else a `SourceError`.
        """
        self._fail = error or SourceError("planned: the poll failed")
        self._skipping = skipping

    def revoke(self, *partitions: LogPartition) -> None:
        """Let the next poll revoke these partitions."""
        self._revoke.update(partitions)

    def lose(self, *partitions: LogPartition) -> None:
        """Let the next poll report these partitions as lost."""
        self._lost.update(partitions)
        self._take_away(partitions)

    def assign(self, *partitions: LogPartition) -> None:
        """Let the next poll report these partitions as assigned."""
        self._mine.update(partitions)

    # --------------------------------------------------------------------- the port

    def open(self, on_revoke: OnRevoke) -> None:
        """See `Source`."""
        self._on_revoke = on_revoke

    def poll(self, room: Room, timeout: float) -> Poll:
        """See `Source`."""
        if self._revoke and self._on_revoke:
            leaving, self._revoke = frozenset(self._revoke), set()
            self._on_revoke(leaving)
            self._take_away(leaving)
        if self._fail is not None:
            error, self._fail = self._fail, None
            for partition in self._position:
                self._position[partition] += self._skipping
            raise error
        outside = [] if self._held else self._out_of_range()
        runs = [] if self._held else self._fetch(self._most(room))
        if not runs:
            self._idle(min(timeout, IDLE_SECONDS))
            self._pass_markers()
        lost, self._lost = frozenset(self._lost), set()
        commits, self._answers = self._answers, []
        return Poll(
            runs=runs,
            assigned=frozenset(self._mine),
            lost=lost,
            out_of_range=outside,
            commits=commits,
            reached={} if runs else dict(self._position),
        )

    def initial_positions(
        self, partitions: Iterable[LogPartition]
    ) -> Mapping[LogPartition, int]:
        """See `Source`."""
        ends = self.watermarks()
        earliest = self._start == "earliest"
        return {p: ends[p].low if earliest else ends[p].high for p in partitions}

    def committed(
        self, partitions: Iterable[LogPartition]
    ) -> Mapping[LogPartition, int]:
        """See `Source`."""
        return {p: self.commits[p] for p in partitions if p in self.commits}

    def start(self, positions: Mapping[LogPartition, int]) -> None:
        """See `Source`."""
        self._position.update({p: at for p, at in positions.items() if p in self._mine})

    def hold(self, held: bool) -> None:  # noqa: FBT001 — as the port has it
        """See `Source`."""
        self._held = held

    def commit(
        self, positions: Mapping[LogPartition, int], *, wait: bool
    ) -> CommitResult | None:
        """See `Source`."""
        errors = {p: "not owned" for p in positions if p not in self._mine}
        self.commits.update({p: at for p, at in positions.items() if p in self._mine})
        result = CommitResult(dict(positions), errors, frozenset(errors))
        if wait:
            return result
        self._answers.append(result)
        return None

    def watermarks(self) -> Mapping[LogPartition, Watermarks]:
        """See `Source`."""
        return {
            partition: Watermarks(self._start_of(partition), self._end(partition))
            for partition in self.log
        }

    def close(self) -> None:
        """See `Source`."""
        if self._on_revoke and self._mine:
            self._on_revoke(frozenset(self._mine))
        self._take_away(tuple(self._mine))

    # -------------------------------------------------------------------- privately

    def _end(self, partition: LogPartition) -> int:
        log = self.log[partition]
        return max(log[-1].offset + 1 if log else 0, self._high.get(partition, 0))

    def _start_of(self, partition: LogPartition) -> int:
        log = self.log[partition]
        return self._low.get(partition, log[0].offset if log else 0)

    def _most(self, room: Room) -> int:
        return max(1, min(room.rows, room.bytes // self._largest, PAGE))

    def _out_of_range(self) -> list[OutOfRange]:
        outside = [
            OutOfRange(partition, low, high)
            for partition, position in self._position.items()
            for low, high in [(self._low.get(partition, 0), self._end(partition))]
            if not low <= position <= high
        ]
        for item in outside:  # nothing is delivered until the next start
            del self._position[item.partition]
        return outside

    def _pass_markers(self) -> None:
        """Move past what holds no message, as a client does when it waits."""
        for partition, position in self._position.items():
            if not any(m.offset >= position for m in self.log[partition]):
                self._position[partition] = max(position, self._end(partition))

    def _take_away(self, partitions: Iterable[LogPartition]) -> None:
        for partition in partitions:
            self._mine.discard(partition)
            self._position.pop(partition, None)

    def _fetch(self, rows: int) -> list[Run]:
        runs = []
        for partition, position in self._position.items():
            ahead = [m for m in self.log[partition] if m.offset >= position][:rows]
            if ahead:
                runs.append(_run(partition, ahead))
                self._position[partition] = ahead[-1].offset + 1
                sizes = (len(message.value or b"") for message in ahead)
                self._largest = max(self._largest, *sizes)
                rows -= len(ahead)
            if rows <= 0:
                break
        return runs


def _run(partition: LogPartition, messages: Sequence[MemoryMessage]) -> Run:
    headers = [message.headers for message in messages]
    return Run(
        partition=partition,
        offsets=dense([message.offset for message in messages]),
        values=[message.value for message in messages],
        keys=[message.key for message in messages],
        timestamps=[message.timestamp for message in messages],
        headers=headers if any(headers) else None,
    )
