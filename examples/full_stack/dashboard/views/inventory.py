"""Inventory: what to reorder, and how long the cellar lasts."""

from collections.abc import Sequence
from math import ceil
from typing import Final

import streamlit as st

from full_stack.dashboard import charts, parts, queries
from full_stack.dashboard.export import download
from full_stack.dashboard.formats import (
    NOTHING,
    day,
    decimal,
    percent,
    plural,
    wine,
)
from full_stack.dashboard.frame import Empty, Reading, page
from full_stack.dashboard.look import COLOURS, GOLD, OAK, VINE
from full_stack.dashboard.scope import choose
from full_stack.dashboard.warehouse import Row

ALARM: Final = "#A3261D"
SHOWN: Final = 25
NEXT: Final = 8
TOP: Final = 12
CASE: Final = 6  # bottles; merchants buy by the case
COVER_WANTED: Final = 28  # days, once the order has arrived
_LOW: Final = 14  # days of cover: below, INVENTORY_STATUS says reorder
_SLOW: Final = 90

_STATES: Final = {
    "reorder": "To reorder",
    "out": "Out of stock",
    "slow": "More than 90 days of cover",
    "still": "Not sold for 28 days",
    "wrong": "Stock to be counted",
}
_COVER: Final = (
    ("None", -1, 0, ALARM),
    ("< 7", 0, 7, ALARM),
    ("7–14", 7, 14, GOLD),  # noqa: RUF001 — a range
    ("14–28", 14, 28, VINE),  # noqa: RUF001
    ("28–90", 28, 90, VINE),  # noqa: RUF001
    ("> 90", 90, 10**9, OAK),
)
_UNSOLD: Final = "No sales"


@page("Inventory", "What to reorder, and how long the cellar lasts.")
def inventory(reading: Reading) -> None:
    """Draw the page."""
    rows = reading.rows(queries.INVENTORY)
    if not rows:
        raise Empty("The cellar is empty.")
    sums = reading.one(queries.MOVEMENTS)
    reading.newest = sums.get("last_movement_at")
    left, middle, right = st.columns([1, 1, 1.2], vertical_alignment="bottom")
    with left:
        region = choose(
            "Region", "All regions", (r["region"] for r in rows), "inventory-region"
        )
    with middle:
        state: str = st.selectbox(
            "Show",
            ["reorder", "", *(each for each in _STATES if each != "reorder")],
            format_func=lambda name: _STATES.get(name, "All wines"),
            key="inventory-state",
        )
    with right:
        search = st.text_input(
            "Wine",
            placeholder="Search, e.g. Margaux",
            max_chars=60,
            key="inventory-search",
        )
    there = [row for row in rows if not region or row["region"] == region]
    _headlines(there)
    _shape(there, sums)
    named = [row for row in there if _named(row, search)]
    fitting = [row for row in named if _is(row, state)]
    if state == "reorder" and not fitting:
        _next(named)
    else:
        _list(fitting, state)
    download(
        "Inventory as CSV",
        "inventory",
        [{**row, "bottles_to_order": to_order(row)} for row in there],
    )


def _is(row: Row, state: str) -> bool:
    cover = row["days_of_cover"]
    match state:
        case "reorder":
            return bool(row["reorder"])
        case "out":
            return int(row["stock"]) <= 0
        case "slow":
            return cover is not None and int(cover) > _SLOW
        case "still":
            return not int(row["sold_28_days"])
        case "wrong":
            return not row["stock_agrees"]
        case _:
            return True


def _named(row: Row, search: str) -> bool:
    words = " ".join(
        str(row[key] or "") for key in ("name", "vintage", "appellation", "wine_id")
    )
    return all(word in words.lower() for word in search.lower().split())


def to_order(row: Row) -> int:
    """Return the bottles, in whole cases, that make four weeks of cover again."""
    wanted = int(row["sold_28_days"]) * COVER_WANTED / 28 - max(0, int(row["stock"]))
    return max(0, ceil(wanted / CASE)) * CASE if row["reorder"] else 0


def _headlines(rows: Sequence[Row]) -> None:
    stock = sum(max(0, int(row["stock"])) for row in rows)
    out = sum(int(row["stock"]) <= 0 for row in rows)
    reorder = [row for row in rows if row["reorder"]]
    pace = sum(int(row["sold_28_days"]) for row in rows)
    wrong = sum(not row["stock_agrees"] for row in rows)
    parts.cards(
        [
            parts.Card(
                "To reorder",
                decimal(len(reorder)),
                f"{decimal(sum(map(to_order, reorder)))} bottles to order",
                "warn" if reorder else "good",
            ),
            parts.Card(
                "Out of stock",
                decimal(out),
                f"of {plural(len(rows), 'wine')}",
                "bad" if out else "good",
            ),
            parts.Card(
                "Bottles in the cellar", decimal(stock), plural(len(rows), "wine")
            ),
            parts.Card(
                "Cover of the cellar",
                f"{decimal(stock * 28 // pace)} days" if pace else NOTHING,
                f"at {decimal(pace)} bottles in 28 days",
            ),
            parts.Card(
                "Stock to be counted",
                decimal(wrong),
                "movements and stated stock differ" if wrong else "all agree",
                "warn" if wrong else "",
            ),
        ]
    )


def _shape(rows: Sequence[Row], sums: Row) -> None:
    left, right = st.columns(2, gap="large")
    with left:
        parts.section(
            "Days of cover", "Wines by how long they last at the pace of 28 days."
        )
        charts.show(
            charts.columns(
                cover_classes(rows),
                "cover",
                "wines",
                "Wines",
                (
                    ("wines", "Wines", charts.WHOLE),
                    ("bottles", "Bottles", charts.WHOLE),
                ),
                colour="colour",
            ),
            "inventory-cover",
        )
    with right:
        parts.section("Movements", "Bottles that came and went, over all the time.")
        sold = int(sums.get("sold") or 0)
        moved = [
            ("Delivered", int(sums.get("delivered") or 0), VINE),
            ("Sold", sold, COLOURS["red"]),
            ("Returned", int(sums.get("returned") or 0), GOLD),
            ("Broken", int(sums.get("broken") or 0), ALARM),
            ("Found by counting", int(sums.get("counted") or 0), OAK),
        ]
        charts.show(
            charts.ranking(
                [{"name": n, "bottles": b} for n, b, _ in moved],
                "name",
                "bottles",
                words=(("bottles", "Bottles", charts.WHOLE),),
                form=charts.WHOLE,
                colours={n: colour for n, _, colour in moved},
                by="name",
            ),
            "inventory-moved",
        )
        broken = int(sums.get("broken") or 0)
        if sold:
            st.caption(f"Breakage is {percent(broken / sold, 2)} of what was sold.")


def cover_classes(rows: Sequence[Row]) -> list[dict[str, object]]:
    """Return how many wines and bottles there are for each length of cover."""
    made: list[dict[str, object]] = []
    for name, above, up_to, colour in _COVER:
        mine = [
            row
            for row in rows
            if row["days_of_cover"] is not None
            and (
                int(row["stock"]) <= 0
                if up_to == 0
                else int(row["stock"]) > 0
                and max(above, 0) <= int(row["days_of_cover"]) < up_to
            )
        ]
        made.append(_class(name, mine, colour))
    unsold = [row for row in rows if row["days_of_cover"] is None]
    return [*made, _class(_UNSOLD, unsold, "#B9AA9B")]


def _class(name: str, rows: Sequence[Row], colour: str) -> dict[str, object]:
    bottles = sum(max(0, int(row["stock"])) for row in rows)
    return {"cover": name, "wines": len(rows), "bottles": bottles, "colour": colour}


def _next(rows: Sequence[Row]) -> None:
    """Draw the wines that last the shortest, where none has to be reordered."""
    sold = [row for row in rows if row["days_of_cover"] is not None]
    parts.section("Nothing to reorder", "These wines last the shortest.")
    _table(sorted(sold, key=lambda row: int(row["days_of_cover"]))[:NEXT])


def _list(rows: Sequence[Row], state: str) -> None:
    title = _STATES.get(state, "All wines")
    if not rows:
        parts.section(title, "No wine is like that. Santé!")
        return
    parts.section(
        title,
        f"The first {min(SHOWN, len(rows))} of {plural(len(rows), 'wine')}, the most "
        f"urgent first. An order makes {COVER_WANTED} days of cover again, in cases "
        f"of {CASE}.",
    )
    _table(rows[:SHOWN])


def _table(rows: Sequence[Row]) -> None:
    parts.table(
        [
            parts.Column("wine", "Wine", "who"),
            parts.Column("stock", "Stock", "num"),
            parts.Column("sold", "Sold in 28 days", "num wide"),
            parts.Column("cover", "Days of cover", "num"),
            parts.Column("bar", "", "wide"),
            parts.Column("order", "Order", "num"),
            parts.Column("last", "Last sold", "wide"),
        ],
        [_line(row) for row in rows],
    )


def _line(row: Row) -> dict[str, str]:
    stock, cover = int(row["stock"]), row["days_of_cover"]
    named = wine(row["name"], row["vintage"], row["bottle_cl"], str(row["wine_id"]))
    place = ", ".join(filter(None, (row["appellation"], row["region"])))
    bead = parts.bead(COLOURS.get(row["colour"] or "", "#D8CBB8"))
    tone = "bad" if stock <= 0 or (cover or 0) < 7 else "warn" if cover < _LOW else ""  # noqa: PLR2004 — a week
    bottles = to_order(row)
    order = f"{decimal(bottles)} bottles" if bottles else NOTHING
    cases = plural(bottles // CASE, "case") if bottles else ""
    counted = "" if row["stock_agrees"] else "to be counted"
    return {
        "wine": bead + parts.cell(named, place),
        "stock": parts.tag("none", "bad")
        if stock == 0
        else parts.cell(decimal(stock), counted),
        "sold": parts.cell(decimal(row["sold_28_days"])),
        "cover": parts.cell(NOTHING if cover is None else decimal(cover)),
        "bar": "" if cover is None else parts.bar(int(cover) / COVER_WANTED, tone),
        "order": parts.cell(order, cases),
        "last": parts.cell(day(row["last_sold_day"])),
    }
