"""Data files in Parquet, through pyarrow."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, groupby
from operator import itemgetter
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


# What repeats. Of the other columns a dictionary finds nothing and costs a quarter of
# the file's time (0.5 µs an event), as do statistics of values nobody compares.
_REPEATING: Final = ("EVENT_TYPE", "SCHEMA_VERSION", "REASON", "ERROR_PATH")
_COMPARED: Final = ("KAFKA_PARTITION", "KAFKA_OFFSET", "OCCURRED_AT")


def write(into: BinaryIO, load: Load) -> None:
    """Write a load as one file. Raises `ValueError` for a value that does not fit."""
    schema = SCHEMAS[load.kind]
    constants = load.blocks[0].constants
    columns = {
        name: (
            _constant(load.blocks, name, column.type)
            if name in constants
            else _column(load.blocks, name, column.type)
        )
        for name, column in COLUMNS[load.kind].items()
    }
    fields = [
        schema.field(name).with_type(array.type) for name, array in columns.items()
    ]
    # In memory first: into a Python file every page would wait for the interpreter's
    # lock, which costs more than the copy.
    sealed = pa.BufferOutputStream()
    pq.write_table(
        pa.Table.from_arrays(list(columns.values()), schema=pa.schema(fields)),
        sealed,
        compression="zstd",
        compression_level=1,
        use_dictionary=[*constants, *(n for n in _REPEATING if n in columns)],
        write_statistics=[name for name in _COMPARED if name in columns],
        store_schema=False,  # texts as dictionaries are the writing's business only
    )
    into.write(sealed.getvalue())


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
    values = [block.constants[name] for block in blocks]
    known = {value: index for index, value in enumerate(dict.fromkeys(values))}
    indices = pa.concat_arrays(
        pa.repeat(pa.scalar(index, pa.int32()), count)
        for index, count in _stretches(blocks, map(known.__getitem__, values))
    )
    distinct = pa.array(list(known), _TYPES[kind])
    if kind is Type.TEXT:
        return pa.DictionaryArray.from_arrays(indices, distinct)
    return distinct.take(indices)


def _stretches(
    blocks: Sequence[Block], indices: Iterable[int]
) -> Iterator[tuple[int, int]]:
    """Yield each index with its number of rows; neighbours with one index as one."""
    pairs = zip(indices, blocks, strict=True)
    for index, same in groupby(pairs, key=itemgetter(0)):
        yield index, sum(block.count for _, block in same)


def _column(blocks: Sequence[Block], name: str, kind: Type) -> Any:  # noqa: ANN401 — pyarrow has no types
    # One conversion a slice, not one a run: runs are short where partitions are many.
    values = list(chain.from_iterable(block.columns[name] for block in blocks))
    if name == "PAYLOAD":
        # Bytes that are checked to be UTF-8 on the way.
        return pa.array(values, pa.binary()).cast(pa.string())
    if kind in _TIMES:
        return pa.array(values, pa.int64()).cast(_TYPES[kind])
    return pa.array(values, _TYPES[kind])
