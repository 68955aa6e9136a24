"""Each reason for which bytes are no event, with its path."""

import sys
from collections.abc import Iterator
from types import FrameType
from typing import Any

import pytest
from codec_examples import CELLAR, CORK, HEAD, STOCK, raw, routes, text

from winestream.codec.text import MAX_DEPTH
from winestream.errors import DecodeError
from winestream.events import UnknownEvent
from winestream.records import Failure

ROUTES = routes()
UNKNOWN = HEAD | {"event_type": "BOTTLE_SOLD"}


def order() -> dict[str, Any]:
    """Return a valid order of two lines, as JSON fields."""
    line = {
        "wine_id": "w",
        "name": "Margaux",
        "estate": "Château Margaux",
        "region": "Bordeaux",
        "appellation": "Margaux",
        "colour": "red",
        "vintage": None,
        "bottle_cl": 75,
        "quantity": 2,
        "unit_price": "450.00",
        "unit_cost": "300.00",
        "discount": "0",
        "tax_rate": "0.20",
    }
    customer = {"customer_id": "c", "name": "Zoé", "email": "z@e.fr"}
    return HEAD | {
        "event_type": "ORDER_CREATED",
        "order_id": "o",
        "customer": customer | {"country": "FR", "city": "Paris"},
        "channel": "web",
        "currency": "EUR",
        "lines": [line, dict(line)],
        "shipping": "9.90",
        "subtotal": "1800.00",
        "tax_total": "360.00",
        "total": "2169.90",
    }


def with_line(**changes: Any) -> bytes:
    """Return an order whose second line is changed."""
    fields = order()
    fields["lines"][1] |= changes
    return text(fields)


def without(fields: dict[str, Any], name: str) -> bytes:
    """Return the JSON without one member."""
    return text({key: value for key, value in fields.items() if key != name})


def check(value: bytes | None, reason: str, path: str = "$") -> None:
    """Both paths refuse the value, for this reason at this place."""
    assert ROUTES.inspect([value]).failures == {0: Failure(reason, path)}
    with pytest.raises(DecodeError) as caught:
        ROUTES.decode(value)
    assert (caught.value.reason, caught.value.path) == (reason, path)


def test_a_tombstone_is_a_null_value() -> None:
    """A message without a value is no event, and has its own reason."""
    check(None, "null-value")


@pytest.mark.parametrize(
    "value",
    [b"\xff", text(STOCK) + b"\xff", raw(STOCK, zzz='"é"').replace(b"\xc3", b"\xff")],
)
def test_bytes_that_are_not_utf8_are_refused_wherever_they_stand(value: bytes) -> None:
    """The payload is stored as text, so that fields nobody reads count, too."""
    check(value, "invalid-utf8")


def test_a_character_cut_between_two_messages_is_found() -> None:
    """Looking at a run as one text does not heal what was cut in two."""
    cut = ROUTES.inspect([text(STOCK) + b"\xc3", b"\xa9" + text(STOCK)])
    assert cut.failures == {0: Failure("invalid-utf8"), 1: Failure("invalid-utf8")}


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b" ",
        b"{",
        text(STOCK)[:-1],
        text(STOCK) + b"x",
        b"\xef\xbb\xbf" + text(STOCK),
        raw(STOCK, zzz="NaN"),
        raw(STOCK, zzz="-Infinity"),
        raw(STOCK, zzz="01"),
        raw(STOCK, wine_id='"\\ud800"'),
        raw(STOCK, zzz='"\\udc00\\ud800"'),
        raw(STOCK, zzz='"\x00"'),
        raw(STOCK | {"quantity": "1"}, zzz="[1,]"),
    ],
)
def test_what_is_not_json_is_malformed(value: bytes) -> None:
    """Empty, cut, a BOM, NaN, half a surrogate pair, also in fields nobody reads."""
    check(value, "malformed-json")


@pytest.mark.parametrize(
    "value", [b"null", b"1", b"1e400", b'"x"', b"[]", b"true", b" [{}] "]
)
def test_json_that_is_no_object_is_refused(value: bytes) -> None:
    """JSON null is not a tombstone but a value of the wrong kind."""
    check(value, "not-an-object")


@pytest.mark.parametrize("fields", [STOCK, CORK, UNKNOWN, order()])
@pytest.mark.parametrize("name", HEAD)
def test_every_field_of_the_head_is_required(fields: dict[str, Any], name: str) -> None:
    """A head made up at reading would be another one at the next reading."""
    check(without(fields, name), "missing-field", f"$.{name}")


def test_a_missing_field_is_named_with_the_way_to_it() -> None:
    """The path of what is missing says where it should have been."""
    check(without(STOCK, "wine_id"), "missing-field", "$.wine_id")
    fields = order()
    del fields["lines"][1]["quantity"]
    check(text(fields), "missing-field", "$.lines[1].quantity")
    assert not ROUTES.inspect([without(STOCK, "order_id")]).failures


@pytest.mark.parametrize("quantity", ["1", 1.0, True, None, [1]])
def test_nothing_is_coerced(quantity: object) -> None:
    """An int is a JSON number without point or exponent, and nothing else."""
    check(with_line(quantity=quantity), "wrong-type", "$.lines[1].quantity")


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        (STOCK | {"wine_id": 1}, "$.wine_id"),
        (STOCK | {"event_type": 1}, "$.event_type"),
        (STOCK | {"event_type": None}, "$.event_type"),
        (STOCK | {"occurred_at": 1763881200}, "$.occurred_at"),
        (UNKNOWN | {"schema_version": "1"}, "$.schema_version"),
        (order() | {"total": True}, "$.total"),
        (order() | {"lines": {}}, "$.lines"),
        (order() | {"customer": []}, "$.customer"),
    ],
)
def test_a_wrong_type_is_told_with_its_path(fields: dict[str, Any], path: str) -> None:
    """Head, body and an unknown event's head are all held to their types."""
    check(text(fields), "wrong-type", path)


def test_times_without_a_zone_are_naive() -> None:
    """A time that could be anywhere is refused, in the head and in the class."""
    naive = "2026-11-23T07:00:00"
    check(text(STOCK | {"occurred_at": naive}), "naive-time", "$.occurred_at")
    check(text(UNKNOWN | {"occurred_at": naive}), "naive-time", "$.occurred_at")
    value = ROUTES.encode(CELLAR).replace(b"000678Z", b"000678")
    check(value, "naive-time", "$.moment")


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        (STOCK | {"event_id": ""}, "$.event_id"),
        (UNKNOWN | {"event_id": ""}, "$.event_id"),
        (STOCK | {"reason": "THEFT"}, "$.reason"),
        (STOCK | {"schema_version": -1}, "$.schema_version"),
        (STOCK | {"schema_version": 2**31}, "$.schema_version"),
        (STOCK | {"occurred_at": "yesterday"}, "$.occurred_at"),
        (STOCK | {"occurred_at": "0001-01-01T00:00:00+01:00"}, "$.occurred_at"),
        (UNKNOWN | {"occurred_at": "9999-12-31T23:59:59.9Z"}, "$.occurred_at"),
        (order() | {"total": "NaN"}, "$.total"),
        (order() | {"total": "-Infinity"}, "$.total"),
        (order() | {"total": "twelve"}, "$.total"),
    ],
)
def test_an_invalid_value_is_told_with_its_path(
    fields: dict[str, Any], path: str
) -> None:
    """The right type with a value that cannot be: empty, unknown, out of range, NaN."""
    check(text(fields), "invalid-value", path)


@pytest.mark.parametrize("money", ["NaN", "sNaN", "-nan7", "Infinity", "-inf"])
def test_money_must_be_a_number_deep_inside_too(money: str) -> None:
    """A NaN in an order line would make every sum a NaN."""
    check(with_line(unit_price=money), "invalid-value", "$.lines[1].unit_price")


@pytest.mark.parametrize("number", ["1e400", "1" + "0" * 5000])
def test_numbers_beyond_all_bounds_are_refused_where_they_are_read(number: str) -> None:
    """A huge number is invalid in a field, and nobody's business in an unknown one."""
    check(raw(STOCK, quantity=number), "invalid-value", "$.quantity")
    check(raw(STOCK, wine_id=number), "invalid-value", "$.wine_id")
    assert not ROUTES.inspect([raw(STOCK, zzz=number)]).failures


@pytest.mark.parametrize(
    ("start", "end"), [("[", "]"), ('{"a":', "}"), ('[{"":', "}]")]
)
def test_nesting_has_a_bound(start: str, end: str) -> None:
    """One level too many is too deep, in any field; brackets in strings are text."""
    levels = MAX_DEPTH // (2 if start[1:2] == "{" else 1)
    check(raw(STOCK, zzz=start * levels + "1" + end * levels), "too-deep")
    fits = raw(STOCK, zzz=start * (levels - 1) + "1" + end * (levels - 1))
    assert not ROUTES.inspect([fits]).failures
    ROUTES.decode(fits)
    for value in (b"[" * 100_000, b'{"":' * 100_000, b'[{"a":[' * 50_000):
        check(value, "too-deep")
    assert not ROUTES.inspect([raw(STOCK, zzz='"' + start[0] * 2000 + '"')]).failures


def test_nesting_beyond_the_callers_stack_is_a_reason_too() -> None:
    """`inspect` does not raise even when its caller has used up the stack.

    From Python 3.12 on, the parsers have a bound of their own and read it all the same.
    """
    value = raw(STOCK, zzz="[" * 400 + "]" * 400)

    def descend(levels: int) -> dict[int, Failure]:
        if levels:
            return descend(levels - 1)
        return dict(ROUTES.inspect([value]).failures)

    depth = sum(1 for _ in iter_frames())
    room = sys.getrecursionlimit() - depth
    assert descend(room - 200) in ({}, {0: Failure("too-deep")})


def iter_frames() -> Iterator[FrameType]:
    """Yield the frames of the stack."""
    frame: FrameType | None = sys._getframe()
    while frame is not None:
        yield frame
        frame = frame.f_back


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        (CORK | {"corks": 0}, "$.corks"),
        (CORK | {"ratio": "0"}, "$.ratio"),
        (CORK | {"seal": {"code": "abcde"}}, "$.seal.code"),
        (CORK | {"name": "screw cap"}, "$"),
    ],
)
def test_a_class_refuses_by_its_own_checks(fields: dict[str, Any], path: str) -> None:
    """Validator, converter, a nested validator and the post-init hook all run."""
    check(text(fields), "invalid-value", path)


def test_a_failure_never_quotes_what_the_class_said() -> None:
    """Details name the exception's type: its message may hold the payload."""
    with pytest.raises(DecodeError) as caught:
        ROUTES.decode(text(CORK | {"name": "screw cap"}))
    assert caught.value.detail == "ValueError"


def test_unknown_fields_and_unknown_types_are_taken() -> None:
    """A producer may be ahead of us: nothing is refused for being new."""
    more = raw(STOCK, zzz='{"a":[1e400]}')
    assert ROUTES.decode(more) == ROUTES.decode(text(STOCK))
    assert ROUTES.inspect([text(UNKNOWN)]).tables == "RAW_EVENTS"
    event = ROUTES.decode(raw(UNKNOWN, price="1.100", a='{"b": 1e400}'))
    assert isinstance(event, UnknownEvent)
    assert event.event_type == "BOTTLE_SOLD"
    assert event.body == '{"price":1.100,"a":{"b": 1e400}}'


def test_of_repeated_members_the_last_counts_and_all_are_checked() -> None:
    """A repeated key is no loophole; an event has one type, though."""
    base = text(STOCK)[:-1]
    assert ROUTES.inspect([base + b',"event_id":"last"}']).event_ids == ["last"]
    check(
        text(STOCK | {"quantity": "x"})[:-1] + b',"quantity":1}',
        "wrong-type",
        "$.quantity",
    )
    check(
        base + b',"event_type":"ORDER_CREATED","event_type":"INVENTORY_ADJUSTED"}',
        "invalid-value",
        "$.event_type",
    )
    assert ROUTES.inspect([base + b',"event_type":"Z"}']).event_types == ["Z"]


def test_nul_and_white_space_are_fine() -> None:
    """An escaped NUL is a character like any other, and JSON may have air around it."""
    event = ROUTES.decode(b" \r\n\t" + raw(STOCK, wine_id='"a\\u0000b"') + b" \n")
    assert getattr(event, "wine_id") == "a\0b"  # noqa: B009 — the base class has none
