"""The typed events of the benchmarks, as a user of winestream would write them."""

from decimal import Decimal

import attrs

from winestream import Event, Routes


@attrs.frozen(kw_only=True)
class Line:
    """One article of an order."""

    sku: str
    name: str
    quantity: int
    unit_price: Decimal


@attrs.frozen(kw_only=True)
class OrderPlaced(Event):
    """The usual message: an order with nested lines."""

    order_id: str
    customer_id: str
    email: str | None = None
    country: str | None = None
    currency: str = "EUR"
    lines: tuple[Line, ...]
    total: Decimal
    note: str = ""


@attrs.frozen(kw_only=True)
class StockMoved(Event):
    """The other message of a mixed topic: small and flat."""

    sku: str
    quantity: int
    reason: str
    stock_after: int
    order_id: str | None = None


def routes() -> Routes:
    """Return which event goes to which table."""
    return Routes(
        {OrderPlaced: "RAW_ORDERS", StockMoved: "RAW_INVENTORY"}, unknown="RAW_EVENTS"
    )
