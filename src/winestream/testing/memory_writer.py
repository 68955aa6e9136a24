"""A warehouse in memory, and a writer with cursors for it."""

from collections.abc import Callable, Iterable, Mapping
from threading import RLock

import attrs

from winestream.errors import (
    FatalWriteError,
    FencedError,
    NewLogError,
    RejectedWriteError,
    RetryableWriteError,
    UnknownOutcomeError,
)
from winestream.records import (
    Cursor,
    DeadLetter,
    Gap,
    LogPartition,
    Offender,
    Slice,
    Want,
)
from winestream.testing.faults import Fault, FaultPlan


@attrs.frozen
class MemoryRow:
    """One row as it landed."""

    table: str
    partition: LogPartition
    offset: int
    event_id: str
    event_type: str
    payload: bytes
    slice_id: str


@attrs.define
class MemoryWarehouse:
    """Tables, cursors and a ledger, shared by any number of writers. Thread-safe."""

    cursors: dict[LogPartition, Cursor] = attrs.field(factory=dict)
    landed: list[MemoryRow] = attrs.field(factory=list)
    dead: list[tuple[LogPartition, DeadLetter]] = attrs.field(factory=list)
    gaps: list[tuple[LogPartition, Gap]] = attrs.field(factory=list)
    slices: list[Slice] = attrs.field(factory=list)
    lock: RLock = attrs.field(factory=RLock, repr=False)

    def rows(self, table: str) -> list[MemoryRow]:
        """Return the rows of one table in the order they landed."""
        with self.lock:
            return [row for row in self.landed if row.table == table]

    def covered(self, partition: LogPartition) -> list[int]:
        """Return every offset that is a row, a dead letter or in a gap, sorted.

        Exactly once means: equal to `range(first, cursor)`.
        """
        with self.lock:
            offsets = [row.offset for row in self.landed if row.partition == partition]
            offsets += [d.offset for where, d in self.dead if where == partition]
            for where, gap in self.gaps:
                if where == partition:
                    offsets += range(gap.start, gap.stop)
            return sorted(offsets)

    def append(self, piece: Slice) -> None:
        """Put all that a slice holds where it belongs."""
        self.slices.append(piece)
        for part in piece.segments:
            self.dead += [(part.partition, letter) for letter in part.dead]
            self.gaps += [(part.partition, gap) for gap in part.gaps]
            for rows in part.rows:
                self.landed += [
                    MemoryRow(
                        rows.table,
                        part.partition,
                        rows.offsets[i],
                        rows.event_ids[i],
                        rows.event_types[i],
                        rows.payloads[i],
                        piece.id,
                    )
                    for i in range(len(rows))
                ]


class MemoryWriter:
    """Writes into a `MemoryWarehouse`, with cursors: exactly once.

    `faults` is public so that a test can plan new ones while the sink runs.
    """

    def __init__(
        self,
        faults: FaultPlan | None = None,
        warehouse: MemoryWarehouse | None = None,
        before_write: Callable[[Slice], None] | None = None,
    ) -> None:
        self.faults = faults or FaultPlan()
        self.warehouse = warehouse or MemoryWarehouse()
        self._before_write = before_write

    def open(self) -> None:
        """Nothing to connect to."""

    def close(self) -> None:
        """Nothing to give back."""

    def rows(self, table: str) -> list[MemoryRow]:
        """Return the rows of one table in the order they landed."""
        return self.warehouse.rows(table)

    def claim(
        self, owner: str, wants: Mapping[LogPartition, Want]
    ) -> Mapping[LogPartition, Cursor]:
        """Raise epochs; see `CursorStore`."""
        del owner
        with self.warehouse.lock:
            cursors = self.warehouse.cursors
            born = [p for p, want in wants.items() if p not in cursors]
            older = [p for p in born if self._namesake(p) and not wants[p].new_log]
            if older:
                raise NewLogError(older)
            claimed = {}
            for partition, want in wants.items():
                held = cursors.get(partition)
                if held is None:
                    if want.keep_epoch is not None:
                        continue
                    held = Cursor(want.initial, want.initial, 0)
                elif want.keep_epoch not in (None, held.epoch):
                    continue
                claimed[partition] = attrs.evolve(held, epoch=held.epoch + 1)
            cursors.update(claimed)
            return claimed

    def read(self, partitions: Iterable[LogPartition]) -> Mapping[LogPartition, Cursor]:
        """Return cursors and change nothing; see `CursorStore`."""
        with self.warehouse.lock:
            cursors = self.warehouse.cursors
            return {p: cursors[p] for p in partitions if p in cursors}

    def write(self, piece: Slice, epochs: Mapping[LogPartition, int]) -> None:
        """Write all of it or nothing; see `Writer`."""
        if self._before_write:
            self._before_write(piece)
        fault = self.faults.next()
        if fault is Fault.RETRYABLE:
            raise RetryableWriteError("planned: try again")
        if fault is Fault.FATAL:
            raise FatalWriteError("planned: never")
        self._reject(piece)
        with self.warehouse.lock:
            self._compare(piece, epochs)
            if fault in (Fault.NONE, Fault.ANSWER_LOST):
                self._commit(piece)
        if fault in (Fault.ANSWER_LOST, Fault.COMMIT_LOST):
            raise UnknownOutcomeError("planned: the answer to the commit was lost")

    def _namesake(self, partition: LogPartition) -> bool:
        name = (partition.topic, partition.partition)
        return any((p.topic, p.partition) == name for p in self.warehouse.cursors)

    def _reject(self, piece: Slice) -> None:
        offenders = [
            Offender(part.partition, rows.offsets[i], "planned")
            for part in piece.segments
            for rows in part.rows
            for i, payload in enumerate(rows.payloads)
            if self.faults.refuse(payload)
        ]
        if offenders:
            named = offenders if self.faults.name_offenders else ()
            raise RejectedWriteError("planned", code="planned", offenders=named)

    def _compare(self, piece: Slice, epochs: Mapping[LogPartition, int]) -> None:
        cursors = self.warehouse.cursors
        fenced = [
            partition
            for partition, (start, _) in piece.ranges.items()
            if (held := cursors.get(partition)) is None
            or (held.position, held.epoch) != (start, epochs[partition])
        ]
        if fenced:
            raise FencedError(fenced)

    def _commit(self, piece: Slice) -> None:
        cursors = self.warehouse.cursors
        for partition, (_, stop) in piece.ranges.items():
            cursors[partition] = attrs.evolve(cursors[partition], position=stop)
        self.warehouse.append(piece)
