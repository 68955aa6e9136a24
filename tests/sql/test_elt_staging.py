"""RAW to STAGING: types, normal forms, duplicates, and what becomes of the rest."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import attrs
import pytest
from elt import Message, Pipeline, Round, message
from wine_events import NOON, line, moved, order

LATER = NOON + timedelta(hours=1)

ORDER_FAULTS: dict[str, tuple[str, object]] = {
    "invalid: order_id": ("order_id", " "),
    "invalid: customer_id": ("customer", {"name": "nobody"}),
    "invalid: currency": ("currency", "EURO"),
    "invalid: lines": ("lines", "none"),
    "invalid: shipping": ("shipping", "9.999"),
    "invalid: subtotal": ("subtotal", "99999999999.00"),
    "invalid: tax_total": ("tax_total", None),
    "invalid: total": ("total", "ten euros"),
}
LINE_FAULTS: dict[str, tuple[str, object]] = {
    "invalid: wine_id": ("lines.1.wine_id", ""),
    "invalid: vintage": ("lines.1.vintage", "old"),
    "invalid: bottle_cl": ("lines.1.bottle_cl", None),
    "invalid: quantity": ("lines.1.quantity", 1.5),
    "invalid: unit_price": ("lines.1.unit_price", "Infinity"),
    "invalid: unit_cost": ("lines.1.unit_cost", "0.001"),
    "invalid: discount": ("lines.1.discount", {}),
    "invalid: tax_rate": ("lines.1.tax_rate", "20 %"),
}
MOVE_FAULTS: dict[str, tuple[str, object]] = {
    "invalid: wine_id": ("wine_id", None),
    "invalid: quantity": ("quantity", "a dozen"),
    "invalid: reason": ("reason", ""),
    "invalid: stock_after": ("stock_after", 10**13),
}
UNTIDY = {
    "order_id": " untidy ",
    "customer.customer_id": " untidy",
    "customer.name": " Zoé  Öst ",
    "customer.email": " Zoe@Example.ORG ",
    "customer.country": "fr",
    "customer.city": "  ",
    "channel": "WEB",
    "currency": " eur",
    "total": 20.50,  # a number, as another producer may write it
    "lines.0.colour": "Rosé",
    "lines.0.vintage": None,
}


def _order(name: str, *lines: object, **changed: object) -> Message:
    """Return an order under a name: its id, its customer, its event's id."""
    event = order(
        name,
        *(lines or (line(), line("yquem-2001"))),  # type: ignore[arg-type]
        customer=name,
        event_id=name,
        shipping="9.90",
    )
    return message(event, **changed)


def _move(name: str, **changed: object) -> Message:
    return message(moved(-2, 10, wine_id=name, event_id=name), **changed)


def _broken(
    prefix: str, faults: dict[str, tuple[str, object]], make: Callable[..., Message]
) -> Round:
    return [
        make(f"{prefix} {fault}", **{name: value})
        for fault, (name, value) in faults.items()
    ]


_CORRECTIONS = [
    message(order("firm", line("x"), at=LATER, event_id=f"firm {name}"), **{name: "?"})
    for name in ("total", "lines.0.quantity")
]
STORIES: tuple[tuple[Round, ...], ...] = (
    ([_order("twice"), _order("twice"), _move("twice")], [_order("twice")]),
    ([_move("twice")], [_move("twice")]),
    ([_order("untidy", **UNTIDY), _move("untidy", reason="sale ")],),
    (_broken("head", ORDER_FAULTS, _order),),
    (_broken("line", LINE_FAULTS, _order),),
    (_broken("move", MOVE_FAULTS, _move),),
    ([attrs.evolve(make("json"), payload="{") for make in (_order, _move)],),
    ([_order("firm")], _CORRECTIONS),
    (
        [_order("claimed"), _order("claimed", shipping="0.00")],
        [_move("claimed"), _move("claimed", quantity=5)],
    ),
)


@pytest.fixture(scope="module")
def played(make_pipeline: Callable[[], Pipeline]) -> Pipeline:
    """Play all stories side by side."""
    pipeline = make_pipeline()
    pipeline.play_side_by_side(STORIES)
    return pipeline


def _of(name: str, column: str = "EVENT_ID") -> str:
    return f"{column} LIKE '{name}%'"


def test_a_repeated_event_is_one_row(played: Pipeline) -> None:
    """However often, in one chunk or in several, it was delivered."""
    played.one("STAGING.STAGING_ORDERS", _of("twice"))
    played.one("STAGING.STAGING_INVENTORY", _of("twice"))
    assert len(played.rows("STAGING.STAGING_ORDER_LINES", _of("twice"))) == 2
    assert played.rows("STAGING.REJECTS", _of("twice")) == []
    stock = played.one("PRODUCTION.PROD_INVENTORY", _of("twice", "WINE_ID"))
    assert stock["STOCK"] == -2


def test_values_are_normalised(played: Pipeline) -> None:
    """Spaces go, codes are capitals, addresses small; a blank is no value."""
    row = played.one("STAGING.STAGING_ORDERS", _of("untidy"))
    wanted = {
        "EVENT_TYPE": "ORDER_CREATED",
        "OCCURRED_AT": NOON.replace(tzinfo=None),
        "SCHEMA_VERSION": 1,
        "ORDER_ID": "untidy",
        "CUSTOMER_ID": "untidy",
        "CUSTOMER_NAME": "Zoé  Öst",
        "CUSTOMER_EMAIL": "zoe@example.org",
        "CUSTOMER_COUNTRY": "FR",
        "CUSTOMER_CITY": None,
        "CHANNEL": "web",
        "CURRENCY": "EUR",
        "LINE_COUNT": 2,
        "SHIPPING": Decimal("9.90"),
        "TOTAL": Decimal("20.50"),
        "REJECT_REASON": None,
    }
    assert {name: row[name] for name in wanted} == wanted
    first = played.one(
        "STAGING.STAGING_ORDER_LINES", f"{_of('untidy')} AND LINE_NUMBER = 1"
    )
    assert (first["COLOUR"], first["VINTAGE"]) == ("rosé", None)
    move = played.one("STAGING.STAGING_INVENTORY", _of("untidy"))
    assert move["REASON"] == "SALE"


def _reasons(played: Pipeline, table: str, name: str) -> dict[str, str]:
    """Return event id → reason, the stories' own word for it taken off the id."""
    return {
        row["EVENT_ID"].removeprefix(f"{name} "): row["REJECT_REASON"]
        for row in played.rows(table, _of(name))
    }


def test_each_fault_is_kept_with_its_reason(played: Pipeline) -> None:
    """The row stays in STAGING and names the field that does not cast."""
    heads = _reasons(played, "STAGING.STAGING_ORDERS", "head")
    assert heads == {fault: fault for fault in ORDER_FAULTS}
    moves = _reasons(played, "STAGING.STAGING_INVENTORY", "move")
    assert moves == {fault: fault for fault in MOVE_FAULTS}


def test_the_lines_of_a_rejected_order_are_rejects(played: Pipeline) -> None:
    """They say that it is the order, so that nobody looks for the fault in them."""
    lines = _reasons(played, "STAGING.STAGING_ORDER_LINES", "head")
    faults = set(ORDER_FAULTS) - {"invalid: lines"}
    assert lines == {fault: f"order {fault}" for fault in faults}


def test_a_bad_line_is_named_by_its_number(played: Pipeline) -> None:
    """Its order and its neighbour are sound by themselves."""
    shown = played.rows("STAGING.REJECTS", _of("line"))
    assert {(row["REJECT_REASON"], row["LINE_NUMBER"]) for row in shown} == {
        (fault, 2) for fault in LINE_FAULTS
    }


def test_rejects_shows_what_staging_rejects(played: Pipeline) -> None:
    """Each row with a reason, and nothing that is sound."""
    shown = played.rows("STAGING.REJECTS", "PAYLOAD_MD5 IS NOT NULL")
    counted = sum(
        len(played.rows(f"STAGING.{table}", "REJECT_REASON IS NOT NULL"))
        for table in ("STAGING_ORDERS", "STAGING_ORDER_LINES", "STAGING_INVENTORY")
    )
    assert len(shown) == counted > 20


@pytest.mark.parametrize("name", ["head", "line", "move", "json"])
def test_rejects_do_not_count(played: Pipeline, name: str) -> None:
    """Nobody sells half an order: neither head nor sound lines get to PRODUCTION."""
    assert played.rows("PRODUCTION.PROD_ORDERS", _of(name)) == []
    assert played.rows("PRODUCTION.PROD_ORDER_LINES", _of(name)) == []
    assert played.rows("PRODUCTION.PROD_INVENTORY", _of(name, "WINE_ID")) == []


def test_a_payload_that_is_no_json_is_a_reject(played: Pipeline) -> None:
    """The sink lets none through; a hand might."""
    shown = played.rows("STAGING.REJECTS", _of("json"))
    assert len(shown) == 2
    assert all(row["REJECT_REASON"].startswith("invalid: payload, ") for row in shown)


def test_a_broken_correction_changes_nothing(played: Pipeline) -> None:
    """The sound version stands, whether head or line of the later one is broken."""
    assert played.one("PRODUCTION.PROD_ORDERS", "ORDER_ID = 'firm'")["BOTTLES"] == 2
    lines = played.rows("PRODUCTION.PROD_ORDER_LINES", "ORDER_ID = 'firm'")
    assert [row["EVENT_ID"] for row in lines] == ["firm", "firm"]


def test_two_contents_of_one_event_id_are_shown(played: Pipeline) -> None:
    """Both are kept, one counts (whichever came first), and REJECTS says so."""
    shown = played.rows("STAGING.REJECTS", "PAYLOAD_MD5 IS NULL")
    assert sorted((row["TABLE_NAME"], row["EVENT_ID"]) for row in shown) == [
        ("STAGING_INVENTORY", "claimed"),
        ("STAGING_ORDERS", "claimed"),
    ]
    played.one("PRODUCTION.PROD_ORDERS", _of("claimed"))
    stock = played.one("PRODUCTION.PROD_INVENTORY", _of("claimed", "WINE_ID"))
    assert stock["MOVEMENTS"] == 1
