"""A slice as Arrow tables: one per RAW table, one of dead letters, one of gaps."""

import base64
import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

import attrs
import pyarrow as pa
import pyarrow.compute as pc

from winestream.records import Headers, LogPartition, Rows, Slice
from winestream.snowflake.columns import (
    DEAD_LETTER_SCHEMA,
    GAP_SCHEMA,
    RAW_SCHEMA,
)

DEAD_LETTERS = ("RAW", "DEAD_LETTERS")
GAPS = ("OPS", "INGEST_GAPS")


@attrs.frozen(eq=False)
class Load:
    """Rows bound for one table. `data` says whether a refusal blames the events."""

    schema: str
    table: str
    rows: pa.Table
    data: bool


def loads_of(piece: Slice, staged_at: datetime) -> Iterator[Load]:
    """Yield everything the slice brings, table by table. `staged_at` is in UTC."""
    names = dict.fromkeys(rows.table for part in piece.segments for rows in part.rows)
    for name in names:
        batches = [
            _raw_batch(piece.id, part.partition, rows, staged_at)
            for part in piece.segments
            for rows in part.rows
            if rows.table == name
        ]
        yield Load("RAW", name, pa.Table.from_batches(batches, RAW_SCHEMA), data=True)
    if piece.dead_count:
        yield Load(*DEAD_LETTERS, _dead_letters(piece, staged_at), data=False)
    if any(part.gaps for part in piece.segments):
        yield Load(*GAPS, _gaps(piece), data=False)


def _raw_batch(
    slice_id: str, where: LogPartition, rows: Rows, staged_at: datetime
) -> pa.RecordBatch:
    count = len(rows)
    seconds = pa.array(rows.occurred_at, pa.float64())
    micros = pc.round(pc.multiply(seconds, 1e6)).cast(pa.int64())
    columns = {
        "EVENT_ID": pa.array(rows.event_ids, pa.string()),
        "EVENT_TYPE": pa.array(rows.event_types, pa.string()),
        "OCCURRED_AT": micros.cast(pa.timestamp("us")),
        "SCHEMA_VERSION": pa.array(rows.schema_versions, pa.int64()),
        "KAFKA_OFFSET": pa.array(rows.offsets, pa.int64()),
        "MESSAGE_KEY": pa.array(rows.keys, pa.binary()),
        "MESSAGE_TIMESTAMP": _times(rows.timestamps),
        # The codec has checked that payloads are UTF-8, so no second look here.
        "PAYLOAD": pa.array(rows.payloads, pa.binary()).view(pa.string()),
        **_constants(slice_id, where, staged_at, count),
    }
    return pa.record_batch([columns[n] for n in RAW_SCHEMA.names], schema=RAW_SCHEMA)


def _times(millis: Sequence[int]) -> pa.Array:
    """Return Kafka's times; -1 is none."""
    known = [time if time >= 0 else None for time in millis]
    return pa.array(known, pa.int64()).cast(pa.timestamp("ms"))


def _constants(
    slice_id: str, where: LogPartition, staged_at: datetime, count: int
) -> dict[str, pa.Array]:
    return {
        "CLUSTER_ID": pa.repeat(where.cluster_id, count),
        "TOPIC_ID": pa.repeat(where.topic_id, count),
        "TOPIC": pa.repeat(where.topic, count),
        "KAFKA_PARTITION": pa.repeat(pa.scalar(where.partition, pa.int32()), count),
        "SLICE_ID": pa.repeat(slice_id, count),
        "LOADED_AT": pa.repeat(
            pa.scalar(staged_at.replace(tzinfo=None), pa.timestamp("us")), count
        ),
    }


def _dead_letters(piece: Slice, staged_at: datetime) -> pa.Table:
    rows = [
        {
            "VALUE": letter.value,
            "HEADERS": _headers(letter.headers),
            "REASON": letter.reason,
            "ERROR_PATH": letter.path,
            **_coordinates(part.partition),
            "KAFKA_OFFSET": letter.offset,
            "MESSAGE_KEY": letter.key,
            "MESSAGE_TIMESTAMP": letter.timestamp if letter.timestamp >= 0 else None,
            "SLICE_ID": piece.id,
            "LOADED_AT": staged_at.replace(tzinfo=None),
        }
        for part in piece.segments
        for letter in part.dead
    ]
    return _table(rows, DEAD_LETTER_SCHEMA)


def _gaps(piece: Slice) -> pa.Table:
    rows = [
        {
            "SLICE_ID": piece.id,
            **_coordinates(part.partition),
            "FROM_OFFSET": gap.start,
            "TO_OFFSET": gap.stop,
            "REASON": gap.reason,
        }
        for part in piece.segments
        for gap in part.gaps
    ]
    return _table(rows, GAP_SCHEMA)


def _table(rows: Iterable[dict[str, Any]], schema: pa.Schema) -> pa.Table:
    return pa.Table.from_pylist(list(rows), schema)


def _coordinates(where: LogPartition) -> dict[str, str | int]:
    return {
        "CLUSTER_ID": where.cluster_id,
        "TOPIC_ID": where.topic_id,
        "TOPIC": where.topic,
        "KAFKA_PARTITION": where.partition,
    }


def _headers(headers: Headers | None) -> bytes | None:
    """Encode headers losslessly: values are bytes, and names may repeat."""
    if headers is None:
        return None
    pairs = [
        [name, None if value is None else base64.b64encode(value).decode()]
        for name, value in headers
    ]
    return json.dumps(pairs).encode()
