"""The fast path and the cattrs path are two programs with one verdict."""

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from codec_examples import (
    CELLAR,
    CORK,
    HEAD,
    STOCK,
    Barrel,
    CellarCounted,
    CorkReturned,
    Grape,
    Seal,
    Size,
    raw,
    routes,
    text,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from winestream.errors import DecodeError
from winestream.events import Event, InventoryAdjusted, Reason, UnknownEvent
from winestream.records import Failure

ROUTES = routes()


def verdict_of_inspect(value: bytes | None) -> Any:
    """Return the failure or the head that the fast path finds."""
    found = ROUTES.inspect([value])
    if found.failures:
        return found.failures[0]
    return (
        found.event_ids[0],
        found.event_types[0],
        found.occurred_at[0],
        found.schema_versions[0],
        found.tables,
    )


def outcome(decode: Callable[[bytes | None], Event], value: bytes | None) -> Any:
    """Return the event or the failure."""
    try:
        return decode(value)
    except DecodeError as error:
        return Failure(error.reason, error.path)


def verdict_of(event: Event) -> Any:
    """Return an event's head and table."""
    return (
        event.event_id,
        event.event_type,
        event.occurred_at.timestamp(),
        event.schema_version,
        ROUTES.table_for(event.event_type),
    )


def agreed(value: bytes | None) -> Any:
    """Return the verdict of both paths, which must be one.

    What `decode` returns must be what the slow path builds, to the last digit.
    """
    fast, slow = verdict_of_inspect(value), outcome(ROUTES._strict.decode, value)
    assert fast == (slow if isinstance(slow, Failure) else verdict_of(slow)), value
    told = outcome(ROUTES.decode, value)
    assert told == slow, value
    assert spelled(told) == spelled(slow), value
    return fast


def spelled(told: object) -> list[str]:
    """Return what tells 1.10 from 1.1 and -0.0 from 0.0, whatever a set's order."""
    return sorted(repr(told))


DEEP = 600
FRAGMENTS = [
    *("null", "true", "0", "1", "-7", "1.0", "1.10", "1e2", "-0", "-0.0", "1e-400"),
    *("18446744073709551615", "18446744073709551616", "-9223372036854775809"),
    *("1e400", "-1e400", "1" + "0" * 400, "1" + "0" * 4300, "0." + "1" * 400),
    *("NaN", "Infinity", "-Infinity", "01", "1.", "-", "tru", "[1,]", ""),
    *('""', '"1"', '"1.10"', '"x"', '"full"', '"merlot"', '"SALE"', '"\\u0000"'),
    *('"NaN"', '"sNaN"', '"-nan12"', '"Infinity"', '"-inf"', '"1e5"', '" 1_0 "'),
    *('"\\ud800"', '"\\udc00"', '"\\ud83d\\ude00"', '"\\ud800\\ud83d\\ude00"'),
    *('"\\\\ud800"', '"\\x"', '"\\u12"', '"\t"', '"\ud800"', '"é"', '"\\u00e9"'),
    *(
        '"5."',
        '".5"',
        '"."',
        '"-"',
        '"--1"',
        '"1.2.3"',
        '"1\\n2"',
        '"1\\n"',
        '"\u0661"',
    ),
    *("[]", "{}", "[1]", '[1,"2"]', '[1,"NaN"]', '[1,"2",3]', '[null,"1.5"]'),
    *('{"a":1}', '{"merlot":"1"}', '{"merlot":"NaN"}', '{"a":1,"a":"x"}'),
    *('{"syrah":"NaN","syrah":"1"}', '{"syrah":"1","syrah":"NaN"}'),
    *('{"a":{"litres":1,"price":"NaN"},"a":{"litres":1,"price":"1"}}',),
    *('{"litres":1,"price":"NaN"}', '{"litres":1,"price":1.10}', '{"litres":"1"}'),
    *('{"code":"abcd"}', '{"code":"abcde"}', '{"code":1}', '{"\\ud800":1}'),
    *('"2026-11-23"', '"2026-11-23T07:00:00"', '"2026-11-23t07:00:00.5+02:00"'),
    *('"2026-11-23 07:00:00.9999999Z"', '"2026-11-23T07:00:00+0200"'),
    *('"0001-01-01T00:00:00+01:00"', '"9999-12-31T23:59:59.9Z"', '"2026-02-30"'),
    *('"9999-12-31T23:59:59.9999999Z"', '"2026-11-23T24:00:00Z"', '"20261123"'),
    *('"2026-11-23T07:00:00+24:00"', '"2026-11-23T07:00:00.Z"', '"0000-01-01"'),
    *('"00000000-0000-0000-0000-000000000005"', '"0000000000000000000000000000000a"'),
    *('"0000-0000-0000-0000-0000000000000005"', '"urn:uuid:5"', '"screw cap"'),
    *("[" * DEEP + "]" * DEEP, '{"a":' * DEEP + "1" + "}" * DEEP, "[" * 99999),
    *('"INVENTORY_ADJUSTED"', '"CELLAR_COUNTED"', '"CORK_RETURNED"', '"BOTTLE_SOLD"'),
]
BASES = [
    STOCK,
    CORK,
    json.loads(ROUTES.encode(CELLAR)),
    HEAD | {"event_type": "BOTTLE_SOLD", "bottle": 1},
]
NAMES = [*sorted({name for base in BASES for name in base}), "litres", "zzz"]


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """Draw an event whose members are replaced, repeated, missing, added, shuffled."""
    base = draw(st.sampled_from(BASES))
    members = [(name, json.dumps(value)) for name, value in base.items()]
    own = st.sampled_from([*base, "zzz"])
    for _ in range(draw(st.integers(0, 3))):
        name = draw(st.one_of(own, own, st.sampled_from(NAMES)))
        change = draw(st.sampled_from(["replace", "replace", "repeat", "drop"]))
        if change != "repeat":
            members = [member for member in members if member[0] != name]
        if change != "drop":
            members.append((name, draw(st.sampled_from(FRAGMENTS))))
    members = draw(st.permutations(members))
    inner = ",".join(f"{json.dumps(name)}:{value}" for name, value in members)
    return f"{{{inner}}}".encode("utf-8", "surrogatepass")


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """Draw an event's bytes with a piece cut out or put in."""
    value = draw(st.one_of(mutated(), st.sampled_from(BASES).map(text)))
    start = draw(st.integers(0, len(value)))
    stop = draw(st.one_of(st.just(start), st.integers(start, len(value))))
    return value[:start] + draw(st.binary(max_size=3)) + value[stop:]


ODD_MONEY = [
    *(
        "1\n2",
        "1\n",
        "",
        ".",
        "-",
        "5.",
        ".5",
        "-0",
        "--1",
        "1.2.3",
        "1 ",
        " 1_0 ",
        "1e5",
    ),
    *(
        "NaN",
        "-Infinity",
        "1e-99999999999999999999",
        "\u0661",
        "0" * 5000,
        7,
        1.5,
        10**30,
    ),
]


@pytest.mark.parametrize("money", ODD_MONEY, ids=lambda money: repr(money)[:20])
def test_odd_money_is_taken_or_refused_alone(money: Any) -> None:
    """The quick look at many amounts decides nothing that the exact one would not."""
    fine = json.loads(ROUTES.encode(CELLAR))
    odd = text(fine | {"money": money})
    verdict = agreed(odd)
    found = ROUTES.inspect([text(fine), odd, text(fine)])
    assert found.failures == ({1: verdict} if isinstance(verdict, Failure) else {})
    assert len(found.event_ids) == 3 - len(found.failures)


words = st.text(max_size=8)
ids = st.text(min_size=1, max_size=8)
zones = st.integers(-1439, 1439).map(lambda m: timezone(timedelta(minutes=m)))
moments = st.datetimes(datetime(2, 1, 1), datetime(9998, 1, 1), timezones=zones)  # noqa: DTZ001 — the bounds are naive by contract
money = st.decimals(allow_nan=False, allow_infinity=False)
barrels = st.builds(
    Barrel,
    litres=st.integers(),
    price=money,
    filled=st.none() | st.dates(date(1, 1, 1)),
)
heads: dict[str, Any] = {
    "event_id": ids,
    "occurred_at": moments,
    "schema_version": st.integers(0, 2**31 - 1),
}
bodies = st.dictionaries(
    words.filter(lambda name: name not in HEAD),
    st.recursive(
        st.none() | st.booleans() | st.integers() | words,
        lambda inner: st.lists(inner) | st.dictionaries(words, inner),
        max_leaves=4,
    ),
).map(lambda body: json.dumps(body, separators=(",", ":"), ensure_ascii=False))
events: st.SearchStrategy[Event] = st.one_of(
    st.builds(
        InventoryAdjusted,
        wine_id=words,
        quantity=st.integers(),
        reason=st.sampled_from(Reason),
        stock_after=st.integers(),
        order_id=st.none() | words,
        **heads,
    ),
    st.builds(
        CellarCounted,
        text=words,
        number=st.integers(),
        ratio=st.floats(allow_nan=False, allow_infinity=False),
        flag=st.booleans(),
        money=money,
        moment=moments,
        day=st.dates(),
        key=st.uuids(),
        size=st.sampled_from(Size),
        grape=st.sampled_from(Grape),
        mode=st.sampled_from(["full", "partial", 3]),
        barrels=st.lists(barrels, max_size=2).map(tuple),
        by_name=st.dictionaries(words, barrels, max_size=2),
        by_grape=st.dictionaries(st.sampled_from(Grape), money),
        pair=st.tuples(st.integers(), money),
        tags=st.frozensets(words, max_size=2),
        either=st.none() | st.integers() | words,
        amounts=st.lists(st.none() | money, max_size=2),
        spare=st.none() | barrels,
        bonus=money,
        rate=st.none() | money,
        **heads,
    ),
    st.builds(UnknownEvent, event_type=words.map("x".__add__), body=bodies, **heads),
)


@settings(max_examples=150)
@given(events)
def test_valid_events_pass_both_and_come_back_equal(event: Event) -> None:
    """What was encoded is taken by both paths, and decodes to an equal event."""
    value = ROUTES.encode(event)
    assert agreed(value) == (
        event.event_id,
        event.event_type,
        event.occurred_at.timestamp(),
        event.schema_version,
        ROUTES.table_for(event.event_type),
    )
    assert ROUTES.decode(value) == event
    if not isinstance(event, UnknownEvent):
        assert ROUTES._inspector.event_of(value) == event, "it took the slow path"


@settings(max_examples=600)
@given(mutated())
def test_mutated_events_get_one_verdict(value: bytes) -> None:
    """Wrong, missing, repeated and unknown members: same acceptance, reason, path."""
    agreed(value)


@settings(max_examples=300)
@given(damaged())
def test_damaged_bytes_get_one_verdict(value: bytes) -> None:
    """A cut, a flipped byte, a byte too many: same acceptance, reason, path."""
    agreed(value)


@settings(max_examples=200)
@given(st.none() | st.binary() | st.text().map(str.encode))
def test_any_bytes_get_one_verdict(value: bytes | None) -> None:
    """Neither path raises anything but its reason, whatever the bytes."""
    agreed(value)


@settings(max_examples=60)
@given(
    st.lists(
        st.one_of(
            st.just(text(STOCK)), events.map(ROUTES.encode), mutated(), st.none()
        ),
        max_size=70,
    )
)
def test_a_run_is_the_sum_of_its_messages(values: list[bytes | None]) -> None:
    """Neighbours change nothing: a run's columns are those of its messages."""
    run = ROUTES.inspect(values)
    alone = [verdict_of_inspect(value) for value in values]
    valid = [one for one in alone if not isinstance(one, Failure)]
    assert dict(run.failures) == {
        index: one for index, one in enumerate(alone) if isinstance(one, Failure)
    }
    tables = run.tables
    if isinstance(tables, str):
        tables = [tables] * len(valid)
    columns = (run.event_ids, run.event_types, run.occurred_at, run.schema_versions)
    assert list(zip(*columns, tables, strict=True)) == valid


@pytest.mark.parametrize("fragment", FRAGMENTS, ids=range(len(FRAGMENTS)))
def test_every_fragment_in_every_field_gets_one_verdict(fragment: str) -> None:
    """The cross of all awkward values and all fields, without chance."""
    for base in BASES:
        for name in [*base, "zzz"]:
            agreed(raw(base, **{name: fragment}))


@pytest.mark.parametrize("base", BASES, ids=lambda base: base["event_type"])
def test_every_member_missing_gets_one_verdict(base: dict[str, Any]) -> None:
    """A message without one of its members is refused, or taken, by both alike."""
    for name in base:
        agreed(text({key: value for key, value in base.items() if key != name}))
    for name in HEAD:
        value = text({key: given for key, given in base.items() if key != name})
        assert agreed(value) == Failure("missing-field", f"$.{name}")


def test_decimal_digits_survive_as_string_and_as_number() -> None:
    """Money never passes through a float."""
    digits = "19.99999999999999999999"
    for fragment in (digits, f'"{digits}"'):
        value = raw(json.loads(ROUTES.encode(CELLAR)), money=fragment)
        agreed(value)
        event = ROUTES.decode(value)
        assert isinstance(event, CellarCounted)
        assert str(event.money) == digits


@settings(max_examples=100)
@given(
    st.builds(
        CorkReturned,
        corks=st.integers(1),
        ratio=st.sampled_from([Decimal(2), Decimal(4)]),
        seal=st.builds(Seal, code=st.text(max_size=4)),
        **heads,
    )
)
def test_self_checking_classes_pass_both_paths(event: CorkReturned) -> None:
    """A class with checks of its own is taken by both when its checks are content."""
    value = ROUTES.encode(event)
    assert agreed(value)[1] == "CORK_RETURNED"
    assert ROUTES._inspector.event_of(value) is not None, "it took the slow path"


def test_times_are_in_utc_in_the_column_and_in_the_event() -> None:
    """An offset moves the time to UTC; the instant is the same on both paths."""
    value = text(STOCK | {"occurred_at": "2026-11-23T09:00:00+02:00"})
    assert agreed(value)[2] == datetime(2026, 11, 23, 7, tzinfo=UTC).timestamp()


AMOUNTS = [
    *('"1.10"', '"1.10"', '"abc"', '"NaN"', '".5"', '"1\\n2"', '""', "7", "1e400"),
    *("true", "null", '"-inf"', '"1e-99999999999999999999"'),
]
amounts = st.sampled_from(AMOUNTS)
priced = st.builds('{{"price":{},"litres":{},"price":{}}}'.format, *[amounts] * 3)
types = st.sampled_from(
    ['"CELLAR_COUNTED"', '"CELLAR_COUNTED"', '"INVENTORY_ADJUSTED"', '"BOTTLE_SOLD"']
)
RICH: dict[str, st.SearchStrategy[str]] = {
    "money": amounts,
    "bonus": amounts,
    "rate": amounts,
    "spare": st.one_of(priced, amounts),
    "barrels": st.builds("[{},{}]".format, priced, priced),
    "by_name": st.builds('{{"a":{},"b":{},"a":{}}}'.format, priced, priced, priced),
    "by_grape": st.builds(
        '{{"syrah":{},"merlot":{},"syrah":{}}}'.format, *[amounts] * 3
    ),
    "pair": st.builds("[1,{}]".format, amounts),
    "amounts": st.builds("[{},{}]".format, amounts, amounts),
    "occurred_at": st.sampled_from(
        ['"0001-01-01T00:00:00+01:00"', '"x"', '"2026-11-23T07:00:00Z"']
    ),
    "event_type": types,
    "event\\u005ftype": types,
    "day": st.sampled_from(['"x"', '"2026-01-02"', "1"]),
    "zzz": st.just("[]"),
}


@st.composite
def doubtful(draw: st.DrawFn) -> bytes:
    """Draw an event with faults about money, repeated members and other faults."""
    names = draw(st.lists(st.sampled_from([*RICH]), min_size=1, max_size=4))
    fine = [(name, json.dumps(value)) for name, value in BASES[2].items()]
    drawn = [(name, draw(RICH[name])) for name in names]
    if draw(st.booleans()):  # else they are repeated
        fine = [member for member in fine if member[0] not in names]
    members = [*drawn, *fine] if draw(st.booleans()) else [*fine, *drawn]
    inner = ",".join(f'"{name}":{value}' for name, value in members)
    return f"{{{inner}}}".encode()


@settings(max_examples=600)
@given(doubtful())
def test_money_in_doubt_gets_one_verdict(value: bytes) -> None:
    """The first fault the slow path would find, whatever stands before or after it."""
    agreed(value)


TAG = '"event_type":"CELLAR_COUNTED"'
STOCK_TAG = TAG.replace("CELLAR_COUNTED", "INVENTORY_ADJUSTED")
EARLY = '"occurred_at":"0001-01-01T00:00:00+01:00"'


@pytest.mark.parametrize(
    ("first", "last", "path"),
    [
        ('"money":"abc"', EARLY, "$.occurred_at"),
        ('"money":"NaN"', EARLY, "$.occurred_at"),
        ('"rate":"abc"', '"money":"NaN"', "$.money"),
        ('"rate":"abc"', '"day":1', "$.day"),
        ('"money":"abc","zzz":1', '"money":"1"', None),
        ('"money":7,"rate":"abc"', '"rate":"1"', None),
        ('"money":1e400,"money":"abc"', '"money":"1"', None),
        ('"amounts":["1","NaN"]', '"by_grape":{"syrah":"x"}', "$.by_grape[...]"),
        (f'{STOCK_TAG},"occurred_at":"x"', TAG, "$.event_type"),
        (
            f'{STOCK_TAG},"occurred_at":"x"',
            TAG.replace("_type", "\\u005ftype"),
            "$.event_type",
        ),
        (f'{TAG},"day":"x"', f"{STOCK_TAG},{TAG}", "$.event_type"),
        (f'{TAG},"money":"abc"', f"{STOCK_TAG},{TAG}", "$.event_type"),
    ],
)
def test_what_goes_before_money_is_told(
    first: str, last: str, path: str | None
) -> None:
    """Types, repeated members, the time and the class's order all go before it."""
    told = json.loads(f"{{{first},{last}}}")
    rest = {name: value for name, value in BASES[2].items() if name not in told}
    inner = text(rest)[1:-1].decode()
    verdict = agreed(f"{{{first},{inner},{last}}}".encode())
    assert (verdict.path if isinstance(verdict, Failure) else None) == path


FINE_CELLAR = json.loads(ROUTES.encode(CELLAR))
ALL_SORTS: list[bytes | None] = [
    # What the quick lens takes.
    *(text(base | {"event_id": f"fine-{base['event_type']}"}) for base in BASES[:3]),
    # What only the exact one takes: fields it does not know, unusual money.
    *(text(base | {"event_id": "extra", "zzz": [{}]}) for base in BASES[:3]),
    text(FINE_CELLAR | {"event_id": "number", "money": 7}),
    text(FINE_CELLAR | {"event_id": "exponent", "money": "1e5"}),
    # What only a bare head takes.
    text(BASES[3] | {"event_id": "unknown"}),
    # What nothing takes: for its bytes, its types, its money, its class, its time.
    *(None, b"", b"[]", text(STOCK)[:-9], raw(STOCK, zzz='"\ud800"')),
    raw(STOCK, zzz="[" * DEEP + "]" * DEEP),
    text(STOCK | {"quantity": "x"}),
    *(text(FINE_CELLAR | {"money": odd}) for odd in ("abc", "NaN", "1\n2")),
    text(FINE_CELLAR | {"by_grape": {"syrah": "NaN"}, "zzz": 1}),
    text(CORK | {"name": "screw cap"}),
    text(CORK | {"corks": -1, "zzz": 1}),
    text(CORK | {"ratio": "NaN"}),
    text(STOCK | {"occurred_at": "0001-01-01T00:00:00+01:00"}),
    text(FINE_CELLAR | {"occurred_at": "9999-12-31T23:59:59.9Z", "zzz": 1}),
]
LONE_VERDICTS = {value: verdict_of_inspect(value) for value in ALL_SORTS}
stretches = st.tuples(
    st.sampled_from(ALL_SORTS),
    st.one_of(
        st.integers(1, 3),
        st.sampled_from([7, 8, 15, 16, 17, 63, 64, 127, 128, 129, 256]),
    ),
)


@settings(max_examples=300)
@given(
    st.lists(stretches, max_size=12).map(
        lambda found: [value for value, times in found for _ in range(times)]
    )
)
def test_any_mixture_of_stretches_is_the_sum_of_its_messages(
    values: list[bytes | None],
) -> None:
    """Faults, lenses and classes change anywhere, at borders of chunks too."""
    run = ROUTES.inspect(values)
    alone = [LONE_VERDICTS[value] for value in values]
    assert dict(run.failures) == {
        index: one for index, one in enumerate(alone) if isinstance(one, Failure)
    }
    valid = [one[:4] for one in alone if not isinstance(one, Failure)]
    columns = (run.event_ids, run.event_types, run.occurred_at, run.schema_versions)
    assert list(zip(*columns, strict=True)) == valid


def test_the_mixture_has_all_it_says() -> None:
    """Each sort is what its comment says: valid the first nine, refused the rest."""
    refused = [isinstance(agreed(value), Failure) for value in ALL_SORTS]
    assert refused == [False] * 9 + [True] * (len(ALL_SORTS) - 9)
