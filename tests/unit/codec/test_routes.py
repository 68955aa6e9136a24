"""What `Routes` promises: tables, columns, configuration errors, round trips."""

import json
import subprocess
import sys
from datetime import UTC, date, datetime, time
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, ClassVar, Literal, NewType, Optional

import attrs
import pytest
from codec_examples import (
    CELLAR,
    HEAD,
    STOCK,
    Barrel,
    CellarCounted,
    Grape,
    raw,
    routes,
    text,
)

from winestream.codec import Routes
from winestream.errors import ConfigurationError, DecodeError
from winestream.events import (
    Event,
    InventoryAdjusted,
    OrderCreated,
    Reason,
    UnknownEvent,
)
from winestream.ports import Codec
from winestream.records import Failure

ROUTES = routes()
ADJUSTED = InventoryAdjusted(
    wine_id="w", quantity=-1, reason=Reason.SALE, stock_after=3
)


def event_with(annotation: Any, **options: Any) -> type[Event]:
    """Return an event class with one field of this type."""
    return attrs.make_class(
        "Bottled",
        {"thing": attrs.field(type=annotation, **options)},
        bases=(Event,),
        frozen=True,
        kw_only=True,
    )


def test_routes_is_a_codec() -> None:
    """The port is fulfilled, as mypy and this line see it."""
    codec: Codec = ROUTES
    assert codec.decode(codec.encode(ADJUSTED)) == ADJUSTED


def test_tables_are_distinct_and_in_order_with_the_unknown_one_last() -> None:
    """What the sink creates and audits, once each."""
    assert ROUTES.tables == (
        "RAW_ORDERS",
        "RAW_INVENTORY",
        "RAW_CELLAR",
        "RAW_CORKS",
        "RAW_EVENTS",
    )
    shared = Routes(
        {OrderCreated: "ALL", InventoryAdjusted: "B", CellarCounted: "ALL"},
        unknown="ALL",
    )
    assert shared.tables == ("B", "ALL")
    assert Routes({}).tables == ("RAW_EVENTS",)


def test_a_type_has_a_table_known_or_not() -> None:
    """Unknown types share one."""
    assert ROUTES.table_for("ORDER_CREATED") == "RAW_ORDERS"
    assert ROUTES.table_for("BOTTLE_SOLD") == "RAW_EVENTS"


def test_columns_have_one_entry_per_valid_message_in_order() -> None:
    """Failures are told by index and leave no hole in the columns."""
    other = text(HEAD | {"event_id": "e-9", "event_type": "BOTTLE_SOLD"})
    found = ROUTES.inspect([text(STOCK), None, other, b"{}", text(STOCK)])
    assert list(found.event_ids) == ["e-1", "e-9", "e-1"]
    assert list(found.event_types) == [
        "INVENTORY_ADJUSTED",
        "BOTTLE_SOLD",
        "INVENTORY_ADJUSTED",
    ]
    assert (
        list(found.occurred_at)
        == [datetime(2026, 11, 23, 7, tzinfo=UTC).timestamp()] * 3
    )
    assert list(found.schema_versions) == [1, 1, 1]
    assert list(found.tables) == ["RAW_INVENTORY", "RAW_EVENTS", "RAW_INVENTORY"]
    assert found.failures == {
        1: Failure("null-value"),
        3: Failure("missing-field", "$.event_type"),
    }


def test_one_table_is_given_as_one_name() -> None:
    """The common run needs no column for it; two types may share a table."""
    assert ROUTES.inspect([text(STOCK)] * 100).tables == "RAW_INVENTORY"
    assert ROUTES.inspect([]).tables == "RAW_EVENTS"
    one = Routes({InventoryAdjusted: "ALL"}, unknown="ALL")
    values = [text(STOCK), text(HEAD | {"event_type": "BOTTLE_SOLD"})]
    assert one.inspect(values).tables == "ALL"


def test_without_classes_everything_is_unknown() -> None:
    """Routes of nothing still read heads."""
    nothing = Routes({})
    assert nothing.inspect([text(STOCK)]).event_types == ["INVENTORY_ADJUSTED"]
    assert nothing.inspect([b"{}"]).failures == {
        0: Failure("missing-field", "$.event_type")
    }
    assert isinstance(nothing.decode(text(STOCK)), UnknownEvent)


def test_one_class_alone_still_needs_its_type() -> None:
    """Msgspec would take a single tagged struct without its tag."""
    alone = Routes({InventoryAdjusted: "T"})
    value = text({key: given for key, given in STOCK.items() if key != "event_type"})
    missing = Failure("missing-field", "$.event_type")
    assert alone.inspect([value]).failures == {0: missing}
    nameless = text(STOCK | {"event_type": "", "impossible": 1})
    assert alone.inspect([nameless]).event_types == [""]
    assert alone.decode(nameless).event_type == ""


def test_importing_loads_no_vendor_library() -> None:
    """Msgspec comes with the first `Routes`, cattrs with the first refusal."""
    code = (
        "import sys, winestream, winestream.codec as c, winestream.events as e\n"
        "heavy = {'msgspec', 'cattrs', 'pyarrow'}\n"
        "assert not heavy & set(sys.modules)\n"
        "r = c.Routes({e.InventoryAdjusted: 'T'})\n"
        "x = r.encode(e.InventoryAdjusted(wine_id='w', quantity=1,\n"
        "    reason=e.Reason.COUNT, stock_after=1))\n"
        "assert not r.inspect([x]).failures\n"
        "assert heavy & set(sys.modules) == {'msgspec'}\n"
        "r.decode(x)\n"
        "assert heavy & set(sys.modules) == {'msgspec'}\n"
        "try: r.decode(b'{}')\n"
        "except winestream.DecodeError: pass\n"
        "assert 'cattrs' in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


class Plain:
    """No event."""


class Undecorated(Event):
    """Inherits from an attrs class without being one."""


@attrs.define(kw_only=True)
class Changeable:
    name: str


@attrs.frozen(kw_only=True)
class OrderCreatedAgain(Event):
    EVENT_TYPE: ClassVar[str] = "ORDER_CREATED"


@attrs.frozen(kw_only=True)
class Retimed(Event):
    occurred_at: str  # type: ignore[assignment]


@attrs.frozen(kw_only=True)
class Dangling(Event):
    thing: "Nowhere"  # type: ignore[name-defined]  # noqa: F821


@attrs.frozen(kw_only=True)
class Recursive:
    inner: "Recursive | None" = None


class Mixed(Enum):
    ONE = 1
    TWO = "two"


@pytest.mark.parametrize(
    ("cls", "words"),
    [
        (Plain, "Plain is not an event: subclass winestream.Event"),
        ("text", "is not an event"),
        (Undecorated, "Undecorated is not an attrs class: decorate it"),
        (Retimed, "Retimed.occurred_at must stay datetime"),
        (Dangling, "Dangling: the annotation 'Nowhere' does not resolve"),
        (UnknownEvent, "UnknownEvent has no table of its own"),
    ],
)
def test_a_class_that_cannot_be_routed_is_named(cls: Any, words: str) -> None:
    """The error says which class and what to do, before the first message."""
    with pytest.raises(ConfigurationError, match=words):
        Routes({cls: "T"})


def test_a_class_must_be_frozen() -> None:
    """An event that could be changed inside would not be a fact."""
    with pytest.raises(ConfigurationError, match="Changeable can be changed"):
        Routes({event_with(tuple[Changeable, ...]): "T"})


def test_two_classes_of_one_type_are_refused() -> None:
    """Nobody could tell which of them a message is."""
    with pytest.raises(ConfigurationError, match="OrderCreatedAgain and OrderCreated"):
        Routes({OrderCreated: "A", OrderCreatedAgain: "B"})


@pytest.mark.parametrize(
    "table", ["", "raw", "RAW ORDERS", "1RAW", 'R"', "RAW\n", None]
)
def test_a_table_must_be_an_identifier(table: Any) -> None:
    """Table names reach SQL, so that only plain ones are let through."""
    with pytest.raises(ConfigurationError, match=r"OrderCreated: .* is no table name"):
        Routes({OrderCreated: table})
    with pytest.raises(ConfigurationError, match=r"unknown: .* is no table name"):
        Routes({}, unknown=table)


def test_the_table_of_dead_letters_takes_no_events() -> None:
    """An event there would be counted as what is none."""
    for tables, unknown in (
        ({OrderCreated: "DEAD_LETTERS"}, "X"),
        ({}, "DEAD_LETTERS"),
    ):
        with pytest.raises(ConfigurationError, match="what is no event"):
            Routes(tables, unknown=unknown)


@pytest.mark.parametrize(
    "annotation",
    [
        *(Any, object, list, dict, tuple, bytes, time, complex, Plain, Mixed, Event),
        *(list[Any], dict[int, str], dict[Mixed, str], set[tuple[int, ...]]),
        *(Literal[b"x"], str | date, list[int] | set[int], Recursive, OrderCreated),
        *(type[int], Literal[True]),
    ],
    ids=repr,
)
def test_a_field_that_has_no_strict_json_is_named(annotation: Any) -> None:
    """Class and field are in the error, with the types that would do."""
    with pytest.raises(ConfigurationError, match=r"\w+\.\w+ cannot be read.*Use str"):
        Routes({event_with(annotation): "T"})


Litres = NewType("Litres", int)


@pytest.mark.parametrize(
    ("annotation", "thing"),
    [
        (Annotated[int, "litres"], 3),
        (Litres, 3),
        (Optional[Litres], None),  # noqa: UP045 — the older spelling counts, too
        (Decimal | int, 3),
        (int | float, 0.5),
        (Literal["a"] | str | None, "b"),  # noqa: PYI051 — people write it
        (Literal["a", None], None),  # noqa: PYI061 — the older spelling counts, too
        (tuple[()], ()),
        (set[date], {date(2026, 1, 1)}),
        (frozenset[datetime], frozenset({datetime(2026, 1, 1, tzinfo=UTC)})),
        (dict[str, list[tuple[int, Decimal | None]]], {"a": [(1, Decimal("1.0"))]}),
        (list[Decimal] | Decimal | None, [Decimal("1.0")]),
        (tuple[Decimal, ...] | dict[str, Decimal] | None, {"a": Decimal("1.0")}),
        (Grape | None, Grape.MERLOT),
    ],
    ids=repr,
)
def test_annotations_of_all_spellings_work(annotation: Any, thing: Any) -> None:
    """Wrapped, renamed, united and nested types encode and come back equal."""
    cls = event_with(annotation)
    its = Routes({cls: "T"})
    event = cls(thing=thing)  # type: ignore[call-arg]
    value = its.encode(event)
    assert its.decode(value) == event
    assert its.inspect([value]).tables == "T"


@pytest.mark.parametrize(
    "annotation",
    [
        list[Decimal] | Decimal | None,
        dict[str, Decimal] | Decimal,
        tuple[int, Decimal] | None,
        Decimal | int,
        Decimal | float | None,
        tuple[Decimal, ...] | dict[str, Decimal],
        set[Decimal] | Decimal,
        frozenset[Decimal],
        Barrel | Decimal | None,
        Barrel | list[Barrel | None],
    ],
    ids=repr,
)
@pytest.mark.parametrize(
    "thing",
    [
        *('"x"', '["1","x"]', '["2","x","NaN"]', '{"a":"1","b":"x"}', "1e400"),
        *('{"litres":1,"price":"x"}', '[null,{"litres":1,"price":"NaN"}]'),
        '["1","2","3","4","5","6","7","x","8","9"]',
        *('"NaN"', '["NaN"]', '{"a":"NaN"}', '[1,"NaN"]'),
    ],
)
def test_money_is_found_in_unions(annotation: Any, thing: str) -> None:
    """A NaN does not pass for standing in one arm of several; its place is told."""
    its = Routes({event_with(annotation): "T"})
    value = raw(HEAD | {"event_type": "BOTTLED"}, thing=thing)
    expected = {}
    try:
        its.decode(value)
    except DecodeError as error:
        expected[0] = Failure(error.reason, error.path)
    assert its.inspect([value]).failures == expected


def test_encode_writes_one_flat_object() -> None:
    """The wire form, field by field: nothing omitted, money as text, times with Z."""
    event = attrs.evolve(
        ADJUSTED, event_id="e", occurred_at=datetime(2026, 1, 1, tzinfo=UTC)
    )
    assert ROUTES.encode(event) == (
        b'{"event_id":"e","event_type":"INVENTORY_ADJUSTED",'
        b'"occurred_at":"2026-01-01T00:00:00Z","schema_version":1,"wine_id":"w",'
        b'"quantity":-1,"reason":"SALE","stock_after":3,"order_id":null}'
    )


@pytest.mark.parametrize(
    ("change", "reason", "path"),
    [
        ({"money": Decimal("NaN")}, "invalid-value", "$.money"),
        ({"ratio": float("nan")}, "wrong-type", "$.ratio"),
        ({"number": "7"}, "wrong-type", "$.number"),
        ({"moment": datetime(2026, 1, 1)}, "naive-time", "$.moment"),  # noqa: DTZ001 — naive on purpose
        ({"spare": Barrel(litres=1, price=0.1 + 0.2)}, "wrong-type", "$.spare.price"),  # type: ignore[arg-type]
        ({"money": 0.1 + 0.2}, "wrong-type", "$.money"),
        ({"rate": 1.0}, "wrong-type", "$.rate"),
        ({"amounts": [Decimal(1), 0.5]}, "wrong-type", "$.amounts"),
        ({"by_grape": {Grape.SYRAH: 0.5}}, "wrong-type", "$.by_grape"),
        ({"pair": (1, 0.5)}, "wrong-type", "$.pair"),
        ({"text": "\ud800"}, "invalid-value", "$"),
        ({"text": object()}, "invalid-value", "$"),
        ({"event_id": ""}, "invalid-value", "$.event_id"),
    ],
)
def test_encode_refuses_what_could_not_be_read_back(
    change: dict[str, Any], reason: str, path: str
) -> None:
    """Attrs checks no types; the wire does, before a consumer has to."""
    with pytest.raises(DecodeError) as caught:
        ROUTES.encode(attrs.evolve(CELLAR, **change))
    assert (caught.value.reason, caught.value.path) == (reason, path)


def test_a_float_is_refused_only_where_it_is_money() -> None:
    """An int is exact and goes; a field that says float as well takes both."""
    change: dict[str, Any] = {"money": 3, "ratio": 0.5, "amounts": [2, None]}
    value = json.loads(ROUTES.encode(attrs.evolve(CELLAR, **change)))
    assert [value["money"], value["ratio"], value["amounts"]] == [3, 0.5, [2, None]]

    @attrs.frozen(kw_only=True)
    class Weighed(Event):
        weights: dict[str, Decimal | float]

    event = Weighed(weights={"a": 0.5, "b": Decimal("0.5")})
    written = json.loads(Routes({Weighed: "RAW_W"}).encode(event))
    assert written["weights"] == {"a": 0.5, "b": "0.5"}


def test_encode_takes_an_event_without_a_route() -> None:
    """It reads back as unknown, with its fields in the body."""
    event = Routes({}).decode(ROUTES.encode(ADJUSTED))
    assert isinstance(event, UnknownEvent)
    assert event.body.startswith('{"wine_id":"w",')


@pytest.mark.parametrize("body", ["", "[]", "{", '{"event_id":"x"}', '"\ud800"'])
def test_an_unknown_event_needs_a_body_that_can_be_merged(body: str) -> None:
    """A JSON object that leaves the head alone."""
    with pytest.raises(DecodeError):
        ROUTES.encode(UnknownEvent(event_type="Z", body=body))


def test_fields_without_init_stay_off_the_wire() -> None:
    """What a class works out for itself is neither written nor read."""
    cls = event_with(int, init=False, default=5)
    its = Routes({cls: "T"})
    assert b"thing" not in its.encode(cls())
    assert its.decode(its.encode(cls())).event_type == "BOTTLED"


def test_private_fields_go_by_their_own_name() -> None:
    """Attrs hides the underscore in `__init__`; the wire does not."""
    cls = attrs.make_class(
        "Corked",
        {"_year": attrs.field(type=int)},
        bases=(Event,),
        frozen=True,
        kw_only=True,
    )
    its = Routes({cls: "T"})
    value = its.encode(cls(year=2015))  # type: ignore[call-arg]
    assert b'"_year":2015' in value
    assert getattr(its.decode(value), "_year") == 2015  # noqa: B009 — the base class has none
