"""Products: the rank, margin, region and vintage of every wine that was sold."""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, Final

import streamlit as st

from full_stack.dashboard import charts, parts, plots, queries
from full_stack.dashboard.export import download
from full_stack.dashboard.formats import (
    NOTHING,
    decimal,
    first_of,
    money,
    percent,
    plural,
    short_money,
    short_wine,
    wine,
)
from full_stack.dashboard.frame import Empty, Reading, page
from full_stack.dashboard.look import COLOURS, OAK
from full_stack.dashboard.scope import choose, choose_currency
from full_stack.dashboard.warehouse import Row

TOP: Final = 12
SHOWN: Final = 20
_ORDERS: Final[dict[str, Callable[[Row], Any]]] = {
    "Revenue": lambda row: -row["revenue"],
    "Margin": lambda row: -row["margin"],
    "Margin rate": lambda row: -(row["margin_rate"] or 0),
    "Bottles": lambda row: -row["bottles"],
}
_WORDS: Final = (
    ("revenue", "Revenue", charts.CENTS),
    ("margin", "Margin", charts.CENTS),
    ("rate", "Margin rate", charts.SHARE),
    ("bottles", "Bottles", charts.WHOLE),
)


@page("Products", "Every wine's rank and margin, by region and by vintage.")
def products(reading: Reading) -> None:
    """Draw the page."""
    known = reading.rows(queries.SALES_SCOPE)
    if not known:
        raise Empty("No wine has been sold yet.")
    currency = choose_currency([str(r["currency"]) for r in known], "products-money")
    rows = reading.rows(queries.PRODUCTS, {"currency": currency})
    one, two, three, four = st.columns([1, 1, 1, 1.2], vertical_alignment="bottom")
    with one:
        region = choose(
            "Region", "All regions", (r["region"] for r in rows), "products-region"
        )
    with two:
        colour = choose(
            "Colour",
            "All colours",
            (r["colour"] for r in rows),
            "products-colour",
            str.capitalize,
        )
    with three:
        vintage = choose(
            "Vintage", "All vintages", (r["vintage"] for r in rows), "products-vintage"
        )
    with four:
        order: str = st.selectbox("Ranked by", list(_ORDERS), key="products-order")
    chosen = [
        _named(row)
        for row in rows
        if (not region or row["region"] == region)
        and (not colour or row["colour"] == colour)
        and (not vintage or str(row["vintage"] or "") == vintage)
    ]
    if not chosen:
        parts.state(
            parts.EMPTY_GLASS, "No such wine was sold.", "Choose fewer filters."
        )
        return
    chosen.sort(key=_ORDERS[order])
    _headlines(chosen, currency)
    _ranked(chosen, order)
    _regions_and_vintages(chosen)
    _list(chosen, currency)


def _named(row: Row) -> Row:
    full = wine(row["name"], row["vintage"], row["bottle_cl"])
    return {**row, "wine": full, "label": short_wine(full), "rate": row["margin_rate"]}


def _headlines(rows: Sequence[Row], currency: str) -> None:
    revenue = sum((Decimal(row["revenue"]) for row in rows), Decimal(0))
    margin = sum((Decimal(row["margin"]) for row in rows), Decimal(0))
    bottles = sum(int(row["bottles"]) for row in rows)
    by_revenue = sorted((Decimal(row["revenue"]) for row in rows), reverse=True)
    tenth = by_revenue[: max(1, len(by_revenue) // 10)]
    parts.cards(
        [
            parts.Card(
                "Revenue",
                short_money(revenue, currency),
                f"{money(revenue / bottles, currency)} a bottle" if bottles else "",
                "lead",
            ),
            parts.Card("Wines sold", decimal(len(rows)), plural(bottles, "bottle")),
            parts.Card("Margin", short_money(margin, currency), "revenue less cost"),
            parts.Card(
                "Margin rate",
                percent(margin / revenue if revenue else None),
                "of revenue",
            ),
            parts.Card(
                "The best tenth",
                percent(sum(tenth) / revenue if revenue else None),
                f"of revenue, from {plural(len(tenth), 'wine')}",
            ),
        ]
    )


def _ranked(rows: Sequence[Row], order: str) -> None:
    field = {
        "Margin": "margin",
        "Margin rate": "margin_rate",
        "Bottles": "bottles",
    }.get(order, "revenue")
    form = {"margin_rate": charts.SHARE, "bottles": charts.WHOLE}.get(
        field, charts.EUROS
    )
    left, right = st.columns([1.15, 1], gap="large")
    with left:
        parts.section(f"First by {order.lower()}")
        charts.show(
            charts.ranking(
                rows[:TOP],
                "label",
                field,
                words=(
                    ("wine", "Wine", ""),
                    ("appellation", "Appellation", ""),
                    *_WORDS,
                ),
                form=form,
                colours=COLOURS,
                by="colour",
            ),
            "products-first",
        )
    with right:
        parts.section(
            "Margin and revenue",
            "Margin rate by revenue; a larger bead is more bottles.",
        )
        charts.show(
            plots.cloud(
                [row for row in rows if row["margin_rate"] is not None], COLOURS
            ),
            "products-cloud",
        )


def _regions_and_vintages(rows: Sequence[Row]) -> None:
    left, right = st.columns([1.15, 1], gap="large")
    with left:
        parts.section("Regions by margin", "The figure is the margin in euros.")
        charts.show(
            charts.ranking(
                summed(rows, "region")[:TOP], "name", "margin", words=_WORDS
            ),
            "products-regions",
        )
    with right:
        parts.section("Vintages", "Revenue by the year on the label.")
        by_year = sorted(summed(rows, "vintage"), key=lambda each: str(each["name"]))
        charts.show(
            charts.columns(by_year, "name", "revenue", "Revenue, €", _WORDS),
            "products-vintages",
        )


def summed(rows: Sequence[Row], field: str) -> list[dict[str, Any]]:
    """Return sums by a field, the largest margin first; a wine without one is NV."""
    sums: dict[str, dict[str, Any]] = {}
    for row in rows:
        name = str(row[field] or ("NV" if field == "vintage" else NOTHING))
        kept = sums.setdefault(
            name, {"name": name, "revenue": 0, "margin": 0, "bottles": 0}
        )
        for key in ("revenue", "margin", "bottles"):
            kept[key] += row[key]
    for kept in sums.values():
        kept["rate"] = kept["margin"] / kept["revenue"] if kept["revenue"] else None
    return sorted(sums.values(), key=lambda each: -each["margin"])


def _list(rows: Sequence[Row], currency: str) -> None:
    parts.section(
        "All wines",
        f"{first_of(SHOWN, len(rows), 'wine')}; the file has all.",
    )
    parts.table(
        [
            parts.Column("rank", "Rank", "num"),
            parts.Column("wine", "Wine", "who"),
            parts.Column("bottles", "Bottles", "num wide"),
            parts.Column("revenue", "Revenue", "num"),
            parts.Column("margin", "Margin", "num wide"),
            parts.Column("rate", "Rate", "num"),
            parts.Column("in", "In its region", "num wide"),
            parts.Column("of", "Of its vintage", "num wide"),
        ],
        [
            {
                "rank": parts.cell(decimal(row["rank_overall"])),
                "wine": parts.bead(COLOURS.get(row["colour"] or "", OAK))
                + parts.cell(
                    row["wine"],
                    ", ".join(filter(None, (row["appellation"], row["region"]))),
                ),
                "bottles": parts.cell(decimal(row["bottles"])),
                "revenue": parts.cell(money(row["revenue"], currency)),
                "margin": parts.cell(money(row["margin"], currency)),
                "rate": parts.cell(percent(row["margin_rate"])),
                "in": parts.cell(decimal(row["rank_in_region"])),
                "of": parts.cell(decimal(row["rank_in_vintage"])),
            }
            for row in rows[:SHOWN]
        ],
    )
    download("All wines as CSV", "products", rows)
