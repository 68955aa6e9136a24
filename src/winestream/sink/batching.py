"""`BatchingSink`: the front door. It wires the parts and owns their life."""

import os
import random
import re
import secrets
import socket
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from types import TracebackType
from typing import Self

from winestream import telemetry as tell
from winestream.core import (
    Batching,
    BatchPolicy,
    Core,
    CoreSettings,
    RetryPolicy,
    SafetyPolicy,
)
from winestream.errors import (
    AbandonedError,
    ConfigurationError,
    SourceError,
    WinestreamError,
)
from winestream.ports import Codec, CursorStore, Source, Writer
from winestream.records import Guarantee, LogPartition, Watermarks
from winestream.sink.desk import Desk, WriterThread
from winestream.sink.reader import Reader
from winestream.sink.report import Report
from winestream.sink.signals import stop_on_signals
from winestream.sink.snapshot import Snapshot, State, snapshot_of
from winestream.telemetry import Hook

SNAPSHOT_SECONDS = 0.2
PROGRESS_SECONDS = 1.0
STEP_SECONDS = 0.5
"""The longest wait of one turn of `run`: how soon a stop is noticed."""

_PIPELINE = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,62}")


def _new_owner() -> str:
    host = re.sub(r"[^A-Za-z0-9]+", "-", socket.gethostname())[:40]
    return f"{host}-{os.getpid()}-{secrets.token_hex(4)}"


class BatchingSink:
    """Moves events from a source to a writer in slices.

    Exactly once when the writer keeps cursors (`CursorStore`), else at least once;
    `guarantee` says which. Use it one of two ways, always from one thread, the reader:

    - `sink.run()` until a signal or `stop()`;
    - `with sink:` and `sink.step()` in a loop of your own, until it returns False.

    `snapshot` and `stop()` may be used from any thread. `pipeline` names the cursors
    in the warehouse: two sinks that read one topic need two names and two groups. A
    writer that has a `pipeline` must have the same one.
    `drain` is how long a rebalance may wait for a write and must be well inside the
    consumer's `max.poll.interval.ms`; `stop_within` how long a stop may take. `batch`
    says when a slice is full: after a fixed while, or as late as an objective allows.

    `desk`, `now` and `jitter` are for simulators; the defaults are a thread of the
    sink's own, `time.monotonic` and a random generator.
    """

    def __init__(  # noqa: PLR0913 — each is a seam or a policy, all but three optional
        self,
        source: Source,
        codec: Codec,
        writer: Writer,
        *,
        pipeline: str,
        batch: Batching | None = None,
        retry: RetryPolicy | None = None,
        safety: SafetyPolicy | None = None,
        drain: timedelta = timedelta(seconds=60),
        stop_within: timedelta = timedelta(seconds=30),
        hooks: Iterable[Hook] = (),
        settings: Mapping[str, str] | None = None,
        owner: str | None = None,
        desk: Desk | None = None,
        now: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] | None = None,
    ) -> None:
        if not _PIPELINE.fullmatch(pipeline):
            raise ConfigurationError(
                f"pipeline {pipeline!r} must be a letter followed by at most 62 "
                "letters, digits, '-' or '_': it names cursors and transactions"
            )
        its = getattr(writer, "pipeline", pipeline)
        if its != pipeline:
            raise ConfigurationError(
                f"the writer keeps the cursors of pipeline {its!r}, and the sink's is "
                f"{pipeline!r}: give both one name"
            )
        self.pipeline = pipeline
        self.owner = owner or _new_owner()
        cursors = isinstance(writer, CursorStore)
        self.guarantee = Guarantee.EXACTLY_ONCE if cursors else Guarantee.AT_LEAST_ONCE
        self._settings = dict(settings or {})
        self._now = now
        self._source = source
        self._stop_seconds = stop_within.total_seconds()
        self._report = Report(list(hooks))
        self._desk = desk or WriterThread(writer, self.owner, f"{pipeline}-writer")
        core = Core(
            CoreSettings(
                owner=self.owner,
                jitter=jitter or random.SystemRandom().random,
                cursors=cursors,
                batch=batch or BatchPolicy(),
                retry=retry or RetryPolicy(),
                safety=safety or SafetyPolicy(),
            )
        )
        self._core = core
        self._reader = Reader(
            source=source,
            desk=self._desk,
            codec=codec,
            core=core,
            now=now,
            report=self._report,
            drain_seconds=drain.total_seconds(),
            stop_seconds=self._stop_seconds,
        )
        self._snapshot = Snapshot()
        self._snapshot_at = self._progress_at = float("-inf")
        self._stage: State = "starting"
        self._opened = False
        self._told = False
        """Whether `step` has raised the error that ended the sink."""

    # ------------------------------------------------------------------- the life

    def open(self) -> Self:
        """Connect the writer, then subscribe. Raises what either raises, once."""
        if self._opened:
            raise ConfigurationError(
                "a sink is opened once, by `run()` or by `with sink:`; make a new one "
                "to go on after it was closed"
            )
        self._opened = True
        self._desk.open()
        try:
            self._source.open(self._reader.on_revoke)
        except BaseException:
            self._desk.close(self._stop_seconds)
            raise
        self._stage = "running"
        self._report(
            tell.SinkOpened(self.pipeline, self.owner, self.guarantee, self._settings)
        )
        return self

    def step(self, timeout: float = STEP_SECONDS) -> bool:
        """Take one turn of at most about `timeout` seconds; False when all is done.

        Raises the error that ended the sink. After a stop it goes on returning True
        until what is held is written. Reader thread only.
        """
        if self._stage == "starting":
            raise ConfigurationError("the sink is not open: use `with sink:` around it")
        self._reader.step(timeout)
        self._observe()
        if self._reader.failure is not None:
            self._told = True
            raise self._reader.failure
        return not self._reader.over

    def run(self, *, until_caught_up: bool = False, signals: bool = True) -> None:
        """Open, take turns until stopped, and close.

        With `until_caught_up` it stops once everything the log holds is read; a stop
        writes all that is held. In the main thread the first SIGINT or SIGTERM stops
        gracefully and a second one ends the process at once. Raises what `step` and
        `close` raise.
        """
        with stop_on_signals(self.stop, enabled=signals), self:
            while self.step():
                if until_caught_up and self.snapshot.all_read:
                    self.stop()

    def stop(self) -> None:
        """Ask for a graceful stop. Any thread, any number of times, signal handlers."""
        self._reader.stop()

    def close(self) -> None:
        """Stop gracefully if that has not happened, and give everything back.

        Raises the error that ended the sink, unless `step` raised it before, and
        `AbandonedError` when the stop's deadline passed with messages unwritten. What
        goes wrong when the source leaves is only told, in `SinkStopped`. Does nothing
        before `open` and after the first `close`.
        """
        if self._stage != "running":
            return
        try:
            self._reader.stop()
            while not self._reader.over:
                self._reader.step(STEP_SECONDS)
                self._observe()
        finally:
            self._shut()
        if self._reader.failure is not None and not self._told:
            raise self._reader.failure
        if self._reader.abandoned:
            raise AbandonedError(
                f"{self._reader.abandoned} messages were not written when the sink "
                "stopped. Nothing is lost: their offsets are not committed and the "
                "next start reads them again"
            )

    def __enter__(self) -> Self:
        return self.open()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self.close()
        except WinestreamError as late:
            if error is None:
                raise
            error.add_note(f"while closing the sink: {late}")

    @property
    def snapshot(self) -> Snapshot:
        """The latest picture of the sink, at most a turn old. Any thread."""
        return self._snapshot

    # -------------------------------------------------------------------- privately

    def _shut(self) -> None:
        failure = self._reader.failure
        left = self._core.state.stop_at
        patience = 1.0 if left is None else max(1.0, left - self._now())
        self._reader.end()
        try:
            try:
                self._desk.close(0.0 if self._reader.abandoned else patience)
            finally:  # interrupted, the group is left all the same
                self._source.close()
        except SourceError as late:
            # All is written or abandoned by now: nothing is lost, so it is told only.
            failure = failure or late
        finally:
            self._stage = "failed" if self._reader.failure else "stopped"
            self._picture()
            error = "" if failure is None else f"{type(failure).__name__}: {failure}"
            self._report(tell.SinkStopped(self._reader.abandoned, error))

    def _observe(self) -> None:
        """Refresh the snapshot several times a second and tell progress once."""
        now = self._now()
        if self._reader.over or now >= self._snapshot_at + SNAPSHOT_SECONDS:
            self._snapshot_at = now
            self._picture()
        if now >= self._progress_at + PROGRESS_SECONDS:
            self._progress_at = now
            self._report.progress(self._snapshot, self._oldest_unwritten())

    def _picture(self) -> None:
        ends: Mapping[LogPartition, Watermarks] = {}
        if self._stage == "running":
            ends = self._source.watermarks()
        self._snapshot = snapshot_of(self._core, self._state(), ends)

    def _state(self) -> State:
        if self._stage != "running":
            return self._stage
        if self._core.state.stopping:
            return "stopping"
        return "outage" if self._core.outage else "running"

    def _oldest_unwritten(self) -> float | None:
        """Return the oldest held message's Kafka time, in seconds."""
        columns = (
            rows.timestamps
            for part in self._core.state.buffer.segments()
            for rows in part.rows
        )
        times = (column[0] for column in columns if column[0] >= 0)
        oldest = min(times, default=None)
        return None if oldest is None else oldest / 1000
