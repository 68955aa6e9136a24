"""The page's charts. Data are plain rows; amounts are euros unless a title says more.

Times are handed over as Paris' wall clock and drawn as if that were UTC, so that every
browser shows the shop's time, wherever it stands.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

import altair as alt
import streamlit as st

from full_stack.dashboard.formats import day, paris, short_day
from full_stack.dashboard.look import BORDEAUX, INK

Drawn = Any
"""One of Altair's charts: its own types do not say which its methods return."""

WHOLE: Final = ",.0f"
EUROS: Final = "$,.0f"
CENTS: Final = "$,.2f"
SHARE: Final = ".1%"
THOUSANDS: Final = (
    "abs(datum.value) >= 1000 ? format(datum.value / 1000, ',~r') + '\u202fk'"
    " : format(datum.value, ',~r')"
)
FIGURES: Final = alt.Axis(labelExpr=THOUSANDS, tickCount=5)
"""An axis of figures: 500, 1 k, 2,5 k."""
_UTC: Final = alt.Scale(type="utc")
_MOST_DAYS: Final = 92
_SHORT, _LONG = 600, 2 * 86_400  # seconds of an axis
_SUMS: Final = ("revenue", "margin", "orders", "bottles")


def data(rows: Sequence[Mapping[str, Any]]) -> alt.InlineData:
    """Return rows as a chart's data: numbers as floats, times in Paris."""
    return alt.InlineData(
        values=[{key: plain(value) for key, value in row.items()} for row in rows]
    )


def plain(value: object) -> object:
    """Return a value that JSON knows."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, datetime):
        return paris(value).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    if isinstance(value, date):
        return value.isoformat()
    return value


def show(chart: Drawn, key: str) -> None:
    """Draw a chart as wide as there is room."""
    said = f"Chart: {key.replace('-', ' ')}"  # to those who do not see it
    st.altair_chart(chart, theme=None, width="stretch", key=key, alt=said)


def days(rows: Sequence[Mapping[str, Any]], field: str, title: str) -> Drawn:
    """Return bars by day, or by week where there are very many days."""
    slots = filled(rows)
    return (
        alt.Chart(data(slots), height=250)
        .mark_bar(color=BORDEAUX)
        .encode(
            x=alt.X(
                "slot:O",
                sort=None,
                title=None,
                axis=alt.Axis(labelAngle=0, labelOverlap=True),
                scale=alt.Scale(paddingInner=0.28, paddingOuter=0.14),
            ),
            y=alt.Y(f"{field}:Q", title=title, axis=FIGURES),
            tooltip=[
                alt.Tooltip("said:N", title="When"),
                alt.Tooltip("revenue:Q", title="Revenue", format=CENTS),
                alt.Tooltip("margin:Q", title="Margin", format=CENTS),
                alt.Tooltip("orders:Q", title="Orders", format=WHOLE),
                alt.Tooltip("bottles:Q", title="Bottles", format=WHOLE),
            ],
        )
    )


def filled(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return a row for each day from the first to the last, nothing sold being 0.

    More than three months become weeks, which begin on Mondays.
    """
    if not rows:
        return []
    first, last = rows[0]["shop_day"], rows[-1]["shop_day"]
    weekly = (last - first).days > _MOST_DAYS
    step = timedelta(days=7 if weekly else 1)
    start = first - timedelta(days=first.weekday()) if weekly else first
    slots: dict[date, dict[str, Any]] = {}
    while start <= last:
        said = f"Week of {day(start)}" if weekly else day(start)
        slots[start] = dict.fromkeys(_SUMS, 0) | {
            "slot": short_day(start),
            "said": said,
        }
        start += step
    for row in rows:
        at = row["shop_day"]
        slot = slots[at - timedelta(days=at.weekday()) if weekly else at]
        for key in _SUMS:
            slot[key] += row[key]
    return list(slots.values())


def slots(rows: Sequence[Mapping[str, Any]], field: str, title: str) -> Drawn:
    """Return bars by the `slot` that rows name, in their order."""
    return (
        alt.Chart(data(rows), height=250)
        .mark_bar(color=BORDEAUX)
        .encode(
            x=alt.X(
                "slot:O",
                sort=None,
                title=None,
                axis=alt.Axis(labelAngle=0, labelOverlap="greedy", labelSeparation=14),
                scale=alt.Scale(paddingInner=0.2, paddingOuter=0.1),
            ),
            y=alt.Y(f"{field}:Q", title=title, axis=FIGURES),
            tooltip=[
                alt.Tooltip("slot:N", title="From"),
                alt.Tooltip(f"{field}:Q", title=title, format=CENTS),
            ],
        )
    )


def moments(
    rows: Sequence[Mapping[str, Any]], at: str, field: str, title: str, unit: str = ""
) -> Drawn:
    """Return an area over time, the oldest row first."""
    # Zeros alone would be drawn across the middle.
    most = max((float(row[field] or 0) for row in rows), default=0.0)
    scale = alt.Scale() if most else alt.Scale(domain=[0, 1])
    length = (rows[-1][at] - rows[0][at]).total_seconds() if rows else 0.0
    return (
        alt.Chart(data(rows), height=250)
        .mark_area(color=BORDEAUX, line={"color": BORDEAUX}, opacity=0.16)
        .encode(
            x=alt.X(
                f"{at}:T",
                scale=_UTC,
                title=None,
                axis=alt.Axis(
                    format=_clock_format(length),
                    labelOverlap="greedy",
                    labelSeparation=14,
                    tickCount=6,
                ),
            ),
            y=alt.Y(f"{field}:Q", title=title, axis=FIGURES, scale=scale),
            tooltip=[
                alt.Tooltip(f"{at}:T", title="Time", format="%-d %b %H:%M:%S"),
                alt.Tooltip(
                    f"{field}:Q", title=title, format=EUROS if unit == "€" else ",.1~f"
                ),
            ],
        )
    )


def _clock_format(seconds: float) -> str:
    """Return how an axis writes times when it is so long."""
    if seconds < _SHORT:
        return "%H:%M:%S"
    return "%H:%M" if seconds < _LONG else "%-d %b"


def ranking(  # noqa: PLR0913 — a chart's words
    rows: Sequence[Mapping[str, Any]],
    name: str,
    field: str,
    *,
    words: Sequence[tuple[str, str, str]],
    form: str = EUROS,
    colour: str = BORDEAUX,
    colours: Mapping[str, str] | None = None,
    by: str = "",
) -> Drawn:
    """Return horizontal bars, the longest first, each with its figure at its end.

    `words` are the tooltip's fields, titles and formats; `by` with `colours` paints
    bars by a field.
    """
    tips = [
        alt.Tooltip(f"{key}:Q" if given else f"{key}:N", title=title, format=given)
        if given
        else alt.Tooltip(f"{key}:N", title=title)
        for key, title, given in words
    ]
    base = alt.Chart(data(rows), height=max(60, 27 * len(rows))).encode(
        y=alt.Y(
            f"{name}:N",
            sort=None,
            title=None,
            axis=alt.Axis(labelLimit=170, domain=False),
        ),
        tooltip=tips,
    )
    most = max((float(row[field] or 0) for row in rows), default=1.0) or 1.0
    x = alt.X(
        f"{field}:Q",
        title=None,
        axis=None,
        scale=alt.Scale(domain=[0, most * 1.28]),  # room for the figure
    )
    bars = base.mark_bar(color=colour, height={"band": 0.62}).encode(x=x)
    if by and colours:
        bars = bars.encode(
            color=alt.Color(
                f"{by}:N",
                scale=alt.Scale(domain=list(colours), range=list(colours.values())),
                legend=None,
            )
        )
    words_at_end = base.mark_text(align="left", dx=5, color=INK, fontSize=12).encode(
        x=x, text=alt.Text(f"{field}:Q", format=form)
    )
    return alt.layer(bars, words_at_end)


def columns(
    rows: Sequence[Mapping[str, Any]],
    name: str,
    field: str,
    title: str,
    words: Sequence[tuple[str, str, str]],
    colour: str = "",
) -> Drawn:
    """Return upright bars in the order of the rows; `colour` names a field of hues."""
    painted = (
        {"color": alt.Color(f"{colour}:N", scale=None, legend=None)} if colour else {}
    )
    return (
        alt.Chart(data(rows), height=250)
        .mark_bar(color=BORDEAUX)
        .encode(
            x=alt.X(
                f"{name}:N",
                sort=None,
                title=None,
                axis=alt.Axis(labelAngle=0, labelOverlap=True),
                scale=alt.Scale(paddingInner=0.25),
            ),
            y=alt.Y(f"{field}:Q", title=title, axis=FIGURES),
            tooltip=[
                alt.Tooltip(f"{key}:Q", title=said, format=form)
                for key, said, form in words
            ],
            **painted,
        )
    )


def stacked(
    rows: Sequence[Mapping[str, Any]],
    field: str,
    series: str,
    colours: Mapping[str, str],
) -> Drawn:
    """Return bars by day, one on another, painted by `series`."""
    named = [{**row, "slot": short_day(row["shop_day"])} for row in rows]
    return (
        alt.Chart(data(named), height=250)
        .mark_bar()
        .encode(
            x=alt.X(
                "slot:O",
                sort=None,
                title=None,
                axis=alt.Axis(labelAngle=0, labelOverlap=True),
                scale=alt.Scale(paddingInner=0.28, paddingOuter=0.14),
            ),
            y=alt.Y(
                f"sum({field}):Q",
                title=None,
                axis=FIGURES,
            ),
            color=alt.Color(
                f"{series}:N",
                title=None,
                scale=alt.Scale(domain=list(colours), range=list(colours.values())),
            ),
            tooltip=[
                alt.Tooltip("slot:N", title="Day"),
                alt.Tooltip(f"{series}:N", title="Customers"),
                alt.Tooltip("orders:Q", title="Orders", format=WHOLE),
                alt.Tooltip("revenue:Q", title="Revenue", format=CENTS),
            ],
        )
    )
