"""What must hold: checked at every commit, every word to Kafka, and at the end.

Rows, dead letters and gaps tile `[first, cursor)` of every log partition, each offset
exactly once; the ledger tiles too; poison and only poison is dead; no gap covers a
message; a partition's rows come in order; Kafka is never told more than is durable.
"""

from collections.abc import Mapping

import attrs

from winestream.records import LogPartition
from winestream.testing.world.history import Promise, Violation
from winestream.testing.world.log import SimLog, reason_of, refused, table_of
from winestream.testing.world.tables import (
    DEAD,
    GAPS,
    CursorRow,
    Cursors,
    Item,
    LedgerRow,
    Transaction,
)


@attrs.define
class Place:
    """What is known of one log partition, besides its cursor."""

    landed: dict[int, str] = attrs.field(factory=dict)
    """Each offset that counts, and the slice it came with."""
    ledger_end: int | None = None
    durable: int = -1
    """The highest position its cursor ever had."""
    epoch: int = 0
    rewinds: list[LedgerRow] = attrs.field(factory=list)

    def counts(self, offset: int, epoch: int) -> bool:
        """Whether what landed there under this epoch was not rewound."""
        return not any(r.epoch > epoch and r.stop <= offset for r in self.rewinds)


@attrs.define
class Promises:
    """Looks at every transaction as it becomes durable."""

    logs: Mapping[LogPartition, SimLog]
    places: dict[LogPartition, Place] = attrs.field(factory=dict)

    def committed(self, done: Transaction, cursors: Cursors) -> None:
        """Check a transaction; `cursors` is the table with it."""
        for row in done.ledger:
            self._ledger_row(row)
        self._loads(done)
        for partition in {*done.cursors, *(row.partition for row in done.ledger)}:
            self._tiled(partition, cursors.get(partition, ()))
        for row in done.ledger:
            cursor = cursors[row.partition][0]
            # An epoch alone does not say whose it is: a claim whose COMMIT was for
            # nothing leaves one who believes in an epoch that the next claimant gets.
            if (cursor.epoch, cursor.owner) != (row.epoch, done.name):
                text = (
                    f"{row.slice_id} of {done.name} moved epoch {cursor.epoch} of "
                    f"{cursor.owner} under {row.epoch}"
                )
                raise Violation(Promise.OWNER, text, row.partition)

    def told(self, partition: LogPartition, position: int) -> None:
        """Check what Kafka is told."""
        durable = self._place(partition).durable
        if position > durable:
            raise Violation(
                Promise.KAFKA,
                f"Kafka is told {position}, durable is {durable}",
                partition,
            )

    # -------------------------------------------------------------------- privately

    def _place(self, partition: LogPartition) -> Place:
        return self.places.setdefault(partition, Place())

    def _loads(self, done: Transaction) -> None:
        """Check what was loaded, and that the ledger says so."""
        ledger = {(row.slice_id, row.partition): row for row in done.ledger}
        counted = dict.fromkeys(ledger, (0, 0))
        for load in done.loads:
            last: dict[LogPartition, int] = {}
            for item in load.items:
                where = (load.slice_id, item.partition)
                if where not in ledger:
                    text = f"{load.slice_id} landed without its ledger row"
                    raise Violation(Promise.LEDGER, text, item.partition)
                if item.start < last.get(item.partition, 0):
                    raise Violation(Promise.ORDER, "rows out of order", item.partition)
                last[item.partition] = item.stop
                self._item(load.table, item, ledger[where])
                rows, dead = counted[where]
                is_dead, is_row = load.table == DEAD, load.table not in (DEAD, GAPS)
                counted[where] = (rows + is_row, dead + is_dead)
        for where, row in ledger.items():
            if not row.rewind and counted[where] != (row.rows, row.dead):
                text = (
                    f"ledger {row.slice_id} says {row.rows} rows and {row.dead} dead "
                    f"letters, there are {counted[where]}"
                )
                raise Violation(Promise.LEDGER, text, row.partition)

    def _ledger_row(self, row: LedgerRow) -> None:
        place = self._place(row.partition)
        end = row.start if place.ledger_end is None else place.ledger_end
        if row.start != end:
            raise Violation(
                Promise.LEDGER,
                f"the ledger has a seam: {row.slice_id} begins at {row.start}, "
                f"the one before ended at {end}",
                row.partition,
            )
        place.ledger_end = row.stop
        if row.rewind:
            place.rewinds.append(row)
            for offset in [o for o in place.landed if o >= row.stop]:
                del place.landed[offset]

    def _item(self, table: str, item: Item, row: LedgerRow) -> None:
        where, log = item.partition, self.logs[item.partition]
        if not row.start <= item.start < item.stop <= row.stop:
            raise Violation(Promise.LEDGER, f"{item} lies outside of {row}", where)
        self._content(table, item, log)
        place = self._place(where)
        for offset in range(item.start, item.stop):
            if not place.counts(offset, row.epoch):
                continue
            if offset in place.landed:
                raise Violation(
                    Promise.TILES,
                    f"offset {offset} landed twice: with {place.landed[offset]} "
                    f"and {row.slice_id}",
                    where,
                )
            place.landed[offset] = row.slice_id

    def _content(self, table: str, item: Item, log: SimLog) -> None:
        """Compare with what was produced there."""
        where, at = item.partition, item.start
        if table == GAPS:
            held = [o for o in range(item.start, item.stop) if o in log.produced]
            hidden = [o for o in held if o not in log.compacted]
            if item.reason != "retention" and hidden:
                text = f"the gap {at}-{item.stop} hides {hidden}"
                raise Violation(Promise.CONTENT, text, where)
            if item.reason == "retention" and item.stop > log.low:
                text = f"{at}-{item.stop} was not deleted"
                raise Violation(Promise.CONTENT, text, where)
            return
        if at not in log.produced or log.produced[at] != item.value:
            text = f"offset {at} in {table} is no message"
            raise Violation(Promise.CONTENT, text, where)
        value = log.produced[at]
        reason = reason_of(value)
        if table == DEAD:
            wanted = reason or ("rejected" if refused(value or b"") else "none")
            if item.reason != wanted:
                text = f"{at} is dead for {item.reason}, not {wanted}"
                raise Violation(Promise.CONTENT, text, where)
        elif reason or value is None or table != table_of(value) or refused(value):
            text = f"offset {at} does not belong into {table}"
            raise Violation(Promise.CONTENT, text, where)

    def _tiled(self, partition: LogPartition, rows: tuple[CursorRow, ...]) -> None:
        place = self._place(partition)
        if len(rows) != 1:
            raise Violation(Promise.ONE, f"{len(rows)} cursor rows", partition)
        cursor = rows[0]
        if cursor.epoch < place.epoch:
            text = f"epoch {cursor.epoch} follows {place.epoch}"
            raise Violation(Promise.OWNER, text, partition)
        place.epoch = cursor.epoch
        place.durable = max(place.durable, cursor.position)
        if place.ledger_end not in (None, cursor.position):
            raise Violation(
                Promise.LEDGER,
                f"the cursor is {cursor.position}, the ledger ends at "
                f"{place.ledger_end}",
                partition,
            )
        landed = place.landed
        if len(landed) != cursor.position - cursor.first or (
            landed and (min(landed) < cursor.first or max(landed) >= cursor.position)
        ):
            span = set(range(cursor.first, cursor.position))
            raise Violation(
                Promise.TILES,
                f"[{cursor.first}, {cursor.position}) is not tiled: "
                f"missing {sorted(span - landed.keys())}, "
                f"beyond {sorted(landed.keys() - span)}",
                partition,
            )
