"""Every form a msgspec message takes, pinned: they are the only source there is."""

from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
import pytest
from codec_examples import Grape

from winestream.codec.faults import failure_of, text_failure
from winestream.records import Failure


class Line(msgspec.Struct):
    quantity: int


class Size(Enum):
    SMALL = 1


ZONED = Annotated[datetime, msgspec.Meta(tz=True)]


@pytest.mark.parametrize(
    ("annotation", "json", "message", "reason", "path"),
    [
        (int, '"1"', "Expected `int`, got `str`", "wrong-type", ""),
        (int, "1.0", "Expected `int`, got `float`", "wrong-type", ""),
        (int | None, "[]", "Expected `int | null`, got `array`", "wrong-type", ""),
        (Line, "1", "Expected `object`, got `int`", "wrong-type", ""),
        (int, "1" + "0" * 5000, "Integer value out of range", "invalid-value", ""),
        (int, "1e400", "Number out of range", "invalid-value", ""),
        (Decimal, '"x"', "Invalid decimal string", "invalid-value", ""),
        (
            ZONED,
            '"2026-01-01T00:00:00"',
            "Expected `datetime` with a timezone component",
            "naive-time",
            "",
        ),
        (ZONED, '"x"', "Invalid RFC3339 encoded datetime", "invalid-value", ""),
        (date, '"x"', "Invalid RFC3339 encoded date", "invalid-value", ""),
        (UUID, '"x"', "Invalid UUID", "invalid-value", ""),
        (Grape, '"x"', "Invalid enum value 'x'", "invalid-value", ""),
        (
            Grape,
            '"` - at `$.y`"',
            "Invalid enum value '` - at `$.y`'",
            "invalid-value",
            "",
        ),
        (Grape, '"x\\ny"', "Invalid enum value", "invalid-value", ""),
        (Size, "2", "Invalid enum value 2", "invalid-value", ""),
        (Literal["a"], '"b"', "Invalid enum value 'b'", "invalid-value", ""),
        (tuple[int, int], "[1]", "Expected `array` of length 2", "invalid-value", ""),
        (
            Annotated[str, msgspec.Meta(min_length=1)],
            '""',
            "Expected `str` of length >= 1",
            "invalid-value",
            "",
        ),
        (
            Annotated[int, msgspec.Meta(ge=0)],
            "-1",
            "Expected `int` >= 0",
            "invalid-value",
            "",
        ),
        (
            list[Line],
            '[{"quantity":1},{"quantity":"1"}]',
            "Expected `int`, got `str`",
            "wrong-type",
            "[1].quantity",
        ),
        (
            list[Line],
            "[{}]",
            "Object missing required field `quantity`",
            "missing-field",
            "[0].quantity",
        ),
        (
            dict[str, Line],
            '{"k":{"quantity":null}}',
            "Expected `int`, got `null`",
            "wrong-type",
            "[...].quantity",
        ),
        (
            dict[Grape, int],
            '{"x":1}',
            "Invalid enum value 'x' - at `key` in `$.field`",
            "invalid-value",
            "",
        ),
    ],
)
def test_a_message_becomes_reason_and_path(
    annotation: Any, json: str, message: str, reason: str, path: str
) -> None:
    """What msgspec says today, word for word, and what we make of it."""
    struct = msgspec.defstruct("Probe", [("field", annotation)])
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.json.decode(f'{{"field":{json}}}', type=struct)
    assert str(caught.value).startswith(message)
    assert failure_of(caught.value) == Failure(reason, "$.field" + path)


@pytest.mark.parametrize(
    ("json", "failure"),
    [
        ("1", Failure("not-an-object")),
        ("{}", Failure("missing-field", "$.kind")),
        ('{"kind":1}', Failure("wrong-type", "$.kind")),
        ('{"kind":"B"}', Failure("invalid-value", "$.kind")),
        ('{"kind":"A"}', Failure("missing-field", "$.x")),
    ],
)
def test_the_tags_messages_have_forms_of_their_own(json: str, failure: Failure) -> None:
    """A tag of the wrong type is told without what it got."""
    first = msgspec.defstruct("A", [("x", int)], tag="A", tag_field="kind")
    second = msgspec.defstruct("C", [("x", int)], tag="C", tag_field="kind")
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.json.decode(json, type=first | second)
    assert failure_of(caught.value) == failure


def test_other_exceptions_have_a_reason_too() -> None:
    """Nothing a parser or a class raises is left without one."""
    assert failure_of(RecursionError()) == Failure("too-deep")
    assert failure_of(ValueError("x")) == Failure("invalid-value")
    assert failure_of(msgspec.ValidationError("what - is ` this")) == Failure(
        "not-an-object"
    )


def test_text_failures_come_in_one_order() -> None:
    """Encoding, then nesting, then syntax; None for JSON, whatever it says."""
    assert text_failure(b"[" * 5000 + b"\xff") == Failure("invalid-utf8")
    assert text_failure(b"[" * 5000) == Failure("too-deep")
    assert text_failure(b"[") == Failure("malformed-json")
    assert text_failure(b"[]") is None
