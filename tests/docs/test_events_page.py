"""The page about event classes: what its table says is what the codec and views do."""

import re
from datetime import date, datetime, time
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any, Literal
from uuid import UUID

import attrs
import pytest

from winestream import Event, Routes
from winestream.errors import ConfigurationError
from winestream.operations.schema import describe
from winestream.operations.schema.ddl import view_columns

PAGE = (Path(__file__).parents[2] / "docs" / "events.md").read_text("utf-8")
NAMES: dict[str, Any] = {
    "Decimal": Decimal,
    "datetime": datetime,
    "date": date,
    "time": time,
    "UUID": UUID,
    "Literal": Literal,
    "Any": Any,
    "T": int,
    "A": int,
    "B": str,
}
"""What stands for the letters of the table."""
IN_WORDS: dict[str, Any] = {
    "an `Enum` whose": Enum("Size", {"SMALL": "small", "LARGE": "large"}),
    "`Literal` of": Literal["still", "sparkling"],
    "a frozen attrs": attrs.make_class(
        "Barrel", {"litres": attrs.field(type=int)}, frozen=True
    ),
}
"""Rows that say in words what they mean."""


def _event(annotation: Any) -> type[Event]:
    body = {"__annotations__": {"thing": annotation}}
    made: type[Event] = attrs.frozen(kw_only=True)(type("Corked", (Event,), body))
    return made


def _rows() -> list[tuple[str, str]]:
    """Return the first and the last cell of each row."""
    table = PAGE.partition("|---|---|---|\n")[2].partition("\n\n")[0]
    rows = [re.split(r"(?<!\\)\|", line)[1:-1] for line in table.splitlines()]
    return [(first.strip().replace("\\|", "|"), view) for first, _, view in rows]


def _annotations(cell: str) -> list[Any]:
    for words, annotation in IN_WORDS.items():
        if cell.startswith(words):
            return [annotation]
    code = re.findall(r"`([^`]+)`", cell.partition(";")[0])
    return [eval(each, NAMES) for each in code]  # noqa: S307 — the page's own words


@pytest.mark.parametrize(("cell", "view"), _rows(), ids=lambda part: part[:20])
def test_every_row_is_taken_and_typed_as_it_says(cell: str, view: str) -> None:
    """`Routes` takes the class; the view's column has the type of the last cell."""
    annotations = _annotations(cell)
    assert annotations
    for annotation in annotations:
        cls = _event(annotation)
        Routes({cls: "RAW_CORKED"})
        [column] = view_columns(describe(cls))
        if view.strip().startswith("as for"):
            assert column.sql_type == "NUMBER(38, 0)"
        elif "a column for each" in view:
            assert (column.name, column.sql_type) == ("THING_LITRES", "NUMBER(38, 0)")
        else:
            assert f"`{column.sql_type}`" in view


def test_what_it_calls_refused_is_refused() -> None:
    """The examples of the sentence below the table, with the field's name."""
    said = re.search(r"^Anything else \(([^)]+)\)", PAGE, re.MULTILINE)
    assert said is not None
    names = re.findall(r"`([^`]+)`", said[1])
    assert len(names) == 5
    for name in names:
        annotation = eval(name, NAMES)  # noqa: S307 — as above
        with pytest.raises(ConfigurationError, match=r"Corked\.thing cannot be read"):
            Routes({_event(annotation): "RAW_CORKED"})


def test_any_attrs_decorator_makes_a_frozen_event() -> None:
    """As the page says of `attrs.define`."""
    cls = attrs.define(kw_only=True)(
        type("Corked", (Event,), {"__annotations__": {"thing": int}})
    )
    Routes({cls: "RAW_CORKED"})
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        cls(thing=1).thing = 2
