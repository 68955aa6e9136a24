"""Sales: by day, region and appellation, and what a basket holds."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final

import streamlit as st

from full_stack.dashboard import charts, parts, queries
from full_stack.dashboard.export import download
from full_stack.dashboard.formats import (
    NOTHING,
    clock,
    country,
    day,
    decimal,
    money,
    paris,
    percent,
    plural,
    short_money,
    span,
)
from full_stack.dashboard.frame import Empty, Reading, page
from full_stack.dashboard.look import COLOURS
from full_stack.dashboard.scope import (
    PERIODS,
    choose,
    choose_currency,
    choose_period,
    since,
)
from full_stack.dashboard.slots import by_slots
from full_stack.dashboard.warehouse import Row, Value

TOP: Final = 10
_DAYS_FOR_BARS: Final = 3
"""With fewer days than this, time of the day says more than bars of days."""
_FEW_MINUTES: Final = 10
_CHANNELS: Final = {"web": "Web shop", "shop": "In the shop", "phone": "By phone"}

Scope = Mapping[str, Value]


@page("Sales", "What was sold, where it comes from, and what a basket is worth.")
def sales(reading: Reading) -> None:
    """Draw the page."""
    known = reading.rows(queries.SALES_SCOPE)
    if not known:
        raise Empty("No orders yet.")
    scope, before, newest = _choose(reading, known)
    filtered = bool(scope["region"] or scope["channel"])
    by_day = queries.SOLD_BY_DAY if filtered else queries.SALES_BY_DAY
    rows = reading.rows(by_day, scope)
    latest = reading.rows(queries.LATEST_ORDERS)
    reading.newest = latest[0]["ordered_at"] if latest else None
    if not rows:
        parts.state(
            parts.EMPTY_GLASS,
            "Nothing was sold like that.",
            "Choose a longer period or fewer filters.",
        )
        return
    _headlines(rows, reading.rows(by_day, before), str(scope["currency"]), scope)
    _over_time(reading, rows, scope)
    _places(reading, scope)
    _baskets(reading, scope)
    _latest(latest)
    st.caption(
        "Revenue is goods after discounts, without tax and shipping. Days are the "
        f"shop's, in Paris; the newest is {day(newest)}."
    )


def _choose(reading: Reading, known: Sequence[Row]) -> tuple[Scope, Scope, date]:
    choices = reading.rows(queries.SALES_CHOICES)
    one, two, three = st.columns([1.5, 1, 1], vertical_alignment="bottom")
    with one:
        period = choose_period("sales-period")
    with two:
        region = choose(
            "Region", "All regions", (r["region"] for r in choices), "sales-region"
        )
    with three:
        channel = choose(
            "Channel",
            "All channels",
            (r["channel"] for r in choices),
            "sales-channel",
            lambda name: _CHANNELS.get(name, name),
        )
    currency = choose_currency([str(row["currency"]) for row in known], "sales-money")
    newest: date = next(r["newest_day"] for r in known if r["currency"] == currency)
    first = since(newest, period)
    scope: Scope = {
        "currency": currency,
        "since": first.isoformat(),
        "until": newest.isoformat(),
        "region": region,
        "channel": channel,
    }
    before = {
        **scope,
        "since": (first - timedelta(days=PERIODS[period])).isoformat(),
        "until": (first - timedelta(days=1)).isoformat(),
    }
    return scope, before, newest


def _headlines(
    rows: Sequence[Row], before: Sequence[Row], currency: str, scope: Scope
) -> None:
    now, then = _sums(rows), _sums(before)
    basket = now["revenue"] / now["orders"] if now["orders"] else None
    rate = now["margin"] / now["revenue"] if now["revenue"] else None
    change = ""
    if then["revenue"]:
        grown = now["revenue"] / then["revenue"] - 1
        change = f"{'+' if grown >= 0 else ''}{percent(grown)} on the period before"
    days = plural(len(rows), "day") + " with sales"
    parts.cards(
        [
            parts.Card(
                "Revenue",
                short_money(now["revenue"], currency),
                change or money(now["revenue"], currency),
                "lead",
                [float(row["revenue"]) for row in rows],
            ),
            parts.Card(
                "Orders",
                decimal(now["orders"]),
                days,
                spark=[float(row["orders"]) for row in rows],
            ),
            parts.Card(
                "Average basket",
                money(basket, currency),
                f"{decimal(now['bottles'] / now['orders'], 1)} bottles"
                if now["orders"]
                else "",
                spark=[float(row["revenue"] / row["orders"]) for row in rows],
            ),
            parts.Card(
                "Bottles",
                decimal(now["bottles"]),
                str(scope["region"]) or "all regions",
                spark=[float(row["bottles"]) for row in rows],
            ),
            parts.Card(
                "Margin",
                short_money(now["margin"], currency),
                f"{percent(rate)} of revenue",
                spark=[float(row["margin"]) for row in rows],
            ),
        ]
    )


def _sums(rows: Sequence[Row]) -> dict[str, Decimal]:
    return {
        name: sum((Decimal(row[name]) for row in rows), Decimal(0))
        for name in ("revenue", "margin", "orders", "bottles")
    }


def _over_time(reading: Reading, rows: Sequence[Row], scope: Scope) -> None:
    if len(rows) >= _DAYS_FOR_BARS:
        parts.section("Revenue by day")
        charts.show(charts.days(rows, "revenue", "Revenue, €"), "sales-days")
    else:
        sold = reading.rows(queries.SOLD_BY_MINUTE, scope)
        if len(sold) <= _FEW_MINUTES:
            sold = reading.rows(queries.SOLD_BY_SECOND, scope)
        size, made = by_slots(sold)
        parts.section("Revenue as it comes", f"Every {span(size)}, in Paris' time.")
        charts.show(charts.slots(made, "revenue", "Revenue, €"), "sales-moments")
    download("Days as CSV", "sales-by-day", rows)


def _places(reading: Reading, scope: Scope) -> None:
    places = reading.rows(queries.SOLD_BY_PLACE, scope)
    words = (
        ("revenue", "Revenue", charts.CENTS),
        ("margin", "Margin", charts.CENTS),
        ("bottles", "Bottles", charts.WHOLE),
    )
    left, right = st.columns(2, gap="large")
    with left:
        regions = _by_region(places)
        parts.section(
            "Regions", f"The first {min(TOP, len(regions))} of {len(regions)}."
        )
        charts.show(
            charts.ranking(regions[:TOP], "region", "revenue", words=words),
            "sales-regions",
        )
    with right:
        parts.section(
            "Appellations", f"The first {min(TOP, len(places))} of {len(places)}."
        )
        top = [{**row, "appellation": row["appellation"] or NOTHING} for row in places]
        charts.show(
            charts.ranking(
                top[:TOP],
                "appellation",
                "revenue",
                words=(("region", "Region", ""), *words),
            ),
            "sales-appellations",
        )
    download("Regions and appellations as CSV", "sales-by-appellation", places)


def _by_region(places: Sequence[Row]) -> list[dict[str, Any]]:
    sums: dict[str, dict[str, Any]] = {}
    for row in places:
        name = row["region"] or NOTHING
        kept = sums.setdefault(
            name, {"region": name, "revenue": 0, "margin": 0, "bottles": 0}
        )
        for key in ("revenue", "margin", "bottles"):
            kept[key] += row[key]
    return sorted(sums.values(), key=lambda row: -row["revenue"])


def _baskets(reading: Reading, scope: Scope) -> None:
    baskets = reading.rows(queries.BASKETS, scope)
    named = [{**row, "basket": _basket(int(row["at_least"]))} for row in baskets]
    left, right = st.columns([1.6, 1], gap="large")
    with left:
        parts.section("Baskets", "Orders by what their goods are worth.")
        charts.show(
            charts.columns(
                named,
                "basket",
                "orders",
                "Orders",
                (
                    ("orders", "Orders", charts.WHOLE),
                    ("revenue", "Revenue", charts.CENTS),
                    ("bottles", "Bottles", charts.WHOLE),
                ),
            ),
            "sales-baskets",
        )
    with right:
        parts.section("Channels")
        channels = [
            {**row, "channel": _CHANNELS.get(row["channel"], row["channel"] or NOTHING)}
            for row in reading.rows(queries.SOLD_BY_CHANNEL, scope)
        ]
        charts.show(
            charts.ranking(
                channels,
                "channel",
                "revenue",
                words=(
                    ("revenue", "Revenue", charts.CENTS),
                    ("orders", "Orders", charts.WHOLE),
                ),
            ),
            "sales-channels",
        )
        parts.section("Colours")
        colours = [
            {**row, "name": str(row["colour"] or NOTHING).capitalize()}
            for row in reading.rows(queries.SOLD_BY_COLOUR, scope)
        ]
        charts.show(
            charts.ranking(
                colours,
                "name",
                "revenue",
                words=(
                    ("revenue", "Revenue", charts.CENTS),
                    ("bottles", "Bottles", charts.WHOLE),
                ),
                colours=COLOURS,
                by="colour",
            ),
            "sales-colours",
        )


def _basket(at_least: int) -> str:
    steps = (0, 25, 50, 100, 200, 400, 800)
    place = steps.index(at_least)
    if place == 0:
        return f"< {steps[1]}"
    if place == len(steps) - 1:
        return f"≥ {at_least}"
    return f"{at_least}{NOTHING}{steps[place + 1]}"


def _latest(latest: Sequence[Row]) -> None:
    parts.section("Newest orders")
    rows = []
    for row in latest:
        when = row["ordered_at"]
        place = f"{row['customer_city'] or NOTHING}, {country(row['customer_country'])}"
        rows.append(
            {
                "order": parts.cell(row["order_id"]),
                "when": parts.cell(clock(when), day(paris(when).date())),
                "place": parts.cell(place),
                "channel": parts.cell(_CHANNELS.get(row["channel"], row["channel"])),
                "bottles": parts.cell(decimal(row["bottles"])),
                "worth": parts.cell(money(row["subtotal"], row["currency"])),
            }
        )
    parts.table(
        [
            parts.Column("order", "Order", "who"),
            parts.Column("when", "Time"),
            parts.Column("place", "Customer from"),
            parts.Column("channel", "Channel", "wide"),
            parts.Column("bottles", "Bottles", "num wide"),
            parts.Column("worth", "Goods", "num"),
        ],
        rows,
    )
