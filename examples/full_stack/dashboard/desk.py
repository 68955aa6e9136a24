"""The audit behind the page: made on a thread of its own, never while a visitor waits.

The last report is shown until the next one is there. Each audit signs in anew: an older
session might not see what was committed a moment ago.
"""

import logging
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from typing import Final

import attrs
import snowflake.connector

from full_stack.dashboard.settings import Settings
from full_stack.wiring import GROUP, PIPELINE
from winestream.errors import ConfigurationError, SourceError
from winestream.operations.audit import Broker, NoCommitsError, audit
from winestream.operations.audit_broker import KafkaBroker
from winestream.operations.audit_report import AuditReport

_FIRST_WAIT: Final = 6.0
"""The first visitor waits this long for a first report, so that it is not missed."""

log = logging.getLogger("winestream.dashboard")


@attrs.frozen
class Audited:
    """A report and when it was made (UTC); `trouble` is why there is no newer one."""

    report: AuditReport | None = None
    at: datetime | None = None
    trouble: str | None = None


class AuditDesk:
    """Keeps one report fresh for as long as somebody looks. Any thread."""

    def __init__(
        self,
        make: Callable[[], AuditReport],
        every: float = 15.0,
        first_wait: float = _FIRST_WAIT,
    ) -> None:
        self._make, self._every, self._first_wait = make, every, first_wait
        self._lock = threading.Lock()
        self._done = threading.Event()
        self._busy = False
        self._begun = float("-inf")
        self._last = Audited()

    @classmethod
    def of(cls, settings: Settings) -> "AuditDesk":
        """Make one as the settings say."""
        return cls(lambda: _audit(settings), settings.audit_every.total_seconds())

    def latest(self) -> Audited:
        """Return the last report; begin another one if it is old."""
        with self._lock:
            due = time.monotonic() - self._begun >= self._every
            if due and not self._busy:
                self._busy, self._begun = True, time.monotonic()
                threading.Thread(target=self._run, name="audit", daemon=True).start()
        self._done.wait(self._first_wait)
        with self._lock:
            return self._last

    def _run(self) -> None:
        try:
            made = Audited(self._make(), datetime.now(UTC))
        except Exception as error:  # noqa: BLE001 — the page says that there is none
            log.warning("the audit was not made: %s", type(error).__name__)
            made = attrs.evolve(self._last, trouble=_explain(error))
        with self._lock:
            self._last, self._busy = made, False
        self._done.set()


def _audit(settings: Settings) -> AuditReport:
    arguments = settings.arguments() | {"paramstyle": "pyformat"}
    with ExitStack() as stack:
        connection = stack.enter_context(
            closing(snowflake.connector.connect(**arguments))
        )
        broker: Broker | None = None
        if settings.bootstrap:
            broker = stack.enter_context(KafkaBroker(settings.bootstrap, GROUP))
        try:
            return audit(connection, PIPELINE, broker=broker)
        except (SourceError, NoCommitsError):
            # Everything but the broker's part can still be proven.
            return audit(connection, PIPELINE)


def _explain(error: Exception) -> str:
    if isinstance(error, ConfigurationError):
        return "the pipeline is not registered yet, or its tables are missing"
    return "the warehouse does not answer"
