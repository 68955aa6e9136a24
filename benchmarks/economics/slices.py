"""Slices of real orders: the wine merchant's events, as they go over the wire."""

import sys
from datetime import UTC, datetime
from functools import cache
from itertools import cycle, islice
from pathlib import Path
from typing import Final

from winestream.records import LogPartition, Rows, Segment, Slice

ROOT: Final = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "examples"))

from full_stack.catalogue import load_catalogue  # noqa: E402 — found by the path above
from full_stack.shop import Shop  # noqa: E402
from full_stack.wiring import routes  # noqa: E402

DISTINCT: Final = 3_000
"""Different messages; a larger slice repeats them, too far apart for zstd to see."""
WHERE: Final = LogPartition("cluster", "id-1", "wine.orders", 0)


@cache
def messages() -> tuple[tuple[str, bytes, bytes], ...]:
    """Return event id, key and value of orders and stock movements, mixed."""
    start = datetime(2026, 1, 5, tzinfo=UTC)
    shop, codec = Shop(load_catalogue(), seed=1, start=start), routes()
    told = islice(shop.publications(), DISTINCT)
    return tuple(
        (p.event.event_id, p.key.encode(), codec.encode(p.event)) for p in told
    )


def slice_of(rows: int, start: int, name: str, tables: int = 1) -> Slice:
    """Return a slice of so many rows from offset `start`, over one to three tables."""
    names = ("RAW_ORDERS", "RAW_INVENTORY", "RAW_EVENTS")[:tables]
    parts = []
    for index, table in enumerate(names):
        offsets = range(start + index, start + rows, tables)
        if offsets:
            parts.append(_rows(table, offsets))
    return Slice(name, (Segment(WHERE, start, start + rows, tuple(parts)),))


def _rows(table: str, offsets: range) -> Rows:
    n = len(offsets)
    chosen = list(islice(cycle(messages()), n))
    return Rows(
        table=table,
        offsets=list(offsets),
        event_ids=[each[0] for each in chosen],
        event_types=["ORDER_CREATED"] * n,
        occurred_at=[1_769_876_400.0 + i / 50 for i in range(n)],
        schema_versions=[1] * n,
        payloads=[each[2] for each in chosen],
        keys=[each[1] for each in chosen],
        timestamps=[1_769_876_400_000 + 20 * i for i in range(n)],
    )
