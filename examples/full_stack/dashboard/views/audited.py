"""The audit on the page: its verdict, and what it counted."""

from html import escape

import streamlit as st

from full_stack.dashboard import parts
from full_stack.dashboard.desk import Audited
from full_stack.dashboard.formats import clock, decimal, plural


def verdict(audited: Audited) -> None:
    """Draw what the last audit found."""
    report = audited.report
    if report is None:
        why = audited.trouble or "the first audit is under way"
        _verdict_box("unknown", "Not audited yet", f"There is no verdict: {why}.")
        return
    if report.ok and not report.partitions:
        nothing = "No slice was written so far: there is nothing to prove."
        _verdict_box("unknown", "Nothing to audit yet", nothing)
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
    if report.ok and audited.trouble:  # what was true then may not be so now
        title, state = "Nothing was lost when last audited", "unknown"
    elif report.ok:
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


def partitions(audited: Audited) -> None:
    """Draw its numbers, folded away."""
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
