"""The panel that breaks a running demo, where somebody offers to."""

from html import escape
from typing import Final

import streamlit as st

from full_stack.dashboard import breaking, parts
from full_stack.dashboard.formats import clock

_BREAKS: Final = {
    "consumer": ("Kill the consumer", "It is started again and goes on at its cursor."),
    "warehouse": (
        "Kill the warehouse",
        "The consumer waits, and tries until it is up.",
    ),
    "broker": ("Cut the broker off", "Nothing is read for a while; nothing is lost."),
}


def break_panel(url: str) -> None:
    """Draw a button for each thing that can be broken, and what happened so far."""
    control = breaking.look(url)
    with st.container(border=True, key="break"):
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
