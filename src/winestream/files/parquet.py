"""Data files in Parquet, through pyarrow."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Final

import pyarrow as pa
import pyarrow.parquet as pq

from winestream import arrow
from winestream.files.shape import COLUMNS, Block, Kind, Load, Type
from winestream.records import PackedBytes, PackedTexts

SUFFIX = "parquet"

_TYPES: Final = {
    Type.TEXT: pa.string(),
    Type.INT32: pa.int32(),
    Type.INT64: pa.int64(),
    Type.BINARY: pa.binary(),
    Type.MILLIS: pa.timestamp("ms"),
    Type.MICROS: pa.timestamp("us"),
    Type.SECONDS: pa.timestamp("us"),
}
_TIMES: Final = frozenset({Type.MILLIS, Type.MICROS, Type.SECONDS})

SCHEMAS: Final = {
    kind: pa.schema(
        pa.field(name, _TYPES[column.type], nullable=column.nullable)
        for name, column in columns.items()
    )
    for kind, columns in COLUMNS.items()
}
"""The files' Arrow schemas. Times are UTC without a zone."""


# What repeats. Of the other columns a dictionary finds nothing and costs a quarter of
# the file's time (0.5 µs an event), as do statistics of values nobody compares.
_REPEATING: Final = ("EVENT_TYPE", "SCHEMA_VERSION", "REASON", "ERROR_PATH")
_COMPARED: Final = ("KAFKA_PARTITION", "KAFKA_OFFSET", "OCCURRED_AT")


# Rows that are made Arrow at a time: a slice of the usual size at once, because each
# table waits for the interpreter's lock several times. With half as many the peak was
# 15 MB of 400 lower, and an event took 3.65 µs instead of 3.46 (the whole, wall time).
_GROUP_ROWS: Final = 65_536


def write(into: BinaryIO, load: Load) -> None:
    """Write a load as one file. Raises `ValueError` for a value that does not fit."""
    groups = _groups(load.blocks)
    first = _table(load.kind, next(groups))
    # In memory first: into a Python file every page would wait for the interpreter's
    # lock, which costs more than the copy.
    sealed = pa.BufferOutputStream()
    with pq.ParquetWriter(
        sealed,
        first.schema,
        compression="zstd",
        compression_level=1,
        use_dictionary=[*load.blocks[0].constants, *_REPEATING],
        write_statistics=list(_COMPARED),
        store_schema=False,  # texts as dictionaries are the writing's business only
    ) as file:
        file.write_table(first)
        del first
        for blocks in groups:
            file.write_table(_table(load.kind, blocks))
    into.write(sealed.getvalue())


def _groups(blocks: Sequence[Block]) -> Iterator[Sequence[Block]]:
    """Yield blocks that follow each other and have enough rows together."""
    group: list[Block] = []
    rows = 0
    for block in blocks:
        group.append(block)
        rows += block.count
        if rows >= _GROUP_ROWS:
            yield group
            group, rows = [], 0
    if group:
        yield group


def _table(kind: Kind, blocks: Sequence[Block]) -> Any:  # noqa: ANN401 — pyarrow has no types
    schema, constants = SCHEMAS[kind], blocks[0].constants
    columns = {
        name: (_constant if name in constants else _column)(blocks, name, column.type)
        for name, column in COLUMNS[kind].items()
    }
    fields = [
        schema.field(name).with_type(array.type) for name, array in columns.items()
    ]
    return pa.Table.from_arrays(list(columns.values()), schema=pa.schema(fields))


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


def _constant(blocks: Sequence[Block], name: str, kind: Type) -> Any:  # noqa: ANN401 — pyarrow has no types
    """Return what is one value in each block; a text as indices into its values."""
    values: Sequence[Any] = [block.constants[name] for block in blocks]
    counts = [block.count for block in blocks]
    if kind is not Type.TEXT:
        return arrow.repeated(values, counts, _TYPES[kind])
    distinct = list(dict.fromkeys(values))
    known = {value: index for index, value in enumerate(distinct)}
    indices = arrow.repeated([known[value] for value in values], counts, pa.int32())
    names = pa.array(distinct, pa.string())
    return pa.DictionaryArray.from_arrays(indices, names, safe=False)


def _column(blocks: Sequence[Block], name: str, kind: Type) -> Any:  # noqa: ANN401 — pyarrow has no types
    parts: Sequence[Any] = [block.columns[name] for block in blocks]
    match kind:
        case Type.TEXT if isinstance(parts[0], PackedBytes | PackedTexts):
            return arrow.texts(parts)
        case Type.SECONDS:
            return arrow.micros(parts)
        case Type.MILLIS:
            return arrow.millis(parts)
        case Type.INT64:
            return arrow.integers(parts, pa.int64())
        case _:
            return arrow.plain(parts, _TYPES[kind])
