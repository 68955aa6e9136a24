"""Pipeline health: whether anything is lost, and where the data are on their way."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import streamlit as st

from full_stack.dashboard import charts, parts, path, queries
from full_stack.dashboard.export import download
from full_stack.dashboard.formats import NOTHING, age, decimal, plural, span
from full_stack.dashboard.frame import Empty, Reading, page
from full_stack.dashboard.views.audited import partitions, verdict
from full_stack.dashboard.views.break_it import break_panel
from full_stack.dashboard.vitals import Vitals
from full_stack.dashboard.warehouse import Row
from full_stack.wiring import PIPELINE

_VIEWS: Final = 4
_KPIS: Final = {
    "Revenue": ("revenue", "€"),
    "Orders": ("orders", ""),
    "Average basket": ("average_basket", "€"),
    "Bottles in stock": ("stock", ""),
    "Wines to reorder": ("wines_to_reorder", ""),
}


@page("Pipeline health", "Is anything lost, and where are the data on their way?")
def pipeline(reading: Reading) -> None:
    """Draw the page."""
    given = reading.service
    vitals = given.monitor.look()
    first = st.container()
    if given.settings.break_url:
        # Drawn before the warehouse is asked: it may have just been killed.
        break_panel(given.settings.break_url)
    with first:
        held, letters = _way(reading, vitals)
    if not held["RAW"].rows and not letters:
        raise Empty("No events yet.")
    _headlines(vitals, held, letters, reading.rows(queries.WRITTEN, _SCOPE))
    _flow(reading, vitals)
    _freshness(held)
    _dead_letters(letters, reading)
    _history(reading)
    partitions(given.desk.latest())


def _way(
    reading: Reading, vitals: Vitals
) -> tuple[dict[str, path.Layer], Sequence[Row]]:
    """Draw the path of the data and the verdict; return layers and dead letters."""
    held = path.layers(reading.rows(queries.LAYERS), vitals.oldest_unwritten)
    letters = reading.rows(queries.DEAD_LETTERS)
    dead = sum(int(row["messages"]) for row in letters)
    reading.newest = held["RAW"].newest_at
    stages = path.nodes(vitals, held, dead, _VIEWS)
    parts.html(path.drawing(path.gone(stages) if reading.trouble else stages))
    verdict(reading.service.desk.latest())
    return held, letters


_SCOPE: Final = {"pipeline": PIPELINE}

# -------------------------------------------------------------------------- headlines


def _headlines(
    vitals: Vitals,
    held: dict[str, path.Layer],
    letters: Sequence[Row],
    written: Sequence[Row],
) -> None:
    minute = sum(int(r["written"]) for r in written if int(r["tens_ago"]) < 6)  # noqa: PLR2004 — tens of seconds
    dead = sum(int(row["messages"]) for row in letters)
    total = held["RAW"].rows + dead
    behind = held["PRODUCTION"].behind
    parts.section("Right now")
    parts.cards(
        [
            parts.Card(
                "Waiting in the broker",
                NOTHING if vitals.lag is None else decimal(vitals.lag),
                f"messages, says {vitals.source}"
                if vitals.lag is not None
                else "no metrics: nobody tells",
                "warn" if vitals.outage else "lead",
            ),
            parts.Card(
                "Rows, last minute",
                decimal(minute),
                f"{decimal(minute / 60, 1)} a second, by the ledger",
                spark=[float(row["written"]) for row in written],
            ),
            parts.Card(
                "PRODUCTION behind",
                span(behind),
                "objective: under 10 min",
                "bad" if held["PRODUCTION"].late else "",
            ),
            parts.Card(
                "Dead letters",
                decimal(dead),
                f"of {plural(total, 'message')}, kept whole",
            ),
            parts.Card(
                "Failed writes",
                NOTHING
                if vitals.write_errors is None
                else decimal(vitals.write_errors),
                "tried again, or halved to find the poison",
                "warn" if vitals.outage else "",
            ),
        ]
    )


def _flow(reading: Reading, vitals: Vitals) -> None:
    written = reading.rows(queries.WRITTEN, _SCOPE)
    left, right = st.columns(2, gap="large")
    with left:
        parts.section(
            "Rows written", "A second, by the ledger; the last quarter of an hour."
        )
        charts.show(
            charts.moments(_by_time(written, reading), "at", "rate", "Rows a second"),
            "pipeline-written",
        )
    with right:
        points = [
            {"at": datetime.fromtimestamp(each.at, UTC), "lag": each.lag}
            for each in vitals.history
            if each.lag is not None
        ]
        parts.section("Lag", "Messages that wait in the broker to be written.")
        if len(points) > 1:
            charts.show(charts.moments(points, "at", "lag", "Messages"), "pipeline-lag")
        else:
            parts.html(
                '<p class="ca-note">'
                + parts.advice(
                    "Its history begins now."
                    if reading.service.monitor.named
                    else "No metrics: name Prometheus by `WINESTREAM_PROMETHEUS_URL`, "
                    "or metrics pages by `WINESTREAM_METRICS_URLS`."
                )
                + "</p>"
            )


def _by_time(written: Sequence[Row], reading: Reading) -> list[dict[str, Any]]:
    """Return rows a second by time, with zeros where nothing was written."""
    sums = {int(row["tens_ago"]): int(row["written"]) for row in written}
    now = reading.at or datetime.now(UTC)
    return [
        {"at": now - timedelta(seconds=10 * ago), "rate": sums.get(ago, 0) / 10}
        for ago in range(89, -1, -1)
    ]


# -------------------------------------------------------------------------- freshness


def _freshness(held: dict[str, path.Layer]) -> None:
    parts.section(
        "Freshness by layer",
        "How far each layer's newest event is behind RAW's, and its objective.",
    )
    now = datetime.now(UTC)
    rows = []
    for layer in held.values():
        limit = path.OBJECTIVES.get(layer.name)
        known = limit and layer.behind is not None
        verdict = (
            parts.tag("late", "bad")
            if layer.late
            else parts.tag("in time", "good")
            if known
            else parts.tag("no objective" if limit is None else "nobody tells")
        )
        tables = ", ".join(f"{n} {decimal(c)}" for n, c in layer.tables.items())
        rows.append(
            {
                "layer": parts.cell(layer.name, tables),
                "written": parts.cell(age(layer.written_at, now)),
                "behind": parts.cell(span(layer.behind)),
                "limit": parts.cell(span(limit)),
                "verdict": verdict,
            }
        )
    parts.table(
        [
            parts.Column("layer", "Layer", "who"),
            parts.Column("written", "Last written"),
            parts.Column("behind", "Behind", "num"),
            parts.Column("limit", "Objective", "num wide"),
            parts.Column("verdict", "Verdict"),
        ],
        rows,
    )


# ----------------------------------------------------------------------- dead letters


def _dead_letters(letters: Sequence[Row], reading: Reading) -> None:
    parts.section(
        "Dead letters by reason",
        "Messages that cannot become a row. They are kept whole, in RAW.DEAD_LETTERS.",
    )
    sums: dict[str, int] = {}
    for row in letters:
        sums[row["reason"]] = sums.get(row["reason"], 0) + int(row["messages"])
    if not sums:
        parts.html('<p class="ca-note">None: every message became a row.</p>')
    else:
        named = [{"reason": name, "messages": count} for name, count in sums.items()]
        named.sort(key=lambda each: -int(str(each["messages"])))
        charts.show(
            charts.ranking(
                named,
                "reason",
                "messages",
                words=(("messages", "Messages", charts.WHOLE),),
                form=charts.WHOLE,
            ),
            "pipeline-dead",
        )
        download("Dead letters as CSV", "dead-letters", letters)
    rejects = int(reading.one(queries.REJECTS).get("rejects") or 0)
    if rejects:
        parts.html(
            f'<p class="ca-note">{plural(rejects, "row")} of STAGING did not cast: '
            "STAGING.REJECTS names the fields.</p>"
        )


# ---------------------------------------------------------------------------- history


def _history(reading: Reading) -> None:
    parts.section("Headline figures over time", "From ANALYTICS.KPI_HISTORY.")
    taken = list(reversed(reading.rows(queries.KPI_HISTORY)))
    if len(taken) < 2:  # noqa: PLR2004 — one point is no history
        parts.html(
            '<p class="ca-note">The task REFRESH_ANALYTICS adds a row every few '
            "minutes while there is news.</p>"
        )
        return
    chosen = st.segmented_control(
        "Figure",
        list(_KPIS),
        default="Revenue",
        required=True,
        key="pipeline-kpi",
        label_visibility="collapsed",
    )
    field, unit = _KPIS[chosen or "Revenue"]
    title = f"{chosen}, {unit}" if unit else str(chosen)
    charts.show(charts.moments(taken, "as_of", field, title, unit), "pipeline-kpis")
    download("History as CSV", "kpi-history", taken)
