"""The formats a data file may have, by name."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, Literal, Protocol

from winestream.files.shape import Kind, Load

FormatName = Literal["parquet", "jsonl"]


class Format(Protocol):
    """A module that writes and reads data files."""

    SUFFIX: str

    def write(self, into: BinaryIO, load: Load) -> None:
        """Write a load as one file. Raises `ValueError` for a value that won't fit."""

    def read(self, path: Path, kind: Kind) -> Iterator[Mapping[str, Any]]:
        """Yield a file's rows, times as integers since the epoch."""


def format_of(name: FormatName) -> Format:
    """Return a format; loads its vendor."""
    if name == "parquet":
        from winestream.files import parquet  # noqa: PLC0415 — loads pyarrow

        return parquet
    from winestream.files import jsonl  # noqa: PLC0415 — beside the other

    return jsonl
