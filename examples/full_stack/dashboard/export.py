"""Tables as files that a French spreadsheet opens: semicolons and decimal commas."""

import csv
import io
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Final

import streamlit as st

from full_stack.dashboard.formats import paris

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def csv_bytes(rows: Iterable[Mapping[str, object]]) -> bytes:
    """Return rows as CSV, with a mark that says UTF-8. Times are in Paris."""
    rows = list(rows)
    text = io.StringIO()
    writer = csv.writer(text, delimiter=";", lineterminator="\r\n")
    if rows:
        writer.writerow(rows[0])
        writer.writerows([_cell(value) for value in row.values()] for row in rows)
    return text.getvalue().encode("utf-8-sig")


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Decimal | float):
        return str(value).replace(".", ",")
    if isinstance(value, datetime):
        return f"{paris(value):%Y-%m-%d %H:%M:%S}"
    text = str(value)
    # A spreadsheet would run a text that looks like a formula.
    return f"'{text}" if isinstance(value, str) and text.startswith(_FORMULA) else text


def download(label: str, name: str, rows: Iterable[Mapping[str, object]]) -> None:
    """Offer rows as a file; it is made when somebody asks for it."""
    st.download_button(
        label,
        data=lambda: csv_bytes(rows),
        file_name=f"{name}.csv",
        mime="text/csv",
        icon=":material/download:",
        on_click="ignore",
        key=f"download-{name}",
    )
