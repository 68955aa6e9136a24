"""A slice as ledger rows and as one load per table."""

from collections.abc import Iterator, Mapping

from winestream.records import LogPartition, Slice
from winestream.testing.world.log import refused
from winestream.testing.world.tables import DEAD, GAPS, Item, LedgerRow, Load


def ledger_of(piece: Slice, epochs: Mapping[LogPartition, int]) -> list[LedgerRow]:
    """Return the slice's ledger rows, one per partition."""
    return [
        LedgerRow(
            piece.id,
            partition,
            start,
            stop,
            sum(part.row_count for part in piece.segments_of(partition)),
            sum(len(part.dead) for part in piece.segments_of(partition)),
            epochs[partition],
        )
        for partition, (start, stop) in piece.ranges.items()
    ]


def loads_of(piece: Slice) -> list[Load]:
    """Return what the slice brings into each table."""
    items: dict[str, list[Item]] = {}
    for table, item in _items(piece):
        items.setdefault(table, []).append(item)
    return [Load(piece.id, table, tuple(rows)) for table, rows in items.items()]


def refused_in(load: Load) -> list[tuple[LogPartition, int]]:
    """Return the rows of a load that the warehouse does not take."""
    if load.table in (DEAD, GAPS):
        return []
    return [
        (item.partition, item.start)
        for item in load.items
        if item.value is not None and refused(item.value)
    ]


def _items(piece: Slice) -> Iterator[tuple[str, Item]]:
    for part in piece.segments:
        where = part.partition
        for rows in part.rows:
            for offset, payload in zip(rows.offsets, rows.payloads, strict=True):
                yield rows.table, Item(where, offset, offset + 1, payload)
        for letter in part.dead:
            at = letter.offset
            yield DEAD, Item(where, at, at + 1, letter.value, letter.reason)
        for gap in part.gaps:
            yield GAPS, Item(where, gap.start, gap.stop, None, gap.reason)
