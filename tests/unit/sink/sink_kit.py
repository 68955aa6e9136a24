"""A sink in memory with a clock of its own, and a writer that answers at once."""

from collections import deque
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from winestream import telemetry as tell
from winestream.core import BatchPolicy
from winestream.ports import Writer
from winestream.records import Failure, Inspection, LogPartition, Slice
from winestream.sink import BatchingSink
from winestream.sink.desk import Answered, Command, WriterThread
from winestream.testing import (
    FakeClock,
    FaultPlan,
    MemoryMessage,
    MemorySource,
    MemoryWarehouse,
    MemoryWriter,
)

A, B = (LogPartition("memory", "memory", "events", i) for i in range(2))


class OneTable:
    """A codec for which every value is an event of one table, but for `broken`."""

    def inspect(self, values: Sequence[bytes | None]) -> Inspection:
        failures = {
            i: Failure("null-value" if v is None else "malformed-json")
            for i, v in enumerate(values)
            if v is None or v.startswith(b"broken")
        }
        n = len(values) - len(failures)
        return Inspection(["id"] * n, ["T"] * n, [1.0] * n, [1] * n, "ROWS", failures)

    def decode(self, value: bytes | None) -> Any:
        raise NotImplementedError

    def encode(self, event: Any) -> bytes:
        raise NotImplementedError


class InlineDesk(WriterThread):
    """Answers at once and on the reader's thread; waiting moves the clock.

    `silent` makes it keep its answers, as a hung warehouse does.
    """

    def __init__(self, writer: Writer, clock: FakeClock) -> None:
        super().__init__(writer, "owner", "inline")
        self.clock = clock
        self.silent = False
        self.late: deque[Command] = deque()
        self.ready: deque[Answered] = deque()

    def open(self) -> None:
        self._writer.open()

    def submit(self, command: Command) -> None:
        self.late.append(command)
        if not self.silent:
            self.work()

    def work(self) -> None:
        """Do what was handed in."""
        while self.late:
            self.ready.append(Answered(self._answer_to(self.late.popleft()), 0.01))

    def answer(self, timeout: float) -> Answered | None:
        if not self.ready:
            self.clock.advance(max(0.0, timeout))
        return self.ready.popleft() if self.ready else None

    def close(self, timeout: float) -> bool:
        self.clock.advance(timeout if self.silent else 0.0)
        return not self.silent


class PlainWriter:
    """A writer without cursors: at least once."""

    def __init__(self) -> None:
        self.warehouse = MemoryWarehouse()
        self.errors: deque[Exception] = deque()

    def open(self) -> None: ...

    def close(self) -> None: ...

    def write(self, piece: Slice, epochs: Mapping[LogPartition, int]) -> None:
        assert set(epochs.values()) == {0}
        if self.errors:
            raise self.errors.popleft()
        self.warehouse.append(piece)


class Kit:
    """All the parts of one sink; `values` are the first partition's messages."""

    def __init__(
        self,
        *values: bytes | None,
        faults: FaultPlan | None = None,
        writer: Any = None,
        max_rows: int = 4,
        other: Sequence[bytes | None] = (),
        **options: Any,
    ) -> None:
        self.clock = FakeClock(100.0)
        logs = {A: values, B: other} if other else {A: values}
        self.source = MemorySource(
            {
                p: [MemoryMessage(i, v, timestamp=1000) for i, v in enumerate(vs)]
                for p, vs in logs.items()
            },
            idle=self.clock.advance,
        )
        self.writer = writer or MemoryWriter(faults)
        self.warehouse: MemoryWarehouse = self.writer.warehouse
        self.desk = InlineDesk(self.writer, self.clock)
        self.told: list[tell.Telemetry] = []
        batch = BatchPolicy(
            max_rows=max_rows,
            linger=timedelta(seconds=2),
            gap_linger=timedelta(seconds=10),
        )
        self.sink = BatchingSink(
            self.source,
            OneTable(),
            self.writer,
            pipeline="test",
            hooks=[self.told.append, *options.pop("hooks", ())],
            owner="owner",
            desk=self.desk,
            now=self.clock,
            jitter=lambda: 0.5,
            **{"batch": batch, **options},
        )

    def turns(self, seconds: float) -> None:
        """Step until so much time has passed."""
        until = self.clock() + seconds
        while self.clock() < until:
            assert self.sink.step(0.05)

    def landed(self, partition: LogPartition = A) -> list[int]:
        """Return the offsets of the rows, in the order they landed."""
        rows = self.warehouse.landed
        return [row.offset for row in rows if row.partition == partition]

    def of(self, kind: type) -> list[Any]:
        """Return the telemetry of one kind."""
        return [value for value in self.told if isinstance(value, kind)]


def values(n: int) -> list[bytes]:
    """Return `n` good messages."""
    return [b"value %d" % i for i in range(n)]
