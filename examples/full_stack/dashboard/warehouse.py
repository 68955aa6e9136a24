"""One session with the warehouse for all visitors: asks, remembers, signs in again.

An answer is kept for a few seconds, so that ten visitors cost as much as one. When the
warehouse does not answer, what it said last is given again, marked as old; only who
asks something new then gets `Away`.
"""

import logging
import socket
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime
from typing import Any, Final

import attrs
import snowflake.connector

from full_stack.dashboard.queries import Query
from full_stack.dashboard.settings import Settings
from winestream.snowflake.session import hush_connector

Row = dict[str, Any]
Value = str | int | float | date | None

# The largest answers are 5,000 wines, some 5 MB; most are a few rows. A page asks up to
# ten questions, so five pages with a few filters fit.
_REMEMBERED: Final = 64
_KNOCK_SECONDS: Final = 1.0
_MISSING: Final = frozenset({2003, 2043, 904})
_FORBIDDEN: Final = frozenset({3001})

log = logging.getLogger("winestream.dashboard")


@attrs.frozen
class Away(Exception):  # noqa: N818 — what is so, not what went wrong
    """The warehouse gave no answer; `what` and `advice` are for the visitor's eyes."""

    what: str
    advice: str


@attrs.frozen
class Answer:
    """Rows, when they were read (UTC), and why they are not fresh, if they are not."""

    rows: Sequence[Row]
    at: datetime
    trouble: Away | None = None


class Warehouse:
    """Asks queries over one connection. Any thread; one statement at a time."""

    def __init__(
        self,
        connect: Callable[[], Any],
        *,
        knock: Callable[[], None] = lambda: None,
        fresh: float = 4.0,
        pause: float = 2.0,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`connect` signs in; `knock` raises `OSError` early where nobody listens.

        An answer counts as fresh for `fresh` seconds; after a failure nobody is
        asked for `pause` seconds.
        """
        self._connect, self._knock = connect, knock
        self._fresh, self._pause = fresh, pause
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._connection: Any = None
        self._answers: OrderedDict[Any, tuple[float, Answer]] = OrderedDict()
        self._trouble: tuple[float, Away] | None = None

    @classmethod
    def of(cls, settings: Settings) -> "Warehouse":
        """Make one as the settings say."""
        hush_connector()
        place = settings.place
        return cls(
            lambda: snowflake.connector.connect(**settings.arguments()),
            knock=(lambda: _knock(place)) if place else lambda: None,
            # A little less than a page's own rhythm, so that each look is a new one.
            fresh=settings.refresh.total_seconds() * 0.8,
        )

    def ask(self, query: Query, *values: Value) -> Answer:
        """Return the rows, by column name in lower case. Raises `Away`."""
        key = (query.name, values)
        with self._lock:
            now = self._monotonic()
            asked, known = self._answers.get(key, (0.0, None))
            if known is not None and now - asked < self._fresh:
                return known
            if self._trouble is not None and now - self._trouble[0] < self._pause:
                return self._old(known, self._trouble[1])
            try:
                rows = self._rows(query, values)
            except Exception as error:  # noqa: BLE001 — whatever it is, a page goes on
                trouble = _explain(error)
                # The connector's words may quote values: the log gets codes only.
                log.warning("%s: %s %s", query.name, type(error).__name__, _code(error))
                self._trouble = (self._monotonic(), trouble)
                return self._old(known, trouble)
            self._trouble = None
            answer = Answer(rows, datetime.now(UTC))
            self._remember(key, answer)
            return answer

    def close(self) -> None:
        """Sign out."""
        with self._lock:
            self._hang_up()

    def _rows(self, query: Query, values: Sequence[Value]) -> Sequence[Row]:
        self._knock()
        held = self._connection is not None
        try:
            return self._once(query, values)
        except Exception as error:
            self._hang_up()
            if not held or _refused(error):
                raise
        # The session was an old one; the warehouse may have been started again.
        try:
            return self._once(query, values)
        except Exception:
            self._hang_up()
            raise

    def _once(self, query: Query, values: Sequence[Value]) -> Sequence[Row]:
        if self._connection is None:
            self._connection = self._connect()
        cursor = self._connection.cursor()
        try:
            cursor.execute(query.sql, list(values) or None)
            names = [column[0].lower() for column in cursor.description]
            found = cursor.fetchall()
        finally:
            cursor.close()
        return [dict(zip(names, row, strict=True)) for row in found]

    def _hang_up(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(Exception):
                connection.close()

    def _remember(self, key: object, answer: Answer) -> None:
        self._answers[key] = (self._monotonic(), answer)
        self._answers.move_to_end(key)
        while len(self._answers) > _REMEMBERED:
            self._answers.popitem(last=False)

    @staticmethod
    def _old(known: Answer | None, trouble: Away) -> Answer:
        if known is None:
            raise trouble
        return attrs.evolve(known, trouble=trouble)


def _knock(place: tuple[str, int]) -> None:
    socket.create_connection(place, _KNOCK_SECONDS).close()


def _code(error: BaseException) -> int:
    return int(getattr(error, "errno", None) or 0)


def _refused(error: BaseException) -> bool:
    return _code(error) in _MISSING | _FORBIDDEN


def _explain(error: BaseException) -> Away:
    """Say what a visitor may know and can do. Nothing of the error's own text."""
    code = _code(error)
    if code in _MISSING:
        return Away(
            "The warehouse has no tables for this page yet.",
            "Run `winestream deploy` on the database, or give the page's role the "
            "right to read them.",
        )
    if code in _FORBIDDEN:
        return Away(
            "The page's role may not read this.",
            "Sign in with the AUDITOR role: it reads everything and changes nothing.",
        )
    return Away(
        "The warehouse does not answer.",
        "A demo starts it again by itself. With an account, look at the network and at "
        "the `WINESTREAM_SNOWFLAKE_…` settings.",
    )
