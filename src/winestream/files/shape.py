"""What the files hold: the columns of RAW tables, dead letters and gaps.

The names and meanings are those of the warehouse's tables, so that an archive can be
loaded there later. Values are neutral here: a time is an integer since the epoch, a
text a `str` or valid UTF-8 bytes; each format has its own way to write them.
"""

import base64
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final

import attrs

from winestream.errors import FatalWriteError
from winestream.records import Headers, LogPartition, Rows, Segment, Slice

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

_TABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_$]{0,127}", re.ASCII)


class Kind(StrEnum):
    """What a data file holds; also the folder it is in."""

    ROWS = "rows"
    DEAD = "dead_letters"
    GAPS = "gaps"


class Type(StrEnum):
    """How a column's values are to be read."""

    TEXT = "text"
    INT32 = "int32"
    INT64 = "int64"
    BINARY = "binary"
    MILLIS = "ms"
    """UTC, as milliseconds since the epoch; negative is unknown, and none in a file."""
    MICROS = "us"
    """UTC, as microseconds since the epoch."""
    SECONDS = "s"
    """UTC, as seconds since the epoch, a float; microseconds in a file."""


@attrs.frozen
class Column:
    """One column; its name is its key in `COLUMNS`."""

    type: Type
    nullable: bool = False


_LOG = {
    "CLUSTER_ID": Column(Type.TEXT),
    "TOPIC_ID": Column(Type.TEXT),
    "TOPIC": Column(Type.TEXT),
    "KAFKA_PARTITION": Column(Type.INT32),
}
_MESSAGE = {
    **_LOG,
    "KAFKA_OFFSET": Column(Type.INT64),
    "MESSAGE_KEY": Column(Type.BINARY, nullable=True),
    "MESSAGE_TIMESTAMP": Column(Type.MILLIS, nullable=True),
    "SLICE_ID": Column(Type.TEXT),
    "LOADED_AT": Column(Type.MICROS, nullable=True),
}

COLUMNS: Final[Mapping[Kind, Mapping[str, Column]]] = {
    Kind.ROWS: {
        "EVENT_ID": Column(Type.TEXT),
        "EVENT_TYPE": Column(Type.TEXT),
        "OCCURRED_AT": Column(Type.SECONDS),
        "SCHEMA_VERSION": Column(Type.INT64),
        **_MESSAGE,
        "PAYLOAD": Column(Type.TEXT),
    },
    # HEADERS is a JSON list of [name, base64 value or null].
    Kind.DEAD: {
        "VALUE": Column(Type.BINARY, nullable=True),
        "HEADERS": Column(Type.BINARY, nullable=True),
        "REASON": Column(Type.TEXT),
        "ERROR_PATH": Column(Type.TEXT),
        **_MESSAGE,
    },
    Kind.GAPS: {
        "SLICE_ID": Column(Type.TEXT),
        **_LOG,
        "FROM_OFFSET": Column(Type.INT64),
        "TO_OFFSET": Column(Type.INT64),
        "REASON": Column(Type.TEXT),
    },
}


@attrs.frozen(eq=False)
class Block:
    """`count` rows: columns of that length, and values that are the same in all."""

    count: int
    columns: Mapping[str, Sequence[object]]
    constants: Mapping[str, object]


@attrs.frozen(eq=False)
class Load:
    """What one file is to hold. `table` is empty for what is no table's."""

    kind: Kind
    table: str
    blocks: Sequence[Block]

    @property
    def count(self) -> int:
        """Rows over all blocks."""
        return sum(block.count for block in self.blocks)


def loads_of(piece: Slice, loaded_at: datetime) -> Iterator[Load]:
    """Yield everything a slice brings, file by file.

    Raises `FatalWriteError` for a table that cannot be a folder.
    """
    micros = micros_of(loaded_at)
    parts = piece.segments
    for table in dict.fromkeys(rows.table for part in parts for rows in part.rows):
        if not _TABLE.fullmatch(table):
            raise FatalWriteError(f"table {table[:80]!r} cannot be a folder's name")
        blocks = [
            _rows(rows, _constants(piece, part.partition, micros))
            for part in parts
            for rows in part.rows
            if rows.table == table
        ]
        yield Load(Kind.ROWS, table, blocks)
    dead = [
        _dead(part, _constants(piece, part.partition, micros))
        for part in parts
        if part.dead
    ]
    if dead:
        yield Load(Kind.DEAD, "", dead)
    gaps = [_gaps(piece, part) for part in parts if part.gaps]
    if gaps:
        yield Load(Kind.GAPS, "", gaps)


def micros_of(time: datetime) -> int:
    """Return a time with a zone as microseconds since the epoch."""
    return (time - EPOCH) // timedelta(microseconds=1)


def datetime_of(micros: int) -> datetime:
    """Return microseconds since the epoch as a time in UTC."""
    return EPOCH + timedelta(microseconds=micros)


def encode_headers(headers: Headers | None) -> bytes | None:
    """Encode headers losslessly: values are bytes, and names may repeat."""
    if headers is None:
        return None
    pairs = [
        [name, None if value is None else base64.b64encode(value).decode()]
        for name, value in headers
    ]
    return json.dumps(pairs).encode()


def decode_headers(encoded: bytes | None) -> Headers | None:
    """Return what `encode_headers` was given."""
    if encoded is None:
        return None
    return [
        (name, None if value is None else base64.b64decode(value))
        for name, value in json.loads(encoded)
    ]


def _constants(piece: Slice, where: LogPartition, loaded_at: int) -> dict[str, object]:
    return {**_log(where), "SLICE_ID": piece.id, "LOADED_AT": loaded_at}


def _log(where: LogPartition) -> dict[str, object]:
    return dict(zip(_LOG, where, strict=True))


def _rows(rows: Rows, constants: Mapping[str, object]) -> Block:
    columns: dict[str, Sequence[object]] = {
        "EVENT_ID": rows.event_ids,
        "EVENT_TYPE": rows.event_types,
        "OCCURRED_AT": rows.occurred_at,
        "SCHEMA_VERSION": rows.schema_versions,
        "KAFKA_OFFSET": rows.offsets,
        "MESSAGE_KEY": rows.keys,
        "MESSAGE_TIMESTAMP": rows.timestamps,
        "PAYLOAD": rows.payloads,
    }
    return Block(len(rows), columns, constants)


def _dead(part: Segment, constants: Mapping[str, object]) -> Block:
    columns: dict[str, Sequence[object]] = {
        "VALUE": [letter.value for letter in part.dead],
        "HEADERS": [encode_headers(letter.headers) for letter in part.dead],
        "REASON": [letter.reason for letter in part.dead],
        "ERROR_PATH": [letter.path for letter in part.dead],
        "KAFKA_OFFSET": [letter.offset for letter in part.dead],
        "MESSAGE_KEY": [letter.key for letter in part.dead],
        "MESSAGE_TIMESTAMP": [letter.timestamp for letter in part.dead],
    }
    return Block(len(part.dead), columns, constants)


def _gaps(piece: Slice, part: Segment) -> Block:
    columns: dict[str, Sequence[object]] = {
        "FROM_OFFSET": [gap.start for gap in part.gaps],
        "TO_OFFSET": [gap.stop for gap in part.gaps],
        "REASON": [gap.reason for gap in part.gaps],
    }
    constants = {**_log(part.partition), "SLICE_ID": piece.id}
    return Block(len(part.gaps), columns, constants)
