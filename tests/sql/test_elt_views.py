"""The views of ANALYTICS, counted once more in Python and compared to the cent."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import islice
from typing import Any

import pytest
import recount
from elt import Pipeline
from wine_events import NOON, line, moved, order

from full_stack.catalogue import load_catalogue
from full_stack.shop import Shop
from winestream.events import Event, OrderCreated, Reason

VIEWS: dict[str, Callable[[list[Event]], list[dict[str, Any]]]] = {
    "DAILY_SALES": recount.daily_sales,
    "CUSTOMER_METRICS": recount.customer_metrics,
    "INVENTORY_STATUS": recount.inventory_status,
    "PRODUCT_PERFORMANCE": recount.product_performance,
}


def _story() -> list[Event]:
    """Tell a few days of the shop, and what a shop does not do by itself."""
    start = datetime(2025, 10, 24, 21, 30, tzinfo=UTC)  # over the end of summer time
    shop = Shop(load_catalogue(), seed=20, start=start)
    told: list[Event] = [each.event for each in islice(shop.publications(), 900)]
    month = timedelta(days=31)
    odd = line("odd-2001", 3, "0.05", "0.01", vintage=None, region="Jura")
    free = line("free-2002", 2, "0.00", region="Jura")
    return [
        *told,
        # A month later: most sales fall out of the 28 days.
        order("X1", odd, free, at=start + month, customer="C00001", country="DE"),
        order("X2", line("odd-2001"), at=start + month, customer="X", country="JP"),
        # An order that is corrected: fewer lines, another customer, another day.
        order("X3", line(), odd, at=NOON, customer="Y"),
        order("X3", line("odd-2001", 7, "3.33"), at=start + month, customer="X"),
        # Its own sums are wrong: revenue is what it says, the flag tells.
        order("X4", line(), customer="Z", subtotal=Decimal("10.01")),
        order("X5", line(), customer="Z", currency="CHF"),
        moved(-5, -5, wine_id="odd-2001", reason=Reason.SALE),
        moved(7, 99, wine_id="never-sold"),
    ]


@pytest.fixture(scope="module")
def events() -> list[Event]:
    """Tell the story once."""
    return _story()


@pytest.fixture(scope="module")
def played(make_pipeline: Callable[[], Pipeline], events: list[Event]) -> Pipeline:
    """Play the story once, in two halves, with repetitions."""
    pipeline = make_pipeline()
    half = len(events) // 2
    pipeline.play(*events[half:])
    pipeline.play(*events[: half + 20])
    return pipeline


def _sorted(rows: list[dict[str, Any]]) -> list[list[tuple[str, Any]]]:
    return sorted(([*row.items()] for row in rows), key=repr)


@pytest.mark.parametrize("view", VIEWS)
def test_a_view_equals_its_recount(
    played: Pipeline, events: list[Event], view: str
) -> None:
    """Row by row, column by column, types too: nothing is close, all is equal."""
    found = _sorted(played.rows(f"ANALYTICS.{view}"))
    assert found == _sorted(VIEWS[view](events))


def test_revenue_is_what_was_produced(played: Pipeline, events: list[Event]) -> None:
    """The subtotals of the orders, corrections counted once, are DAILY_SALES' sum."""
    orders = {each.order_id: each for each in events if isinstance(each, OrderCreated)}
    daily = played.rows("ANALYTICS.DAILY_SALES")
    produced = sum(each.subtotal for each in orders.values())
    assert sum(row["REVENUE"] for row in daily) == produced
    assert sum(row["PAID"] for row in daily) == sum(
        row["REVENUE"] + row["TAX"] + row["SHIPPING"] for row in daily
    ) - Decimal("0.01")  # X4


def test_products_add_up_to_the_days(played: Pipeline) -> None:
    """Line by line is order by order, but for the one order that disagrees."""
    daily = played.rows("ANALYTICS.DAILY_SALES")
    products = played.rows("ANALYTICS.PRODUCT_PERFORMANCE")
    assert sum(row["ORDERS_NOT_AGREEING"] for row in daily) == 1
    assert sum(row["REVENUE"] for row in daily) == Decimal("0.01") + sum(
        row["REVENUE"] for row in products
    )


def test_stock_is_what_was_produced(played: Pipeline, events: list[Event]) -> None:
    """The sum of all movements, whatever the events say the stock was."""
    produced = sum(getattr(event, "quantity", 0) for event in events)
    stock = played.rows("PRODUCTION.PROD_INVENTORY")
    assert sum(row["STOCK"] for row in stock) == produced
    assert [row["WINE_ID"] for row in stock if not row["STOCK_AGREES"]] == [
        "never-sold"
    ]


def test_a_refresh_adds_one_row_of_headlines(
    played: Pipeline, events: list[Event]
) -> None:
    """The figures are the views', the news since the last run is counted."""
    played.run("REFRESH_ANALYTICS")
    (row,) = played.rows("ANALYTICS.KPI_HISTORY")
    daily = recount.daily_sales(events)
    status = recount.inventory_status(events)
    newest = max(each["SHOP_DAY"] for each in daily)
    wanted = {
        "CURRENCY": "MIXED",
        "REVENUE": sum(each["REVENUE"] for each in daily),
        "MARGIN": sum(each["MARGIN"] for each in daily),
        "ORDERS": sum(each["ORDERS"] for each in daily),
        "CUSTOMERS": len(
            {each["CUSTOMER_ID"] for each in recount.customer_metrics(events)}
        ),
        "NEWEST_SHOP_DAY": newest,
        "NEWEST_DAY_REVENUE": sum(
            each["REVENUE"] for each in daily if each["SHOP_DAY"] == newest
        ),
        "STOCK": sum(each["STOCK"] for each in status),
        "WINES": len(status),
        "WINES_TO_REORDER": sum(each["REORDER"] for each in status),
        "ORDERS_NOT_AGREEING": 1,
        "REJECTS": 0,
        "NEW_ORDER_EVENTS": sum(isinstance(each, OrderCreated) for each in events),
    }
    assert {name: row[name] for name in wanted} == wanted
    assert row["RAW_NEWEST_EVENT_AT"] == row["PRODUCTION_NEWEST_EVENT_AT"]
    assert row["RAW_LOADED_AT"] < row["STAGING_LOADED_AT"] < row["PRODUCTION_LOADED_AT"]


def test_the_next_refresh_counts_only_what_came_since(pipeline: Pipeline) -> None:
    """Its streams are consumed whole by each row; an empty shop has one, too."""
    pipeline.run("REFRESH_ANALYTICS")
    pipeline.play(order("A"), moved(5, 5))
    pipeline.run("REFRESH_ANALYTICS")
    pipeline.play(order("B"))
    pipeline.run("REFRESH_ANALYTICS")
    rows = sorted(pipeline.rows("ANALYTICS.KPI_HISTORY"), key=lambda row: row["AS_OF"])
    assert [row["NEW_ORDER_EVENTS"] for row in rows] == [0, 1, 1]
    assert [row["NEW_INVENTORY_EVENTS"] for row in rows] == [0, 1, 0]
    assert [row["REVENUE"] for row in rows] == [0, Decimal("10.00"), Decimal("20.00")]
