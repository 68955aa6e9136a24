"""The last look: everything again from the tables alone, as an auditor would."""

from collections import Counter
from typing import TYPE_CHECKING

from winestream.records import LogPartition
from winestream.testing.world.history import Promise, Violation
from winestream.testing.world.log import SimLog
from winestream.testing.world.tables import GAPS, LedgerRow

if TYPE_CHECKING:
    from winestream.testing.world.world import World


def audit(world: "World") -> None:
    """Recount every log partition's offsets. Raises `Violation`."""
    ledger = {
        (row.slice_id, row.partition): row
        for rows in world.warehouse.ledger.values()
        for row in rows
    }
    for partition, rows in world.warehouse.cursors.items():
        (cursor,) = rows
        rewinds = [r for r in ledger.values() if r.rewind and r.partition == partition]
        counted = Counter(_offsets(world, partition, ledger, rewinds, None))
        if counted != Counter(range(cursor.first, cursor.position)):
            raise Violation(Promise.TILES, "the tables do not tile", partition)
        _messages(
            world.logs[partition],
            range(cursor.first, cursor.position),
            set(_offsets(world, partition, ledger, rewinds, GAPS)),
        )
        held = [row for row in rows if row.position > world.logs[partition].end]
        if (
            held
            or world.group.committed.get(partition, 0)
            > world.promises.places[partition].durable
        ):
            raise Violation(Promise.KAFKA, "a position is beyond its log", partition)


def _offsets(
    world: "World",
    partition: LogPartition,
    ledger: dict[tuple[str, LogPartition], LedgerRow],
    rewinds: list[LedgerRow],
    table: str | None,
) -> list[int]:
    """Return the offsets that count, of one table or of all."""
    return [
        offset
        for load in world.warehouse.loads
        if table in (None, load.table)
        for item in load.items
        if item.partition == partition
        for offset in range(item.start, item.stop)
        if not any(
            r.epoch > ledger[load.slice_id, partition].epoch and r.stop <= offset
            for r in rewinds
        )
    ]


def _messages(log: SimLog, span: range, gaps: set[int]) -> None:
    """Require that a message in a gap was deleted, and not skipped."""
    hidden = [offset for offset in span if offset in gaps and offset in log.messages]
    if hidden:
        text = f"messages {hidden} are in gaps"
        raise Violation(Promise.CONTENT, text, log.partition)
