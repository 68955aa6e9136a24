"""The events of the wine merchant *Les Caves d'Albert*."""

from decimal import Decimal
from enum import StrEnum

import attrs

from winestream.events.base import Event


class Colour(StrEnum):
    """Colour of a wine."""

    RED = "red"
    WHITE = "white"
    ROSE = "rosé"
    SPARKLING = "sparkling"
    SWEET = "sweet"


class Channel(StrEnum):
    """Where an order was placed."""

    WEB = "web"
    SHOP = "shop"
    PHONE = "phone"


class Reason(StrEnum):
    """Why a stock level moved."""

    SALE = "SALE"
    DELIVERY = "DELIVERY"
    RETURN = "RETURN"
    BREAKAGE = "BREAKAGE"
    COUNT = "COUNT"


@attrs.frozen(kw_only=True)
class Customer:
    """Who ordered. `country` is an ISO 3166 alpha-2 code."""

    customer_id: str
    name: str
    email: str
    country: str
    city: str


@attrs.frozen(kw_only=True)
class OrderLine:
    """One wine of an order.

    Prices are per bottle and without tax, in the order's currency; `discount` is the
    amount taken off the whole line; `tax_rate` a fraction (0.20 is 20 %).
    """

    wine_id: str
    name: str
    estate: str
    region: str
    appellation: str
    colour: Colour
    vintage: int | None
    bottle_cl: int
    quantity: int
    unit_price: Decimal
    unit_cost: Decimal
    discount: Decimal
    tax_rate: Decimal


@attrs.frozen(kw_only=True)
class OrderCreated(Event):
    """A customer placed an order. Money is in `currency` (ISO 4217).

    `subtotal` is the sum of quantity times price less discounts, `tax_total` the tax
    of all lines, `shipping` includes its tax, `total` is what the customer pays.
    """

    order_id: str
    customer: Customer
    channel: Channel
    currency: str
    lines: tuple[OrderLine, ...]
    shipping: Decimal
    subtotal: Decimal
    tax_total: Decimal
    total: Decimal


@attrs.frozen(kw_only=True)
class InventoryAdjusted(Event):
    """The stock of one wine moved by `quantity` bottles, signed."""

    wine_id: str
    quantity: int
    reason: Reason
    stock_after: int
    order_id: str | None = None
