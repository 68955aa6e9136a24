"""STAGING to PRODUCTION: what late, corrected and repeated events come to."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import permutations
from typing import Any

import pytest
from elt import LOADS, Pipeline, Round, message
from wine_events import NOON, line, moved, order

from winestream.events import InventoryAdjusted, Reason

HOUR = timedelta(hours=1)
ORDERS, LINES = "PRODUCTION.PROD_ORDERS", "PRODUCTION.PROD_ORDER_LINES"
STOCK = "PRODUCTION.PROD_INVENTORY"

DAYS = {
    "2025-06-02T21:59:59.999999": date(2025, 6, 2),
    "2025-06-02T22:00:00": date(2025, 6, 3),
    "2025-01-06T22:59:59.999999": date(2025, 1, 6),
    "2025-01-06T23:00:00": date(2025, 1, 7),
    # The clocks go forward at 01:00 UTC: the day began at UTC+1 and ends at UTC+2.
    "2025-03-29T22:59:59": date(2025, 3, 29),
    "2025-03-29T23:00:00": date(2025, 3, 30),
    "2025-03-30T00:59:59": date(2025, 3, 30),
    "2025-03-30T21:59:59": date(2025, 3, 30),
    "2025-03-30T22:00:00": date(2025, 3, 31),
    # Back again: the day has 25 hours.
    "2025-10-25T21:59:59": date(2025, 10, 25),
    "2025-10-25T22:00:00": date(2025, 10, 26),
    "2025-10-26T00:30:00": date(2025, 10, 26),
    "2025-10-26T01:30:00": date(2025, 10, 26),
    "2025-10-26T22:59:59": date(2025, 10, 26),
    "2025-10-26T23:00:00": date(2025, 10, 27),
    "2025-12-31T23:00:00": date(2026, 1, 1),
}
WRONG = ("subtotal", "tax_total", "total")


def _moves(wine_id: str) -> tuple[InventoryAdjusted, ...]:
    """Return a delivery, and bottles sold, returned, broken and counted."""
    told = (
        (24, 24, Reason.DELIVERY, 0),
        (-3, 21, Reason.SALE, 1),
        (2, 23, Reason.RETURN, 2),
        (-1, 22, Reason.BREAKAGE, 3),
        (-2, 20, Reason.COUNT, 3),  # at the same moment: the event id decides
    )
    return tuple(
        moved(
            quantity,
            after,
            wine_id=wine_id,
            reason=reason,
            at=NOON + hours * HOUR,
            event_id=f"{wine_id}/{number}",
        )
        for number, (quantity, after, reason, hours) in enumerate(told, start=1)
    )


def _turned(number: int) -> tuple[Round, ...]:
    """Return the same movements in another order of arrival, some of them again."""
    turn = list(permutations(_moves(f"turned-{number}")))[number * 29]
    return turn[:2], turn[1:], turn[3:]


_DEAR = line("a", 3, "10.00", "1.00", unit_cost=Decimal("6.00"))
_CHEAP = line("b", 1, "0.05", tax_rate=Decimal("0.10"))
_X, _Y, _Z = line("x"), line("y"), line("z")
STORIES: tuple[tuple[Round, ...], ...] = (
    ([order("sum", _DEAR, _CHEAP, country="DE", shipping="14.90", customer="sum")],),
    ([order(f"wrong-{n}", customer=n, **{n: Decimal("10.01")}) for n in WRONG],),
    (
        [order("late-2", customer="late"), order("late-0", customer="early")],
        [order("late-1", customer="late", at=NOON - HOUR)],
    ),
    (
        [
            order("given-A", customer="giver"),
            order("given-B", customer="giver", at=NOON + HOUR),
            order("given-Z", customer="taker", at=NOON + 3 * HOUR),
        ],
        [order("given-A", customer="taker", at=NOON + 2 * HOUR)],
    ),
    (
        [order("fewer", _X, line("fewer-y"), _Z, customer="fewer")],
        [order("fewer", line("fewer-z", 5), customer="fewer", at=NOON + HOUR)],
    ),
    (
        [order("old", line("x", 2), customer="old", event_id="v2")],
        [
            order("old", _Y, customer="old", event_id="v3", at=NOON - HOUR),
            order("old", _Z, _Z, _Z, customer="old", event_id="v1"),
        ],
    ),
    (
        [
            order(f"day-{at}", customer=at, at=datetime.fromisoformat(f"{at}+00:00"))
            for at in DAYS
        ],
    ),
    (_moves("moved"),),
    *(_turned(number) for number in range(4)),
    ([*_moves("missing")[:1], *_moves("missing")[2:]],),
    ([*_moves("found")[:1], *_moves("found")[2:]], _moves("found")[1:2]),
    (
        [moved(1, 1, wine_id="left", event_id="two wines")],
        [moved(1, 1, wine_id="taken", event_id="two wines", at=NOON + HOUR)],
    ),
)


@pytest.fixture(scope="module")
def played(make_pipeline: Callable[[], Pipeline]) -> Pipeline:
    """Play all stories side by side."""
    pipeline = make_pipeline()
    pipeline.play_side_by_side(STORIES)
    return pipeline


def _orders(played: Pipeline, name: str) -> dict[str, dict[str, Any]]:
    rows = played.rows(ORDERS, f"ORDER_ID LIKE '{name}%'")
    return {row["ORDER_ID"].removeprefix(name): row for row in rows}


def test_an_order_is_computed_from_its_lines(played: Pipeline) -> None:
    """Gross, discount, cost, margin and tax, and that they are what the event says."""
    row = played.one(ORDERS, "ORDER_ID = 'sum'")
    wanted = {
        "BOTTLES": 4,
        "GROSS": Decimal("30.05"),
        "DISCOUNT": Decimal("1.00"),
        "SUBTOTAL": Decimal("29.05"),
        "TAX_TOTAL": Decimal("5.81"),  # 5.80 and half a cent, up
        "TOTAL": Decimal("49.76"),
        "COST": Decimal("18.03"),
        "MARGIN": Decimal("11.02"),
        "COMPUTED_TOTAL": Decimal("49.76"),
        "TOTALS_AGREE": True,
        "CUSTOMER_REGION": "EU",
        "CUSTOMER_KIND": "NEW",
        "CURRENCY": "EUR",
    }
    assert {name: row[name] for name in wanted} == wanted


def test_a_line_is_computed_to_the_cent(played: Pipeline) -> None:
    """Half a cent of tax is rounded up, by the line."""
    found = {
        row["WINE_ID"]: [
            row[name] for name in ("GROSS", "NET", "TAX", "COST", "MARGIN")
        ]
        for row in played.rows(LINES, "ORDER_ID = 'sum'")
    }
    assert found == {
        "a": [Decimal(each) for each in ("30.00", "29.00", "5.80", "18.00", "11.00")],
        "b": [Decimal(each) for each in ("0.05", "0.05", "0.01", "0.03", "0.02")],
    }


@pytest.mark.parametrize("name", WRONG)
def test_totals_that_are_not_the_lines_are_flagged(played: Pipeline, name: str) -> None:
    """What the customer was told counts; that it is wrong by a cent is seen."""
    row = played.one(ORDERS, f"ORDER_ID = 'wrong-{name}'")
    assert row["TOTALS_AGREE"] is False
    assert row[name.upper()] == Decimal("10.01")
    assert row["COMPUTED_SUBTOTAL"] == Decimal("10.00")


def test_a_late_order_changes_who_was_new(played: Pipeline) -> None:
    """The first by time is NEW, not the first to arrive."""
    kinds = {
        key: (row["CUSTOMER_KIND"], row["CUSTOMER_ORDER_NUMBER"])
        for key, row in _orders(played, "late-").items()
    }
    assert kinds == {"0": ("NEW", 1), "1": ("NEW", 1), "2": ("RETURNING", 2)}


def test_an_order_may_move_to_another_customer(played: Pipeline) -> None:
    """Both customers are numbered anew: the one who lost it and the one who got it."""
    numbers = {
        key: (row["CUSTOMER_ID"], row["CUSTOMER_ORDER_NUMBER"])
        for key, row in _orders(played, "given-").items()
    }
    assert numbers == {"A": ("taker", 1), "B": ("giver", 1), "Z": ("taker", 2)}


def test_a_correction_replaces_the_order_and_its_lines(played: Pipeline) -> None:
    """Lines that the correction has not are gone, and so is what they sold."""
    row = played.one(LINES, "ORDER_ID = 'fewer'")
    assert (row["LINE_NUMBER"], row["WINE_ID"], row["QUANTITY"]) == (1, "fewer-z", 5)
    assert played.one(ORDERS, "ORDER_ID = 'fewer'")["BOTTLES"] == 5
    sold = played.one("ANALYTICS.PRODUCT_PERFORMANCE", "WINE_ID LIKE 'fewer-%'")
    assert sold["WINE_ID"] == "fewer-z"


def test_an_old_version_that_comes_late_changes_nothing(played: Pipeline) -> None:
    """The latest by (occurred_at, event_id) counts, not the last to arrive."""
    assert played.one(ORDERS, "ORDER_ID = 'old'")["EVENT_ID"] == "v2"
    row = played.one(LINES, "ORDER_ID = 'old'")
    assert (row["WINE_ID"], row["QUANTITY"]) == ("x", 2)


@pytest.mark.parametrize("table", [ORDERS, LINES])
def test_the_shops_day_is_that_of_paris(played: Pipeline, table: str) -> None:
    """At midnight, at both changes of the clock, at the year's end."""
    rows = played.rows(table, "ORDER_ID LIKE 'day-%'")
    found = {row["ORDER_ID"].removeprefix("day-"): row["SHOP_DAY"] for row in rows}
    assert found == DAYS


def _stock(played: Pipeline, wine_id: str) -> dict[str, Any]:
    return played.one(STOCK, f"WINE_ID = '{wine_id}'")


def test_stock_is_the_sum_of_what_moved(played: Pipeline) -> None:
    """Returns come back, breakage and stock-taking go off, signs as they are."""
    assert _stock(played, "moved") == {
        "WINE_ID": "moved",
        "STOCK": 20,
        "STATED_STOCK": 20,
        "STOCK_AGREES": True,
        "SOLD": 3,
        "DELIVERED": 24,
        "RETURNED": 2,
        "BROKEN": 1,
        "COUNTED": -2,
        "MOVEMENTS": 5,
        "FIRST_MOVEMENT_AT": NOON.replace(tzinfo=None),
        "LAST_MOVEMENT_AT": (NOON + 3 * HOUR).replace(tzinfo=None),
        "LAST_REASON": "COUNT",
        "LAST_EVENT_ID": "moved/5",
    }


@pytest.mark.parametrize("number", range(4))
def test_stock_does_not_depend_on_arrival(played: Pipeline, number: int) -> None:
    """Another order of arrival and repetitions: the same row."""
    row, wanted = _stock(played, f"turned-{number}"), _stock(played, "moved")
    for name in ("WINE_ID", "LAST_EVENT_ID"):
        row[name] = row[name].replace(f"turned-{number}", "moved")
    assert row == wanted


def test_a_missing_movement_is_seen(played: Pipeline) -> None:
    """What the newest one says does not fit the sum; once it arrives, it does."""
    row = _stock(played, "missing")
    assert (row["STOCK"], row["STATED_STOCK"], row["STOCK_AGREES"]) == (23, 20, False)
    assert _stock(played, "found")["STOCK_AGREES"] is True


def test_a_wine_without_movements_goes(played: Pipeline) -> None:
    """Two contents of one event name two wines: only that of the later one stays."""
    row = played.one(STOCK, "WINE_ID IN ('left', 'taken')")
    assert row["WINE_ID"] == "taken"


def test_an_order_waits_for_its_lines(pipeline: Pipeline) -> None:
    """Whichever is staged first: nobody sees an order with half its lines."""
    pipeline.land([message(order("A"))])
    pipeline.run("LOAD_STAGING_ORDERS", "LOAD_PROD_ORDERS")
    assert pipeline.rows(ORDERS) == []
    pipeline.run("LOAD_STAGING_ORDER_LINES", "LOAD_PROD_ORDERS")
    assert pipeline.one(ORDERS)["ORDER_ID"] == "A"
    pipeline.land([message(order("B"))])
    pipeline.run(
        "LOAD_STAGING_ORDER_LINES", "LOAD_PROD_ORDERS", "LOAD_PROD_ORDER_LINES"
    )
    assert pipeline.one(ORDERS)["ORDER_ID"] == "A"
    assert pipeline.one("ANALYTICS.PRODUCT_PERFORMANCE")["ORDERS"] == 1
    pipeline.run("LOAD_STAGING_ORDERS", "LOAD_PROD_ORDERS")
    assert pipeline.one("ANALYTICS.PRODUCT_PERFORMANCE")["ORDERS"] == 2


def test_running_every_task_again_changes_nothing(pipeline: Pipeline) -> None:
    """A task that runs without news is harmless, in any order."""
    pipeline.play(order("A", at=datetime(2025, 1, 6, tzinfo=UTC)), *_moves("w"))
    before = pipeline.contents()
    pipeline.run(*reversed(LOADS))
    assert pipeline.contents() == before
    assert pipeline.waiting() == []
