"""An `Answer` as the JSON and Arrow that the connector reads.

Snowflake's Arrow is its own: timestamps are structs of whole seconds and
nanoseconds, times are nanoseconds, every field carries its logical type.
"""

import json
import re
from base64 import b64encode
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from fakesnow.statement_type import DML_TYPE_IDS

from winestream.local.server.statements import Answer

_TEXT_LENGTH, _BINARY_LENGTH = 16_777_216, 8_388_608  # Snowflake's own maxima
_UTC_MINUTES = 1440  # the zone's offset, shifted by a day so that it is never negative
_DECIMAL = re.compile(r"DECIMAL\((\d+),\s*(\d+)\)")


def encode(answer: Answer) -> dict[str, Any]:
    """Write the part of the reply that holds columns and rows."""
    types = answer.types or [""] * answer.table.num_columns
    columns = [
        _column(field.name, column, duck)
        for field, column, duck in zip(
            answer.table.schema, answer.table.columns, types, strict=True
        )
    ]
    rowtype = [described for described, _ in columns]
    reply: dict[str, Any] = {
        "rowtype": rowtype,
        "total": answer.table.num_rows,
        "returned": answer.table.num_rows,
        "queryId": answer.query_id,
        "statementTypeId": answer.type_id,
    }
    if answer.type_id in DML_TYPE_IDS:
        # Clients read the counts of a DML statement from JSON, never from Arrow.
        rows = zip(*(c.to_pylist() for c in answer.table.columns), strict=True)
        rowset = [[None if v is None else str(v) for v in row] for row in rows]
        return reply | {"queryResultFormat": "json", "rowset": rowset}
    packed = pa.table(
        [array for _, array in columns],
        schema=pa.schema(
            [_field(d, a.type) for d, a in columns],
        ),
    )
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, packed.schema) as stream:
        stream.write_table(packed)
    base64 = b64encode(sink.getvalue()).decode()
    return reply | {"queryResultFormat": "arrow", "rowsetBase64": base64}


def _field(described: dict[str, Any], arrow: pa.DataType) -> pa.Field:
    metadata = {
        "logicalType": described["type"].upper(),
        "precision": str(described["precision"] or 38),
        "scale": str(described["scale"] or 0),
        "charLength": str(described["length"] or 0),
    }
    return pa.field(described["name"], arrow, metadata=metadata)


def _column(
    name: str, column: pa.ChunkedArray, duck: str
) -> tuple[dict[str, Any], pa.Array]:
    array = column.combine_chunks()
    if isinstance(array, pa.ChunkedArray):  # an empty column stays chunked
        array = (
            pa.concat_arrays(array.chunks) if array.chunks else pa.array([], array.type)
        )
    kind, array = _convert(array, duck)
    described: dict[str, Any] = {
        "name": name,
        "database": "",
        "schema": "",
        "table": "",
        "nullable": True,
        "type": kind,
        "byteLength": None,
        "length": None,
        "scale": None,
        "precision": None,
        "collation": None,
    }
    if kind == "fixed":
        precision, scale = 38, 0
        if pa.types.is_decimal(array.type):
            precision, scale = array.type.precision, array.type.scale
        described |= {"precision": precision, "scale": scale}
    elif kind == "text":
        described |= {"byteLength": _TEXT_LENGTH, "length": _TEXT_LENGTH}
    elif kind == "binary":
        described |= {"byteLength": _BINARY_LENGTH, "length": _BINARY_LENGTH}
    elif kind.startswith("time"):
        described |= {"precision": 0, "scale": 9}
    return described, array


def _convert(  # noqa: C901, PLR0911 - one case and one return a type
    array: pa.Array, duck: str
) -> tuple[str, pa.Array]:
    arrow = array.type
    if duck == "JSON":
        return "variant", array
    if pa.types.is_timestamp(arrow):
        return ("timestamp_tz" if arrow.tz else "timestamp_ntz"), _timestamp(array)
    if pa.types.is_time(arrow):
        return "time", pc.multiply(array.cast(pa.time64("us")).cast(pa.int64()), 1000)
    if pa.types.is_unsigned_integer(arrow):
        # The connector knows signed numbers only; a UBIGINT may not fit into one.
        return "fixed", array.cast(pa.decimal128(20, 0)).cast(pa.decimal128(38, 0))
    if pa.types.is_integer(arrow) or pa.types.is_decimal(arrow):
        return "fixed", array
    if pa.types.is_floating(arrow):
        return "real", array.cast(pa.float64())
    if pa.types.is_boolean(arrow):
        return "boolean", array
    if pa.types.is_date(arrow):
        return "date", array.cast(pa.date32())
    if pa.types.is_binary(arrow) or pa.types.is_large_binary(arrow):
        return "binary", array.cast(pa.binary())
    if pa.types.is_string(arrow) or pa.types.is_null(arrow):
        return "text", array.cast(pa.string())
    # Lists and structs are ARRAY and OBJECT there, and both travel as JSON text.
    text = [
        None if v is None else json.dumps(v, default=str) for v in array.to_pylist()
    ]
    kind = "array" if pa.types.is_list(arrow) else "object"
    return kind, pa.array(text, pa.string())


def _timestamp(array: pa.Array) -> pa.Array:
    # The children must not hold nulls of their own: the connector's core refuses
    # them, so the struct itself carries the mask.
    mask = pc.is_null(array)
    micros = pc.fill_null(
        array.cast(pa.timestamp("us", array.type.tz)).cast(pa.int64()), 0
    )
    seconds = pc.floor(pc.divide(micros.cast(pa.float64()), 1e6)).cast(pa.int64())
    nanos = pc.multiply(pc.subtract(micros, pc.multiply(seconds, 1_000_000)), 1000)
    children = [seconds, nanos.cast(pa.int32())]
    fields = [
        pa.field("epoch", pa.int64(), nullable=False),
        pa.field("fraction", pa.int32(), nullable=False),
    ]
    if array.type.tz:
        children.append(pa.array([_UTC_MINUTES] * len(array), pa.int32()))
        fields.append(pa.field("timezone", pa.int32(), nullable=False))
    return pa.StructArray.from_arrays(children, fields=fields, mask=mask)
