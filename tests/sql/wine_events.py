"""Short ways to make the wine merchant's events, with totals that agree."""

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from itertools import count
from typing import Final

from winestream.events import (
    Channel,
    Colour,
    Customer,
    InventoryAdjusted,
    OrderCreated,
    OrderLine,
    Reason,
)

CENT: Final = Decimal("0.01")
NOON: Final = datetime(2025, 6, 2, 12, 0, tzinfo=UTC)

_numbers = count(1)


def cents(value: Decimal) -> Decimal:
    """Round to the cent, halves away from zero."""
    return value.quantize(CENT, ROUND_HALF_UP)


def line(
    wine_id: str = "margaux-2015",
    quantity: int = 1,
    price: str = "10.00",
    discount: str = "0.00",
    **changed: object,
) -> OrderLine:
    """Return a line; cost is half the price unless it is given."""
    fields: dict[str, object] = {
        "wine_id": wine_id,
        "name": wine_id.title(),
        "estate": "Estate",
        "region": "Bordeaux",
        "appellation": "Margaux",
        "colour": Colour.RED,
        "vintage": 2015,
        "bottle_cl": 75,
        "quantity": quantity,
        "unit_price": Decimal(price),
        "unit_cost": cents(Decimal(price) / 2),
        "discount": Decimal(discount),
        "tax_rate": Decimal("0.20"),
    }
    return OrderLine(**(fields | changed))  # type: ignore[arg-type]


def order(
    order_id: str,
    *lines: OrderLine,
    customer: str = "C1",
    at: datetime = NOON,
    country: str = "FR",
    shipping: str = "0.00",
    **changed: object,
) -> OrderCreated:
    """Return an order whose totals are those of its lines."""
    lines = lines or (line(),)
    subtotal, tax = totals(lines)
    fields: dict[str, object] = {
        "event_id": f"event-{next(_numbers):05}",
        "occurred_at": at,
        "order_id": order_id,
        "customer": Customer(
            customer_id=customer,
            name=f"Name of {customer}",
            email=f"{customer.lower()}@example.org",
            country=country,
            city="Paris",
        ),
        "channel": Channel.WEB,
        "currency": "EUR",
        "lines": lines,
        "shipping": Decimal(shipping),
        "subtotal": subtotal,
        "tax_total": tax,
        "total": subtotal + tax + Decimal(shipping),
    }
    return OrderCreated(**(fields | changed))  # type: ignore[arg-type]


def totals(lines: Sequence[OrderLine]) -> tuple[Decimal, Decimal]:
    """Return subtotal and tax, each line rounded by itself."""
    nets = [each.quantity * each.unit_price - each.discount for each in lines]
    taxes = [cents(net * each.tax_rate) for net, each in zip(nets, lines, strict=True)]
    return cents(sum(nets, Decimal(0))), cents(sum(taxes, Decimal(0)))


def moved(
    quantity: int,
    after: int,
    *,
    wine_id: str = "margaux-2015",
    reason: Reason = Reason.DELIVERY,
    at: datetime = NOON,
    **changed: object,
) -> InventoryAdjusted:
    """Return one movement of stock."""
    fields: dict[str, object] = {
        "event_id": f"event-{next(_numbers):05}",
        "occurred_at": at,
        "wine_id": wine_id,
        "quantity": quantity,
        "reason": reason,
        "stock_after": after,
    }
    return InventoryAdjusted(**(fields | changed))  # type: ignore[arg-type]
