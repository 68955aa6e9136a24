"""Customers: how many come back, where they live, and who buys most.

E-mail addresses are not asked for: nothing here needs them.
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Final

import streamlit as st

from full_stack.dashboard import charts, parts, plots, queries
from full_stack.dashboard.export import download
from full_stack.dashboard.formats import (
    NOTHING,
    country,
    decimal,
    first_of,
    moment,
    money,
    percent,
    plural,
    short_money,
)
from full_stack.dashboard.frame import Empty, Reading, page
from full_stack.dashboard.look import BORDEAUX, GOLD
from full_stack.dashboard.scope import choose_currency
from full_stack.dashboard.warehouse import Row, Value

TOP: Final = 10
SHOWN: Final = 15
_REGIONS: Final = {"FR": "France", "EU": "European Union", "OTHER": "Elsewhere"}
_KINDS: Final = {"New": GOLD, "Returning": BORDEAUX}
_SINCE: Final = {0: "0–2", 3: "3–7", 8: "8–28", 29: "> 28"}  # noqa: RUF001 — a range
_EACH: Final = {1: "1 order", 2: "2", 3: "3", 4: "4", 5: "5 or more"}


@page("Customers", "Who buys, who comes back, and what they are worth.")
def customers(reading: Reading) -> None:
    """Draw the page."""
    known = reading.rows(queries.SALES_SCOPE)
    if not known:
        raise Empty("No customers yet.")
    left, right = st.columns([1, 1.4], vertical_alignment="bottom")
    with left:
        region: str = st.selectbox(
            "Where they live",
            ["", *_REGIONS],
            format_func=lambda code: _REGIONS.get(code, "Everywhere"),
            key="customers-region",
        )
    with right:
        search = st.text_input(
            "Name or city",
            placeholder="Search, e.g. Lyon",
            max_chars=60,
            key="customers-search",
        )
    currency = choose_currency([str(r["currency"]) for r in known], "customers-money")
    scope = {"currency": currency, "customer_region": region, "search": search.strip()}
    sums = reading.one(queries.CUSTOMER_HEADLINES, scope)
    reading.newest = sums.get("last_order_at")
    if not sums.get("customers"):
        parts.state(
            parts.EMPTY_GLASS, "Nobody there has ordered yet.", "Choose another place."
        )
        return
    _headlines(sums, currency)
    _who_comes_back(reading, scope)
    _places(reading, scope)
    _best(reading.rows(queries.BEST_CUSTOMERS, scope), currency)


def _headlines(sums: Row, currency: str) -> None:
    count, back = int(sums["customers"]), int(sums["returning_customers"])
    orders, revenue = int(sums["orders"]), Decimal(sums["revenue"])
    parts.cards(
        [
            parts.Card("Customers", decimal(count), plural(orders, "order"), "lead"),
            parts.Card(
                "Came back",
                percent(back / count),
                f"{decimal(back)} ordered more than once",
            ),
            parts.Card(
                "Orders per customer", decimal(orders / count, 2), "since the first"
            ),
            parts.Card(
                "Value per customer",
                money(revenue / count, currency),
                f"{short_money(revenue, currency)} in all",
            ),
            parts.Card(
                "Best customer",
                short_money(sums["best"], currency),
                "goods, before tax",
            ),
        ]
    )


def _who_comes_back(reading: Reading, scope: Mapping[str, Value]) -> None:
    left, right = st.columns(2, gap="large")
    with left:
        parts.section("New and returning", "Orders by day.")
        rows = [
            {**row, "kind": "New" if row["customer_kind"] == "NEW" else "Returning"}
            for row in reading.rows(queries.ORDERS_BY_KIND, scope)
        ]
        days = sorted({row["shop_day"] for row in rows})[-31:]
        charts.show(
            charts.stacked(
                [row for row in rows if row["shop_day"] in days],
                "orders",
                "kind",
                _KINDS,
            ),
            "customers-kinds",
        )
    with right:
        parts.section("Habits", "Customers by their orders and by when they last came.")
        rows = [
            {
                **row,
                "each": _EACH[int(row["orders_each"])],
                "since": _SINCE[int(row["days_since"])],
            }
            for row in reading.rows(queries.CUSTOMERS_BY_HABIT, scope)
        ]
        charts.show(
            plots.heat(
                rows,
                (
                    "since",
                    "Days since the last order",
                    _used(rows, "since", _SINCE.values()),
                ),
                ("each", "", _used(rows, "each", _EACH.values())),
                "customers",
                (
                    ("customers", "Customers", charts.WHOLE),
                    ("revenue", "Revenue", charts.CENTS),
                ),
            ),
            "customers-habits",
        )


def _used(rows: Sequence[Row], field: str, names: Iterable[str]) -> list[str]:
    """Return those names that there are, in their order."""
    there = {row[field] for row in rows}
    return [name for name in names if name in there]


def _places(reading: Reading, scope: Mapping[str, Value]) -> None:
    rows = [
        {**row, "country": country(row["customer_country"])}
        for row in reading.rows(queries.CUSTOMERS_BY_COUNTRY, scope)
    ]
    parts.section("Countries", "Revenue by where the customer lives.")
    charts.show(
        charts.ranking(
            rows[:TOP],
            "country",
            "revenue",
            words=(
                ("revenue", "Revenue", charts.CENTS),
                ("customers", "Customers", charts.WHOLE),
                ("orders", "Orders", charts.WHOLE),
            ),
        ),
        "customers-countries",
    )
    download("Countries as CSV", "customers-by-country", rows)


def _best(rows: Sequence[Row], currency: str) -> None:
    parts.section(
        "Best customers",
        f"{first_of(SHOWN, len(rows), 'customer')} by value.",
    )
    if not rows:
        parts.html('<p class="ca-note">Nobody by that name, and no such city.</p>')
        return
    most = float(rows[0]["value"]) or 1.0
    parts.table(
        [
            parts.Column("name", "Customer", "who"),
            parts.Column("orders", "Orders", "num"),
            parts.Column("bottles", "Bottles", "num wide"),
            parts.Column("basket", "Average basket", "num wide"),
            parts.Column("value", "Value", "num"),
            parts.Column("share", "", "wide"),
            parts.Column("last", "Last order"),
        ],
        [
            {
                "name": parts.cell(
                    row["customer_name"] or row["customer_id"],
                    f"{row['customer_city'] or NOTHING}, "
                    f"{country(row['customer_country'])}",
                ),
                "orders": parts.cell(decimal(row["frequency"])),
                "bottles": parts.cell(decimal(row["bottles"])),
                "basket": parts.cell(money(row["average_basket"], currency)),
                "value": parts.cell(money(row["value"], currency)),
                "share": parts.bar(float(row["value"]) / most, "wine"),
                "last": parts.cell(moment(row["last_order_at"])),
            }
            for row in rows[:SHOWN]
        ],
    )
    download("Best customers as CSV", "best-customers", rows)
