"""Data files as JSON lines: readable anywhere, needs no vendor.

Binary values are base64, times ISO 8601 in UTC with a `Z`.
"""

import base64
import json
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from itertools import repeat
from pathlib import Path
from typing import Any, BinaryIO, Final

from winestream.files.shape import (
    COLUMNS,
    Block,
    Kind,
    Load,
    Type,
    datetime_of,
    micros_of,
)

SUFFIX = "jsonl"


def write(into: BinaryIO, load: Load) -> None:
    """Write a load as one file. Raises `ValueError` for a value that does not fit."""
    encoder = json.JSONEncoder(
        ensure_ascii=False, allow_nan=False, separators=(",", ":")
    )
    columns = COLUMNS[load.kind]
    for block in load.blocks:
        encoded = [
            _column(block, name, column.type) for name, column in columns.items()
        ]
        for values in zip(*encoded, strict=True):
            line = encoder.encode(dict(zip(columns, values, strict=True)))
            into.write(line.encode() + b"\n")


def read(path: Path, kind: Kind) -> Iterator[Mapping[str, Any]]:
    """Yield a file's rows, times as integers."""
    columns = COLUMNS[kind]
    with path.open("rb") as file:
        for line in file:
            found = json.loads(line)
            yield {
                name: _decoded(found[name], column.type)
                for name, column in columns.items()
            }


def _column(block: Block, name: str, kind: Type) -> Iterator[object]:
    encode = _ENCODE[kind]
    if name in block.constants:
        value = block.constants[name]
        return repeat(None if value is None else encode(value), block.count)
    return (None if value is None else encode(value) for value in block.columns[name])


def _decoded(value: Any, kind: Type) -> Any:  # noqa: ANN401 — out of JSON
    if value is None:
        return None
    match kind:
        case Type.BINARY:
            return base64.b64decode(value)
        case Type.MICROS | Type.SECONDS:
            return micros_of(datetime.fromisoformat(value))
        case Type.MILLIS:
            return micros_of(datetime.fromisoformat(value)) // 1000
        case _:
            return value


def _text(value: Any) -> str:  # noqa: ANN401 — a column's value
    return value.decode() if isinstance(value, bytes) else str(value)


def _known(millis: int) -> str | None:
    return None if millis < 0 else _time(millis * 1000)


def _time(micros: int) -> str:
    return datetime_of(micros).isoformat().replace("+00:00", "Z")


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode()


_ENCODE: Final[Mapping[Type, Callable[[Any], object]]] = {
    Type.TEXT: _text,
    Type.INT32: int,
    Type.INT64: int,
    Type.BINARY: _base64,
    Type.MILLIS: _known,
    Type.MICROS: _time,
    Type.SECONDS: lambda seconds: _time(round(seconds * 1e6)),
}
