"""The four views of ANALYTICS once more, in plain Python from the produced events.

Written from the words in the views' headers, not from their SQL, and with nothing in
common: exact fractions instead of NUMBER, the rule of European summer time instead of
a time-zone database. A view's row is a dict, in no order.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import Any, Final, TypeVar

import attrs

from winestream.events import InventoryAdjusted, OrderCreated, OrderLine

Row = dict[str, Any]
T = TypeVar("T")

WINDOW: Final = 28
ENOUGH: Final = 14
EU: Final = (
    "AT/BE/BG/CY/CZ/DE/DK/EE/ES/FI/GR/HR/HU/IE/IT/LT/LU/LV/MT/NL/PL/PT/RO/SE/SI/SK"
)


def shop_day(at: datetime) -> date:
    """Return the day in Paris: UTC+2 between the last Sundays of March and October."""
    hours = 2 if _last_sunday(at.year, 3) <= at < _last_sunday(at.year, 10) else 1
    return (at + timedelta(hours=hours)).date()


def _last_sunday(year: int, month: int) -> datetime:
    last = datetime(year, month, 31, 1, tzinfo=UTC)  # both months have 31 days
    return last - timedelta(days=(last.weekday() + 1) % 7)


def rounded(value: Fraction, places: int) -> Decimal:
    """Round an exact value, halves away from zero."""
    doubled = abs(value) * 10**places * 2
    whole = (doubled.numerator // doubled.denominator + 1) // 2
    return Decimal(whole if value >= 0 else -whole).scaleb(-places)


def region_of(country: str) -> str:
    """Return FR, EU or OTHER."""
    return "FR" if country == "FR" else "EU" if country in EU else "OTHER"


@attrs.frozen
class Sale:
    """One line of a current order."""

    order: OrderCreated
    number: int
    line: OrderLine

    @property
    def net(self) -> Decimal:
        return self.line.quantity * self.line.unit_price - self.line.discount

    @property
    def cost(self) -> Decimal:
        return self.line.quantity * self.line.unit_cost


def current_orders(events: Iterable[object]) -> list[OrderCreated]:
    """Return the latest version of each order, earliest order first."""
    latest: dict[str, OrderCreated] = {}
    for event in events:
        if isinstance(event, OrderCreated):
            known = latest.setdefault(event.order_id, event)
            if _age(event) > _age(known):
                latest[event.order_id] = event
    return sorted(latest.values(), key=lambda each: (each.occurred_at, each.order_id))


def _age(event: OrderCreated | InventoryAdjusted) -> tuple[datetime, str]:
    return event.occurred_at, event.event_id


def _grouped(items: Iterable[T], key: Callable[[T], Any]) -> dict[Any, list[T]]:
    groups: dict[Any, list[T]] = defaultdict(list)
    for item in items:
        groups[key(item)].append(item)
    return groups


def _sales(orders: Iterable[OrderCreated]) -> list[Sale]:
    return [
        Sale(order, number, line)
        for order in orders
        for number, line in enumerate(order.lines, start=1)
    ]


def _total(values: Iterable[Decimal]) -> Decimal:
    return sum(values, Decimal("0.00"))


def _average(orders: Sequence[OrderCreated]) -> Decimal:
    revenue = Fraction(_total(each.subtotal for each in orders))
    return rounded(revenue / len(orders), 2)


def _agrees(order: OrderCreated) -> bool:
    nets = [sale.net for sale in _sales([order])]
    tax = _total(
        (net * line.tax_rate).quantize(Decimal("0.01"), ROUND_HALF_UP)
        for net, line in zip(nets, order.lines, strict=True)
    )
    computed = _total(nets), tax, _total(nets) + tax + order.shipping
    return computed == (order.subtotal, order.tax_total, order.total)


def daily_sales(events: Iterable[object]) -> list[Row]:
    """Return ANALYTICS.DAILY_SALES."""
    orders = current_orders(events)
    firsts: dict[str, OrderCreated] = {}
    for order in orders:
        firsts.setdefault(order.customer.customer_id, order)
    rows = []
    days = _grouped(orders, lambda each: (shop_day(each.occurred_at), each.currency))
    for (day, currency), sold in days.items():
        sales = _sales(sold)
        customers = {each.customer.customer_id for each in sold}
        revenue = _total(each.subtotal for each in sold)
        cost = _total(sale.cost for sale in sales)
        rows.append(
            {
                "SHOP_DAY": day,
                "CURRENCY": currency,
                "ORDERS": len(sold),
                "CUSTOMERS": len(customers),
                "NEW_CUSTOMERS": sum(each in sold for each in firsts.values()),
                "BOTTLES": sum(sale.line.quantity for sale in sales),
                "REVENUE": revenue,
                "DISCOUNT": _total(sale.line.discount for sale in sales),
                "TAX": _total(each.tax_total for each in sold),
                "SHIPPING": _total(each.shipping for each in sold),
                "PAID": _total(each.total for each in sold),
                "COST": cost,
                "MARGIN": revenue - cost,
                "AVERAGE_BASKET": _average(sold),
                "ORDERS_NOT_AGREEING": sum(not _agrees(each) for each in sold),
            }
        )
    return rows


def customer_metrics(events: Iterable[object]) -> list[Row]:
    """Return ANALYTICS.CUSTOMER_METRICS as an unmasked reader sees it."""
    orders = current_orders(events)
    newest_day = max(shop_day(each.occurred_at) for each in orders)
    rows = []
    people = _grouped(orders, lambda each: (each.customer.customer_id, each.currency))
    for (customer_id, currency), theirs in people.items():
        first, last = theirs[0], theirs[-1]
        sales = _sales(theirs)
        value = _total(each.subtotal for each in theirs)
        rows.append(
            {
                "CUSTOMER_ID": customer_id,
                "CURRENCY": currency,
                "CUSTOMER_NAME": last.customer.name,
                "CUSTOMER_EMAIL": last.customer.email.lower(),
                "CUSTOMER_COUNTRY": last.customer.country,
                "CUSTOMER_CITY": last.customer.city,
                "CUSTOMER_REGION": region_of(last.customer.country),
                "FIRST_ORDER_AT": first.occurred_at.replace(tzinfo=None),
                "LAST_ORDER_AT": last.occurred_at.replace(tzinfo=None),
                "RECENCY_DAYS": (newest_day - shop_day(last.occurred_at)).days,
                "FREQUENCY": len(theirs),
                "VALUE": value,
                "MARGIN": value - _total(sale.cost for sale in sales),
                "BOTTLES": sum(sale.line.quantity for sale in sales),
                "AVERAGE_BASKET": _average(theirs),
            }
        )
    return rows


def inventory_status(events: Sequence[object]) -> list[Row]:
    """Return ANALYTICS.INVENTORY_STATUS."""
    orders = current_orders(events)
    sold = _grouped(_sales(orders), lambda sale: sale.line.wine_id)
    newest_day = max((shop_day(each.occurred_at) for each in orders), default=date.min)
    moves = {
        event.event_id: event
        for event in events
        if isinstance(event, InventoryAdjusted)
    }
    rows = []
    for wine_id, theirs in _grouped(moves.values(), lambda each: each.wine_id).items():
        last = max(theirs, key=_age)
        stock = sum(each.quantity for each in theirs)
        sales = sold.get(wine_id, [])
        newest = sales[-1] if sales else None
        days = {id(sale): shop_day(sale.order.occurred_at) for sale in sales}
        lately = sum(
            sale.line.quantity
            for sale in sales
            if (newest_day - days[id(sale)]).days < WINDOW
        )
        cover = max(stock, 0) * WINDOW // lately if lately else None
        short = bool(lately) and Fraction(max(stock, 0) * WINDOW, lately) < ENOUGH
        rows.append(
            {
                "WINE_ID": wine_id,
                "NAME": newest.line.name if newest else None,
                "REGION": newest.line.region if newest else None,
                "VINTAGE": newest.line.vintage if newest else None,
                "STOCK": stock,
                "STOCK_AGREES": stock == last.stock_after,
                "LAST_MOVEMENT_AT": last.occurred_at.replace(tzinfo=None),
                "LAST_REASON": last.reason.value,
                "LAST_SOLD_DAY": max(days.values(), default=None),
                "SOLD_28_DAYS": lately,
                "DAYS_OF_COVER": cover,
                "REORDER": stock <= 0 or short,
            }
        )
    return rows


def product_performance(events: Iterable[object]) -> list[Row]:
    """Return ANALYTICS.PRODUCT_PERFORMANCE."""
    rows = []
    products = _grouped(
        _sales(current_orders(events)),
        lambda sale: (sale.line.wine_id, sale.order.currency),
    )
    for (wine_id, currency), sales in products.items():
        newest = sales[-1].line
        revenue = _total(sale.net for sale in sales)
        cost = _total(sale.cost for sale in sales)
        rows.append(
            {
                "WINE_ID": wine_id,
                "CURRENCY": currency,
                "NAME": newest.name,
                "ESTATE": newest.estate,
                "REGION": newest.region,
                "APPELLATION": newest.appellation,
                "COLOUR": newest.colour.value,
                "VINTAGE": newest.vintage,
                "BOTTLE_CL": newest.bottle_cl,
                "ORDERS": len({sale.order.order_id for sale in sales}),
                "BOTTLES": sum(sale.line.quantity for sale in sales),
                "REVENUE": revenue,
                "DISCOUNT": _total(sale.line.discount for sale in sales),
                "COST": cost,
                "MARGIN": revenue - cost,
                "MARGIN_RATE": rounded(Fraction(revenue - cost) / Fraction(revenue), 4)
                if revenue
                else None,
            }
        )
    for column, within in (
        ("RANK_OVERALL", None),
        ("RANK_IN_REGION", "REGION"),
        ("RANK_IN_VINTAGE", "VINTAGE"),
    ):
        for row in rows:
            better = [
                other
                for other in rows
                if other["CURRENCY"] == row["CURRENCY"]
                and (within is None or other[within] == row[within])
                and other["REVENUE"] > row["REVENUE"]
            ]
            row[column] = len(better) + 1
    return rows
