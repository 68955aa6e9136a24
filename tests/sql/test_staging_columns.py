"""STAGING has a column for each field of the event classes, of the type it needs."""

import re
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from enum import Enum
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

import attrs
import pytest
from elt import Pipeline
from sql_files import files

from winestream.events import InventoryAdjusted, OrderCreated, OrderLine

# Ours, not the event's: what tells contents apart, and what became of the row.
KEYS = ("EVENT_ID", "PAYLOAD_MD5")
OWN = {"PAYLOAD_MD5", "LINE_COUNT", "REJECT_REASON", "STAGED_AT"}
LINE_OWN = OWN - {"LINE_COUNT"} | {"EVENT_ID", "LINE_NUMBER", "OCCURRED_AT", "ORDER_ID"}
MONEY = re.compile(r"NUMBER\(\d+, 2\)")
WHOLE = re.compile(r"NUMBER\(\d+, 0\)")
RATE = re.compile(r"NUMBER\(\d+, 6\)")


def _declared(table: str) -> dict[str, str]:
    """Return column → type as the migration declares them."""
    (text,) = [
        statement.normalised
        for file in files("migrations")
        for statement in file.statements
        if f"CREATE TABLE IF NOT EXISTS {table} " in statement.normalised
    ]
    columns = re.findall(r"(\w+) (\w+(?:\(\d+(?:, \d+)?\))?)(?: NOT NULL)?[,)]",
                         text.partition("(")[2].replace(" )", ")"))  # fmt: skip
    return dict(columns)


def _wanted(kind: type, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the column and the type of every field; a nested class's are prefixed."""
    hints = get_type_hints(kind)
    for field in attrs.fields(kind):
        inner = _not_none(hints[field.name])
        name = field.name.upper()
        if attrs.has(inner):
            yield from _wanted(inner, f"{name}_")
        elif get_origin(inner) is not tuple:  # its elements have a table of their own
            yield name if name.startswith(prefix) else prefix + name, inner


def _not_none(hint: Any) -> Any:
    if isinstance(hint, UnionType):
        (hint,) = (part for part in get_args(hint) if part is not NoneType)
    return hint


def _fits(declared: str, kind: type, name: str) -> bool:
    if issubclass(kind, str | Enum):
        return declared == "VARCHAR"
    if issubclass(kind, int):
        return bool(WHOLE.fullmatch(declared))
    if issubclass(kind, Decimal):
        return bool((RATE if name.endswith("RATE") else MONEY).fullmatch(declared))
    assert issubclass(kind, datetime)
    return declared == "TIMESTAMP_NTZ(6)"


@pytest.mark.parametrize(
    ("table", "kind", "own"),
    [
        ("STAGING_ORDERS", OrderCreated, OWN),
        ("STAGING_ORDER_LINES", OrderLine, LINE_OWN),
        ("STAGING_INVENTORY", InventoryAdjusted, OWN - {"LINE_COUNT"}),
    ],
)
def test_the_columns_are_the_classs_fields(
    table: str, kind: type, own: set[str]
) -> None:
    """None is missing, none is left over, each is of its field's type."""
    declared = _declared(f"STAGING.{table}")
    wanted = dict(_wanted(kind))
    assert set(declared) == set(wanted) | own
    for name, field in wanted.items():
        assert _fits(declared[name], field, name), (name, declared[name], field)


def test_the_deployed_columns_are_those_declared(pipeline: Pipeline) -> None:
    """Names, order and types in the warehouse are the migration's."""
    deployed = pipeline.columns("STAGING")
    for table in ("STAGING_ORDERS", "STAGING_ORDER_LINES", "STAGING_INVENTORY"):
        declared = {
            name: kind.partition("(")[0].replace("VARCHAR", "TEXT")
            for name, kind in _declared(f"STAGING.{table}").items()
        }
        assert list(deployed[table].items()) == list(declared.items())


@pytest.mark.parametrize("table", ["ORDERS", "ORDER_LINES", "INVENTORY"])
def test_the_keys_come_first(table: str) -> None:
    """The content's key: which event, and which of its contents."""
    assert tuple(_declared(f"STAGING.STAGING_{table}"))[:2] == KEYS
