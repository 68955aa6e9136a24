"""What the source contract's tests need of a log, and how they read it."""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Final, Literal
from unittest import SkipTest

import attrs

from winestream.ports import CommitResult, OnRevoke, Poll, Source
from winestream.records import Headers, LogPartition, Room, Run

PLENTY: Final = Room(500, 1_000_000)

Start = Literal["earliest", "latest"] | datetime


@attrs.frozen
class Sent:
    """A message to send. `timestamp` in milliseconds since the epoch."""

    value: bytes | None
    key: bytes | None = None
    timestamp: int = 1_700_000_000_000
    headers: Headers | None = None


class SourceWorld(ABC):
    """A topic of two empty partitions and a consumer group, new for each test.

    Set `knows_times` to False where the log cannot be searched by time. `excused` are
    the names by which the log may refuse an owner's commit in a rebalance; there should
    be none. `patience` is how many seconds a test waits for what must come.
    """

    knows_times: bool = True
    excused: frozenset[str] = frozenset()
    patience: float = 30.0

    @abstractmethod
    def source(self, start: Start = "earliest") -> Source:
        """Return a new member of the one group, not yet opened.

        Two that live one after the other find each other's commits.
        """

    @abstractmethod
    def send(self, partition: int, *messages: Sent) -> None:
        """Append to partition 0 or 1, and return once they can be read."""

    def expire(self, partition: int, before: int) -> None:
        """Let retention delete what stands before an offset."""
        raise SkipTest(
            f"nothing expires in {type(self).__name__}: {partition}<{before}"
        )

    def end_with_markers(self, partition: int) -> None:
        """Move the log's end on without a message anybody sees, as commits do."""
        raise SkipTest(f"{type(self).__name__} has no markers: {partition}")

    def take_one(self, reader: "Reader") -> None:
        """Let one partition move to another member, polling `reader` meanwhile."""
        raise SkipTest(f"{type(reader.source).__name__} has no group")

    def break_next_poll(self, source: Source) -> None:
        """Let the next poll that has messages destroy them and raise."""
        raise SkipTest(f"nothing makes {type(source).__name__} fail")


class Reader:
    """An open source and what it delivered so far. One thread.

    It goes on where it was when a partition is lost and comes back: on a machine that
    stood still for longer than a session that is nobody's fault.
    """

    def __init__(
        self, source: Source, patience: float, on_revoke: OnRevoke | None = None
    ) -> None:
        self.source, self._patience = source, patience
        self.offsets: dict[LogPartition, list[int]] = {}
        self.revoked: list[frozenset[LogPartition]] = []
        self._next: dict[LogPartition, int] = {}
        self._lost: set[LogPartition] = set()
        source.open(on_revoke or self.revoked.append)

    def poll(self, room: Room = PLENTY, timeout: float = 0.05) -> Poll:
        """Poll once and note what came."""
        polled = self.source.poll(room, timeout)
        for run in polled.runs:
            self.offsets.setdefault(run.partition, []).extend(run.offsets)
            self._next[run.partition] = run.offsets[-1] + 1
        self._lost |= polled.lost
        if back := self._lost & polled.assigned & self._next.keys():
            self._lost -= back
            self.source.start({log: self._next[log] for log in back})
        return polled

    def start(self, positions: Mapping[LogPartition, int]) -> None:
        """Read from these positions next."""
        self._next.update(positions)
        self.source.start(positions)

    def until(self, wanted: Callable[[Poll], object], room: Room = PLENTY) -> Poll:
        """Poll until a poll is as wanted."""
        give_up = time.monotonic() + self._patience
        while not wanted(polled := self.poll(room)):
            if time.monotonic() > give_up:
                raise AssertionError(f"waited {self._patience} s; at last {polled}")
        return polled

    def join(self) -> list[LogPartition]:
        """Wait for both partitions."""
        return sorted(self.until(lambda polled: len(polled.assigned) == 2).assigned)  # noqa: PLR2004 — as the world has it

    def started(self, position: int = 0) -> list[LogPartition]:
        """Wait for both partitions and read them from here."""
        logs = self.join()
        self.start(dict.fromkeys(logs, position))
        return logs

    def read(self, messages: int) -> None:
        """Poll until so many were delivered in all."""
        self.until(lambda _: sum(map(len, self.offsets.values())) >= messages)

    def runs(self, messages: int) -> list[Run]:
        """Poll until so many messages came from now on, and return their runs."""
        runs: list[Run] = []
        while sum(len(run) for run in runs) < messages:
            runs += self.until(lambda polled: polled.runs).runs
        return runs

    def nothing(self, polls: int = 6) -> None:
        """Fail if these polls bring anything."""
        for _ in range(polls):
            if runs := self.poll().runs:
                raise AssertionError(f"delivered {runs}, and nothing was due")

    def require(self, expected: dict[LogPartition, list[int]]) -> None:
        """Fail unless exactly these offsets were delivered, in this order."""
        if self.offsets != expected:
            raise AssertionError(f"delivered {self.offsets}, not {expected}")


def fill(world: SourceWorld, messages: int, size: int = 10) -> None:
    """Append so many messages to each of the two partitions."""
    for partition in (0, 1):
        world.send(partition, *(Sent(b"x" * size, b"k") for _ in range(messages)))


def commit(reader: Reader, positions: Mapping[LogPartition, int]) -> CommitResult:
    """Commit and wait for the answer."""
    answer = reader.source.commit(positions, wait=True)
    if answer is None:
        raise AssertionError("a commit that waits must be answered")
    return answer


def same(found: object, wanted: object) -> None:
    """Fail unless they are equal."""
    require(found == wanted, f"{found}, not {wanted}")


def require(held: bool, told: object) -> None:  # noqa: FBT001 — it is what is required
    """Fail unless it held; `assert` would vanish under `python -O`."""
    if not held:
        raise AssertionError(told)


@contextmanager
def opened(world: SourceWorld, start: Start = "earliest") -> Iterator[Reader]:
    """Open a source for the body."""
    reader = Reader(world.source(start), world.patience)
    try:
        yield reader
    finally:
        reader.source.close()
