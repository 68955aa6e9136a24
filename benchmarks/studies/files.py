"""A slice's columns into Parquet: what a row costs by the size of the slice."""

import tempfile
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Final

from benchmarks.studies.bookkeeping import PARTS
from benchmarks.studies.codec import payloads
from benchmarks.studies.stopwatch import microseconds
from winestream.files import FileWriter
from winestream.records import Rows, Segment, Slice, Want

_SIZES: Final = (1_000, 5_000, 20_000, 50_000)


def piece_of(values: list[bytes], start: int, name: str) -> Slice:
    """Return a slice of one partition that holds these payloads."""
    n = len(values)
    rows = Rows(
        table="RAW_ORDERS",
        offsets=range(start, start + n),
        event_ids=[f"{start + i:032x}" for i in range(n)],
        event_types=["ORDER_PLACED"] * n,
        occurred_at=[1_767_600_000.0 + i / 1000 for i in range(n)],
        schema_versions=[1] * n,
        payloads=values,
        keys=[b"CA-%08d" % i for i in range(n)],
        timestamps=[1_767_600_000_000 + i for i in range(n)],
    )
    return Slice(name, (Segment(PARTS[0], start, start + n, (rows,)),))


def measure() -> dict[str, object]:
    """Return µs a row and bytes a row, exactly once, synced and committed."""
    found: dict[str, object] = {}
    source = payloads()
    for size in _SIZES:
        values = (source * (size // len(source) + 1))[:size]
        with tempfile.TemporaryDirectory(prefix="bench-files-") as folder:
            writer = FileWriter(folder, pipeline="x", now=lambda: datetime.now(UTC))
            writer.open()
            cursors = writer.claim("owner", {PARTS[0]: Want(0)})
            epochs = {PARTS[0]: cursors[PARTS[0]].epoch}
            numbers = count()

            def write(
                writer: FileWriter = writer,
                values: list[bytes] = values,
                epochs: dict[object, int] = epochs,  # type: ignore[assignment]
                numbers: "count[int]" = numbers,
            ) -> None:
                number = next(numbers)
                piece = piece_of(values, number * len(values), f"owner/{number}")
                writer.write(piece, epochs)  # type: ignore[arg-type]

            times = microseconds(write, size)
            writer.close()
            files = list(Path(folder).rglob("*.parquet"))
            stored = sum(file.stat().st_size for file in files)
        found[str(size)] = {
            "us": times,
            "bytes_a_row": stored / len(files) / size,
            "payload_bytes": sum(map(len, values)) / size,
        }
    return found
