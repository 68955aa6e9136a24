"""Telemetry as log lines: one per slice, claim, commit and change, never per event.

No line holds a payload, a key, or an event type, which comes from a payload. Names of
lines: configuration, connect, subscribe, claim, write, dead-letters, retry, commit,
pause, resume, release, lost, outage, recovery, shutdown.
"""

import logging
import sys
from collections.abc import Iterable
from typing import TextIO, assert_never

import structlog
from structlog.processors import ExceptionRenderer, JSONRenderer, TimeStamper
from structlog.stdlib import ProcessorFormatter
from structlog.tracebacks import ExceptionDictTransformer
from structlog.typing import FilteringBoundLogger, Processor

from winestream.errors import ConfigurationError
from winestream.records import LogPartition
from winestream.telemetry import (
    ClaimFailed,
    CursorsClaimed,
    Held,
    KafkaCommitted,
    OutageChanged,
    PartitionsAssigned,
    PartitionsLost,
    PartitionsReleased,
    PollFailed,
    Progress,
    RunsPolled,
    SinkOpened,
    SinkStopped,
    SliceWritten,
    Telemetry,
    WriteFailed,
)


class StructlogHook:
    """A hook that writes lines to `logger`, by default structlog's own.

    An outage is one CRITICAL line, however often it is reported, and one when it is
    over. Lines carry the pipeline and the owner once the sink is open. What happens
    many times a second (polls, progress) is left to metrics. One hook serves one sink.
    """

    def __init__(self, logger: FilteringBoundLogger | None = None) -> None:
        self._base: FilteringBoundLogger = (
            structlog.get_logger() if logger is None else logger
        )
        self._log = self._base
        self._outage = False

    def __call__(self, telemetry: Telemetry) -> None:  # noqa: C901, PLR0912 — one case per telemetry value
        """Log one telemetry value."""
        log = self._log
        match telemetry:
            case SinkOpened():
                self._opened(telemetry)
            case PartitionsAssigned(partitions=partitions):
                log.info("subscribe", partitions=_names(partitions))
            case CursorsClaimed(cursors=cursors):
                positions = {str(each): at.position for each, at in cursors.items()}
                epochs = {str(each): at.epoch for each, at in cursors.items()}
                log.info("claim", positions=positions, epochs=epochs)
            case ClaimFailed(error=error):
                log.warning("retry", what="claim", error=error)
            case PollFailed(error=error):
                log.warning("retry", what="poll", error=error)
            case WriteFailed():
                log.warning(
                    "retry",
                    what="write",
                    slice_id=telemetry.slice_id,
                    kind=telemetry.kind,
                    attempt=telemetry.attempt,
                    error=telemetry.error,
                )
            case SliceWritten():
                self._written(telemetry)
            case OutageChanged(active=active, error=error):
                self._outage_changed(active=active, error=error)
            case Held(held=held):
                log.debug("pause" if held else "resume")
            case KafkaCommitted():
                self._committed(telemetry)
            case PartitionsReleased(partitions=partitions, abandoned=abandoned):
                level = logging.WARNING if abandoned else logging.INFO
                log.log(
                    level,
                    "release",
                    partitions=_names(partitions),
                    abandoned=abandoned,
                )
            case PartitionsLost(partitions=partitions):
                log.warning("lost", partitions=_names(partitions))
            case SinkStopped(abandoned=abandoned, error=error):
                bad = bool(error or abandoned)
                level = logging.ERROR if bad else logging.INFO
                log.log(level, "shutdown", abandoned=abandoned, error=error or None)
            case RunsPolled() | Progress():
                pass
            case _:
                assert_never(telemetry)

    def _opened(self, opened: SinkOpened) -> None:
        self._outage = False
        self._log = self._base.bind(pipeline=opened.pipeline, owner=opened.owner)
        self._log.info("configuration", settings=dict(opened.settings))
        self._log.info("connect", guarantee=str(opened.guarantee))

    def _written(self, written: SliceWritten) -> None:
        ranges = {str(each): list(span) for each, span in written.ranges.items()}
        fresh = written.freshness
        waited = {} if fresh is None else {"waited": round(fresh.waited, 6)}
        self._log.info(
            "write",
            slice_id=written.slice_id,
            ranges=ranges,
            rows=dict(written.rows),
            dead_letters=sum(written.dead_letters.values()),
            payload_bytes=written.payload_bytes,
            seconds=round(written.seconds, 6),
            attempts=written.attempts,
            after_doubt=written.after_doubt,
            **waited,
        )
        if fresh is not None and fresh.missed:
            self._log.warning(
                "late",
                slice_id=written.slice_id,
                waited=round(fresh.waited, 6),
                objective=fresh.objective,
                expected=round(fresh.expected, 6),
            )
        if written.dead_letters:
            self._log.warning(
                "dead-letters",
                slice_id=written.slice_id,
                reasons=dict(written.dead_letters),
                first=list(written.first_dead),
            )

    def _outage_changed(self, *, active: bool, error: str) -> None:
        if active and not self._outage:
            self._log.critical("outage", error=error)
        elif self._outage and not active:
            self._log.warning("recovery")
        self._outage = active

    def _committed(self, committed: KafkaCommitted) -> None:
        positions = {str(each): at for each, at in committed.positions.items()}
        if not committed.errors:
            self._log.info("commit", positions=positions)
            return
        errors = {str(each): error for each, error in committed.errors.items()}
        self._log.warning("commit", positions=positions, errors=errors)


def configure_json_logging(level: str = "INFO", stream: TextIO | None = None) -> None:
    """Make structlog, and the libraries' logging from WARNING up, write JSON lines.

    For an application's main, never called by the library. One object a line on
    `stream` (stderr by default). Tracebacks come without local variables, which hold
    payloads and secrets. Replaces the root logger's handlers. Raises
    `ConfigurationError` for a level that does not exist.
    """
    number = logging.getLevelNamesMapping().get(level.upper())
    if number is None:
        raise ConfigurationError(f"log level {level!r}: use DEBUG, INFO or WARNING.")
    out = sys.stderr if stream is None else stream
    exceptions = ExceptionRenderer(ExceptionDictTransformer(show_locals=False))
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        TimeStamper(fmt="iso", utc=True),
        exceptions,
    ]
    structlog.configure(
        processors=[*shared, JSONRenderer()],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.WriteLoggerFactory(out),
    )
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        ProcessorFormatter(
            foreign_pre_chain=[*shared[:-1], structlog.stdlib.add_logger_name],
            processors=[
                ProcessorFormatter.remove_processors_meta,
                exceptions,
                JSONRenderer(),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    # A driver logs its parameters below WARNING, and those are payloads.
    root.setLevel(max(number, logging.WARNING))


def _names(partitions: Iterable[LogPartition]) -> list[str]:
    return [str(each) for each in sorted(partitions)]
