"""The two charts that have two measures: a grid of habits and a cloud of wines."""

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt

from full_stack.dashboard.charts import CENTS, SHARE, THOUSANDS, WHOLE, Drawn, data
from full_stack.dashboard.look import INK, PAPER, WASH


def heat(
    rows: Sequence[Mapping[str, Any]],
    across: tuple[str, str, Sequence[str]],
    down: tuple[str, str, Sequence[str]],
    field: str,
    words: Sequence[tuple[str, str, str]],
) -> Drawn:
    """Return a grid whose cells are the darker the more they hold.

    `across` and `down`: the field, its title and the order of its values.
    """
    most = max((float(row[field]) for row in rows), default=1.0)
    base = alt.Chart(data(rows), height=44 * len(down[2])).encode(
        x=alt.X(
            f"{across[0]}:O",
            title=across[1],
            scale=alt.Scale(domain=list(across[2]), paddingInner=0.06),
            axis=alt.Axis(labelAngle=0, orient="bottom", domain=False),
        ),
        y=alt.Y(
            f"{down[0]}:O",
            title=None,
            scale=alt.Scale(domain=list(down[2]), paddingInner=0.1),
            axis=alt.Axis(domain=False),
        ),
        tooltip=[
            alt.Tooltip(f"{key}:Q", title=title, format=form)
            for key, title, form in words
        ],
    )
    cells = base.mark_rect(cornerRadius=4).encode(
        color=alt.Color(
            f"{field}:Q", scale=alt.Scale(range=list(WASH), type="sqrt"), legend=None
        )
    )
    said = base.mark_text(fontSize=12).encode(
        text=alt.Text(f"{field}:Q", format=WHOLE),
        color=alt.condition(
            alt.datum[field] > most * 0.3, alt.value(PAPER), alt.value(INK)
        ),
    )
    return alt.layer(cells, said)


def cloud(rows: Sequence[Mapping[str, Any]], colours: Mapping[str, str]) -> Drawn:
    """Return wines as beads: revenue across, margin rate up, bottles as size."""
    used = {
        name: c for name, c in colours.items() if any(r["colour"] == name for r in rows)
    }
    return (
        alt.Chart(data(rows), height=320)
        .mark_circle(opacity=0.72, stroke=PAPER, strokeWidth=0.8)
        .encode(
            x=alt.X(
                "revenue:Q",
                title="Revenue, €",
                scale=alt.Scale(type="sqrt", nice=True),
                axis=alt.Axis(labelExpr=THOUSANDS, tickCount=6, grid=True),
            ),
            y=alt.Y(
                "margin_rate:Q",
                title=None,
                scale=alt.Scale(zero=False, padding=12),
                axis=alt.Axis(format="%", tickCount=6),
            ),
            size=alt.Size("bottles:Q", scale=alt.Scale(range=[18, 420]), legend=None),
            color=alt.Color(
                "colour:N",
                title=None,
                scale=alt.Scale(domain=list(used), range=list(used.values())),
            ),
            tooltip=[
                alt.Tooltip("wine:N", title="Wine"),
                alt.Tooltip("appellation:N", title="Appellation"),
                alt.Tooltip("revenue:Q", title="Revenue", format=CENTS),
                alt.Tooltip("margin:Q", title="Margin", format=CENTS),
                alt.Tooltip("margin_rate:Q", title="Margin rate", format=SHARE),
                alt.Tooltip("bottles:Q", title="Bottles", format=WHOLE),
            ],
        )
    )
