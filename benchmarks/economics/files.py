"""How large is the Parquet file of a slice?"""

import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import attrs

from benchmarks.economics.slices import slice_of
from winestream.snowflake.staging import seal
from winestream.snowflake.tables import loads_of

SIZES: Final = (1, 10, 100, 1_000, 10_000, 50_000)


@attrs.frozen
class Size:
    """One file: what came in, and what goes over the wire."""

    rows: int
    payload_bytes: int
    file_bytes: int


def measure(sizes: tuple[int, ...] = SIZES) -> list[Size]:
    """Seal a slice of each size, as the writer does, and look at the file."""
    found = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "slice.parquet"
        for rows in sizes:
            piece = slice_of(rows, 0, f"me/{rows}")
            (load,) = loads_of(piece, datetime(2026, 2, 1, tzinfo=UTC))
            seal(load, path)
            found.append(Size(rows, piece.payload_bytes, path.stat().st_size))
    return found
