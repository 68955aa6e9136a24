"""What a visitor chose to look at, and the controls to choose it with."""

from collections.abc import Callable, Iterable, Sequence
from datetime import date, timedelta
from typing import Any, Final

import streamlit as st

from full_stack.dashboard.formats import symbol

PERIODS: Final = {"1 day": 1, "7 days": 7, "28 days": 28, "1 year": 365}
DEFAULT_PERIOD: Final = "28 days"


def since(newest: date, period: str) -> date:
    """Return the first day of the period that ends with `newest`."""
    return newest - timedelta(days=PERIODS[period] - 1)


def choose_period(key: str) -> str:
    """Show the periods; they end with the newest day of sales."""
    chosen = st.segmented_control(
        "Period",
        list(PERIODS),
        default=DEFAULT_PERIOD,
        required=True,
        key=key,
        help="Ends with the newest day of sales.",
    )
    return chosen or DEFAULT_PERIOD


def choose(
    label: str,
    everything: str,
    options: Iterable[Any],
    key: str,
    show: Callable[[str], str] = str,
) -> str:
    """Show a choice among what there is; returns '' for everything."""
    known = sorted({str(each) for each in options if each})
    chosen: str = st.selectbox(
        label,
        ["", *known],
        format_func=lambda each: show(each) if each else everything,
        key=key,
    )
    return chosen


def choose_currency(currencies: Sequence[str], key: str) -> str:
    """Return the only currency, or let one of several be chosen: they never add up."""
    if len(currencies) == 1:
        return currencies[0]
    chosen: str = st.selectbox(
        "Currency",
        currencies,
        format_func=lambda code: f"{code} ({symbol(code)})",
        key=key,
    )
    return chosen
