"""The page's charts. Data are plain rows; amounts are euros unless a title says more.

Times are handed over as Paris' wall clock and drawn as if that were UTC, so that every
browser shows the shop's time, wherever it stands.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

import altair as alt
import streamlit as st

from full_stack.dashboard.formats import paris
from full_stack.dashboard.look import BORDEAUX, SERIES

Drawn = Any
"""One of Altair's charts: its own types do not say which its methods return."""

WHOLE: Final = ",.0f"
EUROS: Final = "$,.0f"
CENTS: Final = "$,.2f"
SHARE: Final = ".1%"
_UTC: Final = alt.Scale(type="utc")


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
    st.altair_chart(chart, theme=None, width="stretch", key=key)


def days(rows: Sequence[Mapping[str, Any]], field: str, title: str) -> Drawn:
    """Return bars by day."""
    return (
        alt.Chart(data(rows), height=250)
        .mark_bar(color=BORDEAUX, width={"band": 0.72})
        .encode(
            x=alt.X(
                "shop_day:T",
                timeUnit="utcyearmonthdate",
                scale=_UTC,
                title=None,
                axis=alt.Axis(format="%-d %b", labelOverlap=True, tickCount="day"),
            ),
            y=alt.Y(f"{field}:Q", title=title, axis=alt.Axis(format="~s", tickCount=5)),
            tooltip=[
                alt.Tooltip(
                    "shop_day:T",
                    timeUnit="utcyearmonthdate",
                    title="Day",
                    format="%A %-d %B %Y",
                ),
                alt.Tooltip("revenue:Q", title="Revenue", format=CENTS),
                alt.Tooltip("margin:Q", title="Margin", format=CENTS),
                alt.Tooltip("orders:Q", title="Orders", format=WHOLE),
                alt.Tooltip("bottles:Q", title="Bottles", format=WHOLE),
            ],
        )
    )


def moments(
    rows: Sequence[Mapping[str, Any]], at: str, field: str, title: str, unit: str = ""
) -> Drawn:
    """Return an area over the time of the day."""
    form = EUROS if unit == "€" else ",.1f"
    return (
        alt.Chart(data(rows), height=250)
        .mark_area(color=BORDEAUX, line={"color": BORDEAUX}, opacity=0.16)
        .encode(
            x=alt.X(
                f"{at}:T",
                scale=_UTC,
                title=None,
                axis=alt.Axis(format="%H:%M", labelOverlap=True, tickCount=8),
            ),
            y=alt.Y(f"{field}:Q", title=title, axis=alt.Axis(format="~s", tickCount=5)),
            tooltip=[
                alt.Tooltip(f"{at}:T", title="Time", format="%H:%M:%S"),
                alt.Tooltip(f"{field}:Q", title=title, format=form),
            ],
        )
    )


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
    words_at_end = base.mark_text(
        align="left", dx=5, color="#2B1A1E", fontSize=12
    ).encode(x=x, text=alt.Text(f"{field}:Q", format=form))
    return alt.layer(bars, words_at_end)


def columns(
    rows: Sequence[Mapping[str, Any]],
    name: str,
    field: str,
    title: str,
    words: Sequence[tuple[str, str, str]],
) -> Drawn:
    """Return upright bars in the order of the rows."""
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
            y=alt.Y(f"{field}:Q", title=title, axis=alt.Axis(format="~s", tickCount=5)),
            tooltip=[
                alt.Tooltip(f"{key}:Q", title=said, format=form)
                for key, said, form in words
            ],
        )
    )


def lines(
    rows: Sequence[Mapping[str, Any]],
    at: str,
    field: str,
    series: str,
    title: str,
    order: Sequence[str],
) -> Drawn:
    """Return lines over the time of the day, one for each name of `series`."""
    return (
        alt.Chart(data(rows), height=250)
        .mark_line(interpolate="monotone")
        .encode(
            x=alt.X(
                f"{at}:T",
                scale=_UTC,
                title=None,
                axis=alt.Axis(format="%H:%M", labelOverlap=True, tickCount=8),
            ),
            y=alt.Y(f"{field}:Q", title=title, axis=alt.Axis(format="~s", tickCount=5)),
            color=alt.Color(
                f"{series}:N",
                title=None,
                scale=alt.Scale(domain=list(order), range=list(SERIES[: len(order)])),
            ),
            tooltip=[
                alt.Tooltip(f"{at}:T", title="Time", format="%H:%M:%S"),
                alt.Tooltip(f"{series}:N", title="Of"),
                alt.Tooltip(f"{field}:Q", title=title, format=",.1f"),
            ],
        )
    )
