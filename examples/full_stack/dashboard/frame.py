"""What every page has: its heading, the age of its figures, and what to say without.

A page's body is given a `Reading` and draws. It runs again every few seconds, and no
failure of the warehouse, or of ours, shows more to a visitor than a sentence.
"""

import atexit
import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import wraps
from typing import Final

import attrs
import streamlit as st

from full_stack.dashboard import parts
from full_stack.dashboard.desk import AuditDesk
from full_stack.dashboard.formats import age, clock
from full_stack.dashboard.queries import Query
from full_stack.dashboard.settings import Settings
from full_stack.dashboard.vitals import Monitor
from full_stack.dashboard.warehouse import Answer, Away, Row, Value, Warehouse
from winestream.errors import ConfigurationError

log = logging.getLogger("winestream.dashboard")

START_PRODUCER: Final = (
    "Start the shop: `make demo` runs all of it, `python -m full_stack.producer` only "
    "the producer. This page looks again every few seconds."
)


@attrs.frozen
class Empty(Exception):  # noqa: N818 — what is so, not what went wrong
    """There is nothing to draw yet; `advice` says what to do."""

    what: str
    advice: str = START_PRODUCER


@attrs.frozen
class Service:
    """What the process keeps for all visitors."""

    settings: Settings
    warehouse: Warehouse
    monitor: Monitor
    desk: AuditDesk


@st.cache_resource(show_spinner=False)
def service() -> Service:
    """Return it, made at the first visit. Raises `ConfigurationError`."""
    settings = Settings.read()
    warehouse = Warehouse.of(settings)
    atexit.register(warehouse.close)
    return Service(
        settings,
        warehouse,
        Monitor.of(settings),
        AuditDesk.of(settings),
    )


class Reading:
    """One look at the warehouse: its answers, and how old the oldest of them is."""

    def __init__(self, given: Service) -> None:
        self.service = given
        self.at: datetime | None = None
        self.trouble: Away | None = None
        self.newest: datetime | None = None
        """The newest event among the figures, for the heading; pages set it."""

    def rows(
        self, query: Query, scope: Mapping[str, Value] | None = None
    ) -> Sequence[Row]:
        """Ask, with the values of `scope` that the query takes. Raises `Away`."""
        answer: Answer = self.service.warehouse.ask(
            query, *((scope or {})[name] for name in query.takes)
        )
        self.at = answer.at if self.at is None else min(self.at, answer.at)
        self.trouble = answer.trouble or self.trouble
        return answer.rows

    def one(self, query: Query, scope: Mapping[str, Value] | None = None) -> Row:
        """Return the only row of a sum; empty where there is none."""
        rows = self.rows(query, scope)
        return rows[0] if rows else {}


Body = Callable[[Reading], None]


def page(title: str, lede: str) -> Callable[[Body], Callable[[], None]]:
    """Make a page of a body: `@page("Sales", "What was sold, …")`."""

    def make(body: Body) -> Callable[[], None]:
        @wraps(body)
        def run() -> None:
            try:
                given = service()
            except ConfigurationError as error:
                parts.head(title, lede, f"{parts.dot('away')} no warehouse")
                _misconfigured(error)
                return
            every = given.settings.refresh
            st.fragment(run_every=every)(_draw)(title, lede, body, given)

        return run

    return make


def _draw(title: str, lede: str, body: Body, given: Service) -> None:
    top = st.container()
    reading = Reading(given)
    failed = False
    try:
        body(reading)
    except Away as away:
        failed = True
        reading.trouble = away
        _away(away, given)
    except Empty as empty:
        parts.state(parts.EMPTY_GLASS, empty.what, parts.advice(empty.advice))
    except Exception:
        log.exception("the page %s could not be drawn", title)
        failed = True
        parts.state(
            parts.SPILT_GLASS,
            "This page could not be drawn.",
            "The reason is in the dashboard's own log. It tries again by itself.",
        )
    with top:
        parts.head(title, lede, _age(reading, failed=failed))
        if reading.trouble is not None and not failed:
            _stale(reading, reading.trouble)


def _age(reading: Reading, *, failed: bool) -> str:
    every = f"every {reading.service.settings.refresh.total_seconds():.0f}\u202fs"
    if failed or reading.at is None:
        state = "away" if failed else "unknown"
        return f"{parts.dot(state)} looks again {every}"
    newest = ""
    if reading.newest is not None:
        newest = f" · newest event {age(reading.newest, datetime.now(UTC))}"
    state = "old" if reading.trouble else "ok"
    return f"{parts.dot(state)} read at {clock(reading.at)}{newest} · {every}"


def _stale(reading: Reading, trouble: Away) -> None:
    parts.banner(
        f"<b>{parts.advice(trouble.what)}</b> These figures are from "
        f"{clock(reading.at)}; the page keeps trying. {parts.advice(trouble.advice)}",
        "bad",
    )


def _away(away: Away, given: Service) -> None:
    every = f"{given.settings.refresh.total_seconds():.0f}\u202fs"
    parts.state(
        parts.SPILT_GLASS,
        away.what,
        parts.advice(away.advice),
        f"The page keeps trying, every {every}; there is no need to reload it.",
    )


def _misconfigured(error: ConfigurationError) -> None:
    log.error("the dashboard's settings: %s", error)
    parts.state(
        parts.SPILT_GLASS,
        "The dashboard does not know its warehouse.",
        parts.advice(
            "Give it `WINESTREAM_SNOWFLAKE_ACCOUNT` and the other settings of a "
            "sign-in, or start it with `make demo`. Its log says what is missing."
        ),
    )
