"""SQL for an event class: its table in the one RAW shape, and a typed view over it.

The table's columns are the writer's Arrow schema, so that they cannot drift apart.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Final

import attrs
import pyarrow as pa

from winestream.errors import ConfigurationError
from winestream.operations.schema.shapes import EventShape, FieldShape, Shape
from winestream.operations.session import sql_text
from winestream.snowflake.columns import RAW_SCHEMA
from winestream.snowflake.identifiers import identifier

_TYPES: Final[Mapping[pa.DataType, str]] = {
    pa.string(): "VARCHAR",
    pa.binary(): "BINARY",
    pa.int32(): "NUMBER(10, 0)",
    pa.int64(): "NUMBER(19, 0)",
    pa.timestamp("us"): "TIMESTAMP_NTZ(6)",
    pa.timestamp("ms"): "TIMESTAMP_NTZ(3)",
}
_DEFAULTS: Final = {"LOADED_AT": " DEFAULT SYSDATE()"}

_HEAD: Final = ("EVENT_ID", "OCCURRED_AT", "SCHEMA_VERSION")
_COORDINATES: Final = (
    "TOPIC",
    "KAFKA_PARTITION",
    "KAFKA_OFFSET",
    "MESSAGE_TIMESTAMP",
    "SLICE_ID",
    "LOADED_AT",
)
_TIME: Final = "TIMESTAMP_NTZ(6)"
_VARIANT: Final = "VARIANT"
_SQL: Final = {
    "text": "VARCHAR",
    "uuid": "VARCHAR",
    "integer": "NUMBER(38, 0)",
    # 28 digits before the point and 10 behind it: any money, any share.
    "decimal": "NUMBER(38, 10)",
    "float": "FLOAT",
    "boolean": "BOOLEAN",
    "time": _TIME,
    "date": "DATE",
}
_PLAIN: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_WORDS: Final = """
ACCOUNT ALL ALTER AND ANY AS BETWEEN BY CASE CAST CHECK COLUMN CONNECT CONNECTION
CONSTRAINT CREATE CROSS CURRENT CURRENT_DATE CURRENT_TIME CURRENT_TIMESTAMP CURRENT_USER
DATABASE DELETE DISTINCT DROP ELSE EXISTS FALSE FOLLOWING FOR FROM FULL GRANT GROUP
GSCLUSTER HAVING ILIKE IN INCREMENT INNER INSERT INTERSECT INTO IS ISSUE JOIN LATERAL
LEFT LIKE LOCALTIME LOCALTIMESTAMP MINUS NATURAL NOT NULL OF ON OR ORDER ORGANIZATION
QUALIFY REGEXP REVOKE RIGHT RLIKE ROW ROWS SAMPLE SCHEMA SELECT SET SOME START TABLE
TABLESAMPLE THEN TO TRIGGER TRUE TRY_CAST UNION UNIQUE UPDATE USING VALUES VIEW WHEN
WHENEVER WHERE WITH
"""
_RESERVED: Final = frozenset(_WORDS.split())


@attrs.frozen
class Column:
    """One column of a typed view: its name, its SQL type and its path in the JSON."""

    name: str
    sql_type: str
    path: tuple[str, ...]


def raw_table(table: str) -> str:
    """Return the CREATE TABLE of a RAW table. Raises `ConfigurationError`."""
    columns = [
        f"    {field.name} {_TYPES[field.type]}"
        + _DEFAULTS.get(field.name, "")
        + ("" if field.nullable else " NOT NULL")
        for field in RAW_SCHEMA
    ]
    lines = ",\n".join(columns)
    return f"CREATE TABLE IF NOT EXISTS RAW.{_name(table)} (\n{lines}\n);\n"


def loader_grant(table: str, role: str) -> str:
    """Return the GRANT a consumer's role needs to write a RAW table, and no more.

    Raises `ConfigurationError` for a name that is none.
    """
    return f"GRANT INSERT ON TABLE RAW.{_name(table)} TO ROLE {_name(role)};\n"


def typed_view(event: EventShape, *, table: str, view: str) -> str:
    """Return the CREATE VIEW with a typed column for each field.

    Nested objects are flattened with `_`; arrays, maps and unions are VARIANT. A value
    that its column's type does not take is NULL, a decimal is rounded to the ten digits
    its column has behind the point; the exact text stays in the table.
    Times are UTC without a zone, as everywhere. Raises `ConfigurationError` for two
    fields that would be one column.
    """
    columns = view_columns(event)
    taken = {column.name for column in columns}
    rows = [
        *_HEAD,
        *(f"{_expression(column)} AS {_name(column.name)}" for column in columns),
        *(name for name in _COORDINATES if name not in taken),
    ]
    lines = ",\n".join(f"    {row}" for row in rows)
    return (
        f"CREATE OR REPLACE VIEW RAW.{_name(view)} AS\n"  # noqa: S608 — checked names
        f"SELECT\n{lines}\n"
        "FROM (\n"
        "    SELECT *, TRY_PARSE_JSON(PAYLOAD) AS DOC\n"
        f"    FROM RAW.{_name(table)}\n"
        f"    WHERE EVENT_TYPE = {sql_text(event.event_type)}\n"
        ");\n"
    )


def view_columns(event: EventShape) -> tuple[Column, ...]:
    """Return the columns of the event's own fields. Raises `ConfigurationError`."""
    columns = tuple(_columns(event.fields, ()))
    seen: dict[str, Column] = {}
    for column in columns:
        other = seen.setdefault(column.name, column)
        if other is not column or column.name in _HEAD:
            what = ".".join(other.path) if other is not column else "the event's head"
            raise ConfigurationError(
                f"{event.name}: {'.'.join(column.path)} and {what} would both be the "
                f"column {column.name}: rename one of them"
            )
    return columns


def sql_type(shape: Shape) -> str:
    """Return the type of the column that a field of this shape gets."""
    if shape.kind == "choice":
        whole = all(isinstance(value, int) for value in shape.choices)
        return "NUMBER(38, 0)" if whole else "VARCHAR"
    return _SQL.get(shape.kind, _VARIANT)


def default_table(event: EventShape) -> str:
    """Return RAW_ and the event type, as far as a name can hold it."""
    return f"RAW_{default_view(event)}"


def default_view(event: EventShape) -> str:
    """Return the event type as a name."""
    return re.sub(r"[^A-Z0-9_]+", "_", event.event_type.upper()) or "EVENTS"


def _columns(
    fields: Mapping[str, FieldShape], above: tuple[str, ...]
) -> Iterator[Column]:
    for name, field in fields.items():
        path = (*above, name)
        if field.shape.kind == "object" and field.shape.fields:
            yield from _columns(field.shape.fields, path)
        else:
            yield Column("_".join(path).upper(), sql_type(field.shape), path)


def _expression(column: Column) -> str:
    value = "DOC:" + ".".join(map(_key, column.path))
    if column.sql_type == _VARIANT:
        return value
    if column.sql_type == "VARCHAR":
        return f"{value}::VARCHAR"
    if column.sql_type == _TIME:
        zoned = f"TRY_CAST({value}::VARCHAR AS TIMESTAMP_TZ)"
        return f"CONVERT_TIMEZONE('UTC', {zoned})::{_TIME}"
    return f"TRY_CAST({value}::VARCHAR AS {column.sql_type})"


def _key(name: str) -> str:
    """Return a key of a JSON path: case counts, so a plain one stays as it is."""
    return name if _PLAIN.fullmatch(name) else '"' + name.replace('"', '""') + '"'


def _name(name: str) -> str:
    """Return an object's or column's name, quoted only where it must be."""
    if not _PLAIN.fullmatch(name):  # letters beyond ASCII, which Python has in names
        if not name.isidentifier():
            return identifier(name)  # refuses it, with the reason
        return f'"{name.upper()}"'
    folded = name.upper()
    return f'"{folded}"' if folded in _RESERVED else folded
