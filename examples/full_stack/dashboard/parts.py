"""The pieces that pages are made of: cards, tables, states. Text is always escaped."""

from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Final

import attrs
import streamlit as st

from full_stack.dashboard.look import BORDEAUX

_GLASS: Final = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 48 48" fill="none" '
    'stroke="#7B1E3A" stroke-width="2.2" stroke-linecap="round" '
    'stroke-linejoin="round">{wine}'
    '<path d="M15 5h18l1.5 11c.8 6.5-4 12-10.5 12S13.2 22.5 14 16z"/>'
    '<path d="M24 28v13M16 42.5h16"/></svg>'
)


def picture(svg: str, kind: str = "") -> str:
    """Return a drawing as an image: markup of ours may hold no SVG of its own."""
    content = b64encode(svg.encode()).decode()
    return f'<img class="{kind}" alt="" src="data:image/svg+xml;base64,{content}">'


EMPTY_GLASS: Final = picture(_GLASS.format(wine=""), "ca-glass")
FULL_GLASS: Final = picture(
    _GLASS.format(
        wine='<path d="M14 16h20.5c.8 6.5-4 12-10.5 12S13.2 22.5 14 16z" '
        'fill="#7B1E3A"/>'
    ),
    "ca-glass",
)
SPILT_GLASS: Final = picture(
    _GLASS.format(wine='<path d="M19 5l5 9-4 4 4 5" stroke-width="1.8"/>'), "ca-glass"
)


def html(text: str) -> None:
    """Write markup of our own making into the page."""
    st.html(text)


def head(title: str, lede: str, age: str) -> None:
    """Write a page's heading; `age` is markup, the rest is text."""
    html(
        f'<div class="ca-head"><div><h1>{escape(title)}</h1><p>{escape(lede)}</p></div>'
        f'<div class="ca-age" role="status">{age}</div></div>'
    )


def dot(state: str = "ok") -> str:
    """Return a coloured dot: ok, waiting, old, away, unknown."""
    return f'<span class="ca-dot {escape(state)}"></span>'


def section(title: str, note: str = "") -> None:
    """Write a heading inside a page."""
    said = f'<p class="ca-note">{escape(note)}</p>' if note else ""
    html(f'<h2 class="ca-section">{escape(title)}</h2>{said}')


@attrs.frozen
class Card:
    """A figure with its name. `tone` is lead, good, warn, bad or nothing."""

    label: str
    value: str
    sub: str = ""
    tone: str = ""
    spark: Sequence[float] = ()


def cards(figures: Iterable[Card]) -> None:
    """Write a row of cards; on a narrow screen two stand side by side."""
    html(f'<div class="ca-cards">{"".join(map(_card, figures))}</div>')


def _card(card: Card) -> str:
    sub = f'<div class="ca-sub">{escape(card.sub)}</div>' if card.sub else ""
    return (
        f'<div class="ca-card {escape(card.tone)}">'
        f'<div class="ca-label">{escape(card.label)}</div>'
        f'<div class="ca-value">{escape(card.value)}</div>{sub}'
        f"{sparkline(card.spark)}</div>"
    )


def sparkline(values: Sequence[float]) -> str:
    """Return a small curve, nothing for fewer than three values."""
    if len(values) < 3:  # noqa: PLR2004 — two points are no curve
        return ""
    low, high = min(values), max(values)
    spread = (high - low) or 1.0
    step = 100 / (len(values) - 1)
    points = " ".join(
        f"{index * step:.1f},{26 - 22 * (value - low) / spread:.1f}"
        for index, value in enumerate(values)
    )
    return picture(
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 28" '
        'preserveAspectRatio="none">'
        f'<polygon points="0,28 {points} 100,28" fill="{BORDEAUX}" opacity="0.1"/>'
        f'<polyline points="{points}" fill="none" stroke="{BORDEAUX}" '
        'stroke-width="1.6" vector-effect="non-scaling-stroke"/></svg>',
        "ca-spark",
    )


@attrs.frozen
class Column:
    """A table's column. `kind` is num, who (a row's name on narrow screens) or ''."""

    key: str
    title: str
    kind: str = ""


def table(columns: Sequence[Column], rows: Iterable[Mapping[str, str]]) -> None:
    """Write a table whose cells are markup: use `cell` for what came from outside.

    On a narrow screen every row becomes a card of its own.
    """
    heads = "".join(
        f'<th class="{column.kind}" scope="col">{escape(column.title)}</th>'
        for column in columns
    )
    body = "".join(
        "<tr>"
        + "".join(
            f'<td class="{column.kind}" data-label="{escape(column.title)}">'
            f"<div>{row[column.key]}</div></td>"
            for column in columns
        )
        + "</tr>"
        for row in rows
    )
    html(
        '<div class="ca-frame"><table class="ca-table">'
        f"<thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def cell(text: object, dim: str = "") -> str:
    """Return text as markup, with a second, paler line under it."""
    more = f'<br><span class="ca-dim">{escape(dim)}</span>' if dim else ""
    return escape(str(text)) + more


def tag(text: str, tone: str = "") -> str:
    """Return a small label."""
    return f'<span class="ca-tag {escape(tone)}">{escape(text)}</span>'


def bar(share: float, tone: str = "") -> str:
    """Return a bar that is `share` full."""
    width = max(0.0, min(1.0, share)) * 100
    return (
        f'<div class="ca-bar"><i class="{escape(tone)}" style="width:{width:.0f}%">'
        "</i></div>"
    )


def bead(colour: str) -> str:
    """Return a wine's colour as a bead."""
    return f'<span class="ca-colour" style="background:{escape(colour)}"></span>'


def state(glass: str, title: str, *lines: str) -> None:
    """Write what stands in a page's place; `lines` are markup of our own."""
    said = "".join(f"<p>{line}</p>" for line in lines)
    html(f'<div class="ca-state">{glass}<h2>{escape(title)}</h2>{said}</div>')


def banner(text: str, tone: str = "") -> None:
    """Write a warning above a page; `text` is markup of our own."""
    html(
        f'<div class="ca-banner {escape(tone)}" role="alert">'
        f"{dot('away' if tone == 'bad' else 'old')}<div>{text}</div></div>"
    )


def code(text: str) -> str:
    """Return a command, as markup."""
    return f"<code>{escape(text)}</code>"


def advice(text: str) -> str:
    """Return a sentence of ours, with `…` set as commands, as markup."""
    pieces = text.split("`")
    return "".join(
        code(piece) if number % 2 else escape(piece)
        for number, piece in enumerate(pieces)
    )
