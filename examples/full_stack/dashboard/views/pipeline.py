"""Pipeline health: whether anything is lost, and where the data are on their way."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from html import escape
from typing import Any, Final

import streamlit as st

from full_stack.dashboard import breaking, charts, parts, path, queries
from full_stack.dashboard.desk import Audited
from full_stack.dashboard.export import download
from full_stack.dashboard.formats import NOTHING, age, clock, decimal, plural, span
from full_stack.dashboard.frame import Empty, Reading, page
from full_stack.dashboard.vitals import Vitals
from full_stack.dashboard.warehouse import Row
from full_stack.wiring import PIPELINE

_VIEWS: Final = 4
_BREAKS: Final = {
    "consumer": ("Kill the consumer", "It is started again and goes on at its cursor."),
    "warehouse": (
        "Kill the warehouse",
        "The consumer waits, and tries until it is up.",
    ),
    "broker": ("Cut the broker off", "Nothing is read for a while; nothing is lost."),
}
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
    if given.settings.break_url:
        # Above all that asks the warehouse: it may have just been killed.
        _break_panel(given.settings.break_url)
    held = path.layers(reading.rows(queries.LAYERS), vitals.oldest_unwritten)
    letters = reading.rows(queries.DEAD_LETTERS)
    dead = sum(int(row["messages"]) for row in letters)
    reading.newest = held["RAW"].newest_at
    parts.html(path.drawing(path.nodes(vitals, held, dead, _VIEWS, datetime.now(UTC))))
    _verdict(given.desk.latest())
    if not held["RAW"].rows and not dead:
        raise Empty("No events yet.")
    _headlines(vitals, held, letters, reading.rows(queries.WRITTEN, _SCOPE))
    _flow(reading, vitals)
    _freshness(held)
    _dead_letters(letters, reading)
    _history(reading)
    _partitions(given.desk.latest())


_SCOPE: Final = {"pipeline": PIPELINE}

# ---------------------------------------------------------------------------- verdict


def _verdict(audited: Audited) -> None:
    report = audited.report
    if report is None:
        why = audited.trouble or "the first audit is under way"
        _verdict_box("unknown", "Not audited yet", f"There is no verdict: {why}.")
        return
    made = f"Audited at {clock(audited.at)}"
    if audited.trouble:
        made += f"; not again since: {audited.trouble}"
    counted = (
        f"{decimal(sum(p.rows for p in report.partitions))} rows and "
        f"{decimal(sum(p.dead_letters for p in report.partitions))} dead letters in "
        f"{plural(len(report.partitions), 'partition')}, each offset exactly once"
    )
    left_out = "".join(
        f" Not checked: {check} ({reason})."
        for check, reason in report.not_made.items()
    )
    if report.ok:
        title, state = "Nothing lost, nothing twice", "ok"
    else:
        title, state = f"{plural(report.offending, 'thing')} off", "bad"
        counted = str(report.findings[0]) if report.findings else "see the audit"
    _verdict_box(state, title, f"{counted}. {made}.{left_out}")


def _verdict_box(state: str, title: str, text: str) -> None:
    glass = {"ok": parts.FULL_GLASS, "bad": parts.SPILT_GLASS}.get(
        state, parts.EMPTY_GLASS
    )
    parts.html(
        f'<div class="ca-verdict {state}" role="status">{glass}<div>'
        f"<strong>{escape(title)}</strong>"
        f'<span class="ca-dim">{escape(text)}</span></div></div>'
    )


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
                "Written in the last minute",
                decimal(minute),
                f"{decimal(minute / 60, 1)} rows a second, by the ledger",
                spark=[float(row["written"]) for row in written],
            ),
            parts.Card(
                "PRODUCTION behind RAW",
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
                "retried until they land",
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


def _partitions(audited: Audited) -> None:
    if audited.report is None:
        return
    with st.expander("What the audit counted, by partition"):
        parts.table(
            [
                parts.Column("log", "Partition", "who"),
                parts.Column("range", "Offsets"),
                parts.Column("rows", "Rows", "num"),
                parts.Column("dead", "Dead letters", "num"),
                parts.Column("gaps", "Gaps", "num wide"),
                parts.Column("slices", "Slices", "num wide"),
                parts.Column("lag", "Lag", "num"),
            ],
            [
                {
                    "log": parts.cell(f"{p.log.topic} {p.log.partition}"),
                    "range": parts.cell(f"{decimal(p.first)} to {decimal(p.cursor)}"),
                    "rows": parts.cell(decimal(p.rows)),
                    "dead": parts.cell(decimal(p.dead_letters)),
                    "gaps": parts.cell(decimal(p.gaps)),
                    "slices": parts.cell(decimal(p.slices)),
                    "lag": parts.cell(decimal(p.lag)),
                }
                for p in audited.report.partitions
            ],
        )


# --------------------------------------------------------------------------- break it


def _break_panel(url: str) -> None:
    control = breaking.look(url)
    with st.container(border=True):
        parts.section(
            "Break it", "Nothing gets lost: watch the path and the verdict meanwhile."
        )
        if control is None:
            parts.html('<p class="ca-note">The control does not answer.</p>')
            return
        columns = st.columns(len(control.targets) or 1)
        for column, target in zip(columns, control.targets, strict=False):
            label, promise = _BREAKS.get(target, (f"Break {target}", ""))
            with column:
                if st.button(
                    label, key=f"break-{target}", help=promise, width="stretch"
                ) and not breaking.break_it(url, target):
                    st.caption("The control did not answer.")
        happened = "".join(
            f"<li><time>{clock(each.at)}</time><span>{escape(each.what)}</span></li>"
            for each in control.happened
        )
        if happened:
            parts.html(f'<ul class="ca-log">{happened}</ul>')
