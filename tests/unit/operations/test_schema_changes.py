"""What a changed class means, field by field, and that it is true of the codec."""

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Literal
from uuid import UUID

import attrs
import pytest

from winestream.codec import Routes
from winestream.errors import ConfigurationError
from winestream.events import Event, OrderCreated
from winestream.operations.schema import (
    EventShape,
    Verdict,
    compare,
    describe,
    from_json,
    to_json,
)
from winestream.operations.schema.changes import worst

SAME, VIEW, BREAKS = Verdict.COMPATIBLE, Verdict.NEW_VIEW, Verdict.BREAKING
NOTHING: Any = object()
NULL: Any = attrs.field(default=None)


class Size(StrEnum):
    SMALL = "small"
    LARGE = "large"


class MoreSizes(StrEnum):
    SMALL = "small"
    LARGE = "large"
    HUGE = "huge"


@attrs.frozen(kw_only=True)
class Taster:
    name: str
    age: int | None = None


@attrs.frozen(kw_only=True)
class FullerTaster:
    name: str
    age: int | None = None
    city: str | None = None


@attrs.frozen(kw_only=True)
class StricterTaster:
    name: str
    age: int | None = None
    city: str


def _class(**fields: Any) -> type[Event]:
    """Make an event class; a field is a type, or a type and its default."""
    annotations, values = {}, {}
    for name, given in fields.items():
        kind, default = given if isinstance(given, tuple) else (given, NOTHING)
        annotations[name] = kind
        if default is not NOTHING:
            values[name] = default
    body = {"__annotations__": annotations, "EVENT_TYPE": "CORK", **values}
    made: type[Event] = attrs.frozen(kw_only=True)(type("Cork", (Event,), body))
    return made


CASES: Mapping[str, tuple[Any, Any, Verdict, str]] = {
    "nothing": ({"a": int}, {"a": int}, SAME, ""),
    "new with a default": ({}, {"a": (int, 0)}, VIEW, "is a new column"),
    "new and required": ({}, {"a": int}, BREAKS, "is new and required"),
    "gone": ({"a": int}, {}, VIEW, "leaves the view"),
    "renamed": ({"a": int}, {"b": int}, BREAKS, "was a renamed?"),
    "default added": ({"a": int}, {"a": (int, 0)}, SAME, "has a default now"),
    "default gone": ({"a": (int, 0)}, {"a": int}, BREAKS, "is required now"),
    "null taken": ({"a": int}, {"a": int | None}, SAME, "may be null now"),
    "null refused": ({"a": int | None}, {"a": int}, BREAKS, "takes no null any more"),
    "int to float": ({"a": int}, {"a": float}, VIEW, "becomes FLOAT"),
    "int to decimal": ({"a": int}, {"a": Decimal}, VIEW, "becomes NUMBER(38, 10)"),
    "float to decimal": ({"a": float}, {"a": Decimal}, VIEW, "was FLOAT"),
    "float to int": ({"a": float}, {"a": int}, BREAKS, "was a float"),
    "decimal to float": ({"a": Decimal}, {"a": float}, BREAKS, "was a decimal"),
    "text to int": ({"a": str}, {"a": int}, BREAKS, "was a text and is an integer"),
    "int to text": ({"a": int}, {"a": str}, BREAKS, "Add a new field beside it"),
    "uuid to text": ({"a": UUID}, {"a": str}, SAME, "takes every uuid"),
    "text to uuid": ({"a": str}, {"a": UUID}, BREAKS, "is a uuid"),
    "time to text": ({"a": datetime}, {"a": str}, VIEW, "was TIMESTAMP_NTZ(6)"),
    "date to text": ({"a": date}, {"a": str}, VIEW, "was DATE"),
    "time to date": ({"a": datetime}, {"a": date}, BREAKS, "was a time"),
    "choice added": ({"a": Size}, {"a": MoreSizes}, SAME, "takes huge as well"),
    "choice gone": ({"a": MoreSizes}, {"a": Size}, BREAKS, "no longer takes huge"),
    "choice to text": ({"a": Size}, {"a": str}, SAME, "a text takes every choice"),
    "text to choice": ({"a": str}, {"a": Size}, BREAKS, "was a text"),
    "numbers to int": ({"a": Literal[1, 2]}, {"a": int}, SAME, "an integer takes"),
    "numbers to text": ({"a": Literal[1, 2]}, {"a": str}, BREAKS, "was a choice"),
    "literal with null": (
        {"a": Literal["x"]},
        {"a": Literal["x"] | None},
        SAME,
        "null",
    ),
    "list to set": ({"a": list[int]}, {"a": frozenset[int]}, SAME, ""),
    "wider items": ({"a": list[int]}, {"a": list[float]}, SAME, "a float takes"),
    "narrower items": ({"a": list[float]}, {"a": list[int]}, BREAKS, "was a float"),
    "pair to list": ({"a": tuple[int, int]}, {"a": list[int]}, SAME, "an array takes"),
    "pair of nulls to list": (
        {"a": tuple[int | None, int]},
        {"a": list[int]},
        BREAKS,
        "was a tuple",
    ),
    "list to pair": ({"a": list[int]}, {"a": tuple[int, int]}, BREAKS, "was an array"),
    "longer pair": (
        {"a": tuple[int, int]},
        {"a": tuple[int, int, int]},
        BREAKS,
        "has 3 values now",
    ),
    "map": ({"a": dict[str, int]}, {"a": dict[str, float]}, SAME, "a float takes"),
    "union grows": ({"a": int | bool}, {"a": int | bool | str}, SAME, "takes more"),
    "union shrinks": ({"a": int | bool | str}, {"a": int | str}, BREAKS, "takes less"),
    "int to union": ({"a": int}, {"a": int | str}, VIEW, "becomes VARIANT"),
    "union to int": ({"a": int | str}, {"a": int}, BREAKS, "was a union"),
    "nested new": ({"a": Taster}, {"a": FullerTaster}, VIEW, "is a new column"),
    "nested required": ({"a": Taster}, {"a": StricterTaster}, BREAKS, "new and requ"),
    "nested gone": ({"a": FullerTaster}, {"a": Taster}, VIEW, "leaves the view"),
    "in a list": (
        {"a": list[Taster]},
        {"a": list[FullerTaster]},
        SAME,
        "is new inside a VARIANT",
    ),
    "in a list, required": (
        {"a": list[Taster]},
        {"a": list[StricterTaster]},
        BREAKS,
        "is new and required",
    ),
    "in a list, gone": (
        {"a": list[FullerTaster]},
        {"a": list[Taster]},
        SAME,
        "is gone, and the class ignores it",
    ),
    "object to text": ({"a": Taster}, {"a": str}, BREAKS, "was an object"),
    "object or null": ({"a": Taster}, {"a": Taster | None}, SAME, "may be null"),
}

_SAMPLES: Mapping[Any, Any] = {
    int: 3,
    float: 2.5,
    Decimal: "1.50",
    str: "x",
    UUID: "6c8c8f7e-8a0c-4c56-9f0f-5d4b8f2e9a10",
    datetime: "2026-01-31T00:00:00Z",
    date: "2026-01-31",
    Size: "large",
    MoreSizes: "huge",
    Literal[1, 2]: 2,
    Literal["x"]: "x",
    list[int]: [1],
    list[float]: [1.5],
    tuple[int, int]: [1, 2],
    tuple[int | None, int]: [None, 2],
    dict[str, int]: {"k": 1},
    int | bool: True,
    int | bool | str: False,
    int | str: "x",
    int | None: None,
    Taster: {"name": "n"},
    FullerTaster: {"name": "n", "city": "c"},
    list[Taster]: [{"name": "n"}],
    list[FullerTaster]: [{"name": "n", "city": "c"}],
}
"""A value that the old class takes and that shows a breaking change."""


def _old_message(fields: Mapping[str, Any]) -> bytes:
    head = {
        "event_id": "1",
        "event_type": "CORK",
        "occurred_at": "2026-01-31T00:00:00Z",
        "schema_version": 1,
    }
    body = {
        name: _SAMPLES[given]
        for name, given in fields.items()
        if not isinstance(given, tuple)  # what has a default may be left out
    }
    return json.dumps(head | body).encode()


@pytest.mark.parametrize(("old", "new", "verdict", "says"), CASES.values(), ids=CASES)
def test_each_change_has_its_verdict_and_reason(
    old: Any, new: Any, verdict: Verdict, says: str
) -> None:
    """The worst counts; the reason says what to do."""
    changes = compare(describe(_class(**old)), describe(_class(**new)))
    assert worst(changes) == verdict, changes
    assert says in " ".join(change.reason for change in changes)


@pytest.mark.parametrize(("old", "new", "verdict", "says"), CASES.values(), ids=CASES)
def test_breaking_is_what_the_codec_refuses(
    old: Any, new: Any, verdict: Verdict, says: str
) -> None:
    """An old message becomes a dead letter exactly where the verdict says so."""
    del says
    message = _old_message(old)
    assert not Routes({_class(**old): "RAW_CORKS"}).inspect([message]).failures
    failures = Routes({_class(**new): "RAW_CORKS"}).inspect([message]).failures
    assert bool(failures) == (verdict is BREAKS)


def test_another_event_type_is_breaking() -> None:
    """The log keeps the old name, which nobody routes any more."""
    old = describe(_class(a=int))
    [change] = compare(old, attrs.evolve(old, event_type="BOTTLE"))
    assert (change.path, change.verdict) == ("event_type", BREAKS)
    assert "Set EVENT_TYPE" in change.reason


def test_a_class_that_checks_for_itself_is_mentioned() -> None:
    """Its validators may refuse what the types allow; nobody can see that from here."""

    @attrs.frozen(kw_only=True)
    class Cork(Event):
        EVENT_TYPE = "CORK"
        a: int = attrs.field(validator=attrs.validators.ge(0))

    old, new = describe(_class(a=int)), describe(Cork)
    [change] = compare(old, new)
    assert change.verdict is SAME
    assert "checks values itself, which it did not before" in change.reason
    assert "checks values itself:" in compare(new, new)[0].reason


def test_the_worst_comes_first() -> None:
    """A reader may stop after the first line."""
    old = describe(_class(a=int, b=Size, c=str))
    new = describe(_class(b=MoreSizes, c=int))
    verdicts = [change.verdict for change in compare(old, new)]
    assert verdicts == sorted(verdicts, reverse=True)
    assert set(verdicts) == {SAME, VIEW, BREAKS}


@pytest.mark.parametrize("fields", [case[1] for case in CASES.values()], ids=CASES)
def test_a_saved_schema_is_the_schema(fields: Any) -> None:
    """What `export` writes is what `diff` reads."""
    shape = describe(_class(**fields))
    assert from_json(to_json(shape), "x.json") == shape


def test_the_merchants_events_survive_saving() -> None:
    """A real class, nested objects and enums and all."""
    shape = describe(OrderCreated)
    assert from_json(to_json(shape), "x.json") == shape


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": 1}', "7"])
def test_a_file_that_is_no_schema_names_itself(text: str) -> None:
    """One sentence, no traceback."""
    with pytest.raises(ConfigurationError, match=r"x\.json is no schema"):
        from_json(text, "x.json")


def test_a_schema_of_the_future_asks_for_an_upgrade() -> None:
    """The format has a number."""
    with pytest.raises(ConfigurationError, match="a newer winestream wrote it"):
        from_json('{"format": 2}', "x.json")


def test_the_shape_has_no_time() -> None:
    """Describing twice gives the same; the class's defaults are not part of it."""
    made = _class(a=(datetime, datetime(2026, 1, 1, tzinfo=UTC)))
    shape: EventShape = describe(made)
    assert shape == describe(made)
    assert "2026" not in to_json(shape)
