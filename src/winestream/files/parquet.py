"""Data files in Parquet, through pyarrow."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, Final

import pyarrow as pa
import pyarrow.parquet as pq

from winestream.files.shape import COLUMNS, Block, Kind, Load, Type

SUFFIX = "parquet"

_TYPES: Final = {
    Type.TEXT: pa.string(),
    Type.INT32: pa.int32(),
    Type.INT64: pa.int64(),
    Type.BINARY: pa.binary(),
    Type.MILLIS: pa.timestamp("ms"),
    Type.MICROS: pa.timestamp("us"),
}
_TIMES: Final = frozenset({Type.MILLIS, Type.MICROS})

SCHEMAS: Final = {
    kind: pa.schema(
        pa.field(name, _TYPES[column.type], nullable=column.nullable)
        for name, column in columns.items()
    )
    for kind, columns in COLUMNS.items()
}
"""The files' Arrow schemas. Times are UTC without a zone."""


def write(into: BinaryIO, load: Load) -> None:
    """Write a load as one file. Raises `ValueError` for a value that does not fit."""
    schema = SCHEMAS[load.kind]
    batches = [_batch(block, schema, COLUMNS[load.kind]) for block in load.blocks]
    pq.write_table(pa.Table.from_batches(batches, schema), into, compression="zstd")


def read(path: Path, kind: Kind) -> Iterator[Mapping[str, Any]]:
    """Yield a file's rows, times as integers."""
    columns = COLUMNS[kind]
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches():
            plain = {
                name: (
                    batch.column(name).cast(pa.int64())
                    if column.type in _TIMES
                    else batch.column(name)
                ).to_pylist()
                for name, column in columns.items()
            }
            for values in zip(*plain.values(), strict=True):
                yield dict(zip(plain, values, strict=True))


def _batch(block: Block, schema: pa.Schema, columns: Mapping[str, Any]) -> Any:  # noqa: ANN401 — pyarrow has no types
    arrays = [_array(block, name, column.type) for name, column in columns.items()]
    return pa.record_batch(arrays, schema=schema)


def _array(block: Block, name: str, kind: Type) -> Any:  # noqa: ANN401 — pyarrow has no types
    if name in block.constants:
        value = pa.scalar(block.constants[name], _TYPES[kind])
        return pa.repeat(value, block.count)
    values = block.columns[name]
    if name == "PAYLOAD":
        # Bytes that are checked to be UTF-8 on the way.
        return pa.array(values, pa.binary()).cast(pa.string())
    if kind in _TIMES:
        return pa.array(values, pa.int64()).cast(_TYPES[kind])
    return pa.array(values, _TYPES[kind])
