"""The page's colours and how its charts look: wine on paper, figures as in France."""

from pathlib import Path
from typing import Any, Final, cast

import altair as alt
import streamlit as st

from full_stack.dashboard.formats import SHORT_MONTHS, THIN

BORDEAUX: Final = "#7B1E3A"
DEEP: Final = "#3A0D1C"
ROSE: Final = "#D98C93"
GOLD: Final = "#C9962F"
VINE: Final = "#5F6F3A"
SLATE: Final = "#3F5666"
OAK: Final = "#8C6A4F"
INK: Final = "#2B1A1E"
MUTED: Final = "#6B5753"
LINE: Final = "#E3D6C3"
GRID: Final = "#EFE6D8"
PAPER: Final = "#FFFDF9"

SERIES: Final = (BORDEAUX, GOLD, VINE, ROSE, OAK, SLATE)
WASH: Final = ("#F6E9E4", "#E0B4B4", "#BC6A77", "#8F2D47", "#601529")
"""From nothing to much."""
COLOURS: Final = {
    "red": BORDEAUX,
    "white": "#D9B95B",
    "rosé": ROSE,
    "sparkling": "#8FA7A3",
    "sweet": "#B5651D",
}
"""A wine's colour, in ours."""

_LOCALE: Final = {
    "number": {
        "decimal": ",",
        "thousands": THIN,
        "grouping": [3],
        "currency": ["", f"{THIN}€"],
        "minus": "\u2212",
    },
    "time": {
        "dateTime": "%A %e %B %Y %X",
        "date": "%d/%m/%Y",
        "time": "%H:%M:%S",
        "periods": ["AM", "PM"],
        "days": [
            "dimanche",
            "lundi",
            "mardi",
            "mercredi",
            "jeudi",
            "vendredi",
            "samedi",
        ],
        "shortDays": ["dim.", "lun.", "mar.", "mer.", "jeu.", "ven.", "sam."],
        "months": [
            "janvier",
            "février",
            "mars",
            "avril",
            "mai",
            "juin",
            "juillet",
            "août",
            "septembre",
            "octobre",
            "novembre",
            "décembre",
        ],
        "shortMonths": list(SHORT_MONTHS),
    },
}

_SANS: Final = "'Source Sans', 'Source Sans Pro', sans-serif"


def _theme() -> alt.theme.ThemeConfig:
    return cast("alt.theme.ThemeConfig", _config())


def _config() -> dict[str, Any]:
    text = {"labelFont": _SANS, "titleFont": _SANS}
    return {
        "config": {
            "background": "transparent",
            "font": _SANS,
            "locale": _LOCALE,
            "view": {"stroke": None},
            "padding": {"left": 0, "right": 2, "top": 6, "bottom": 2},
            "axis": {
                **text,
                "labelColor": MUTED,
                "labelFontSize": 12,
                "titleColor": MUTED,
                "titleFontSize": 12,
                "titleFontWeight": "normal",
                "domainColor": LINE,
                "tickColor": LINE,
                "gridColor": GRID,
                "labelPadding": 6,
                "tickSize": 0,
            },
            "axisX": {"grid": False},
            "axisY": {
                "domain": False,
                "titleAngle": 0,
                "titleAlign": "left",
                "titleAnchor": "end",
                "titleX": -30,
                "titleY": -12,
            },
            "legend": {
                **text,
                "labelColor": INK,
                "labelFontSize": 12,
                "titleColor": MUTED,
                "titleFontSize": 12,
                "titleFontWeight": "normal",
                "orient": "top",
                "symbolType": "circle",
                "symbolStrokeWidth": 0,
                "columns": 3,
            },
            "bar": {"color": BORDEAUX, "cornerRadiusEnd": 3},
            "line": {"color": BORDEAUX, "strokeWidth": 2.2},
            "area": {"color": BORDEAUX, "opacity": 0.14, "line": True},
            "range": {"category": list(SERIES)},
        }
    }


def dress() -> None:
    """Put our style sheet into the page and our looks on its charts."""
    alt.theme.register("caves", enable=True)(_theme)
    st.html(Path(__file__).with_name("style.css"))
