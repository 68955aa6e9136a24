"""`winestream audit`: prove what a pipeline delivered, or name what is off."""

import json
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import ExitStack, closing
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import attrs
from cyclopts import Parameter

from winestream.cli.connection import DEFAULTS, ConnectionOptions
from winestream.cli.kafka_properties import kafka_properties
from winestream.errors import ConfigurationError, WinestreamError
from winestream.operations.audit import Broker, audit
from winestream.operations.audit_report import AuditReport
from winestream.operations.settings.units import duration

if TYPE_CHECKING:
    from winestream.instrumentation.audit import AuditMetrics

_OFF, _NOT_MADE = 1, 2
_SHORTEST = timedelta(seconds=1)


def run(  # noqa: PLR0913 — options, each with a default
    options: ConnectionOptions = DEFAULTS,
    *,
    pipeline: str,
    bootstrap: str | None = None,
    group: str | None = None,
    kafka_properties: Path | None = None,
    accept_loss: Annotated[bool, Parameter(negative=())] = False,
    as_json: Annotated[bool, Parameter(name="--json", negative=())] = False,
    metrics_file: Path | None = None,
    every: str | None = None,
    metrics_port: int | None = None,
    metrics_address: str = "127.0.0.1",
    freshness: Annotated[bool, Parameter(negative=())] = False,
) -> None:
    """Check rows, dead letters, gaps and the ledger against the cursors.

    Exit code 0: nothing is off. 1: something is, and its coordinates are printed.
    2: the audit could not be made. With --every it audits until SIGTERM or Ctrl-C, and
    the exit code is the latest audit's.

    Parameters
    ----------
    pipeline
        The pipeline to audit, as its sink is named.
    bootstrap
        Brokers to compare with as well, host:port and commas.
    group
        The pipeline's consumer group; goes with --bootstrap.
    kafka_properties
        A file of key=value lines with the Kafka client's TLS and SASL settings.
    accept_loss
        Report losses by retention that were recorded, and do not fail for them.
    as_json
        Print one JSON object an audit instead of words.
    metrics_file
        Write the verdict as Prometheus metrics to this file, too.
    every
        Audit again and again with this pause, e.g. 5m. One that could not be made is
        said on stderr and counted, and the next is made all the same.
    metrics_port
        Serve the latest verdict to Prometheus on this port; goes with --every.
    metrics_address
        The address of --metrics-port; 0.0.0.0 inside a container.
    freshness
        Serve how far each layer of the warehouse is behind, too; goes with --every.
    """
    if every is None and (metrics_port is not None or freshness):
        option = "--freshness" if metrics_port is None else "--metrics-port"
        raise _not_made(f"{option} goes with --every.")
    asked = _Asked(
        options,
        *(pipeline, bootstrap, group, kafka_properties, accept_loss, as_json),
        metrics_file,
    )
    try:
        asked.look()
        if every is None:
            sys.exit(_once(asked))
        _watch(asked, _pause(every), metrics_port, metrics_address, freshness=freshness)
    except (WinestreamError, OSError) as error:
        raise _not_made(str(error)) from error


@attrs.frozen
class _Asked:
    """What one audit is made from, and where its verdict goes."""

    options: ConnectionOptions
    pipeline: str
    bootstrap: str | None
    group: str | None
    kafka_properties: Path | None
    accept_loss: bool
    as_json: bool
    metrics_file: Path | None

    def look(self) -> None:
        """Raise `ConfigurationError` for what no later audit could mend."""
        if bool(self.bootstrap) != bool(self.group):
            raise ConfigurationError("--bootstrap and --group go together.")
        self.options.settings()
        kafka_properties(self.kafka_properties)

    def report(self) -> AuditReport:
        """Make an audit in a new session."""
        with ExitStack() as stack:
            broker: Broker | None = None
            if self.bootstrap and self.group:
                # The client is slow to load, and most audits need none.
                from winestream.operations.audit_broker import (  # noqa: PLC0415
                    KafkaBroker,
                )

                config = kafka_properties(self.kafka_properties)
                broker = stack.enter_context(
                    KafkaBroker(self.bootstrap, self.group, config)
                )
            connection = stack.enter_context(closing(self.options.connect()))
            return audit(
                connection,
                self.pipeline,
                broker=broker,
                accept_loss=self.accept_loss,
            )

    def write(self, metrics: "AuditMetrics") -> None:
        """Write the metrics where they were asked for as a file."""
        if self.metrics_file is not None:
            metrics.write(self.metrics_file)


def _once(asked: _Asked) -> int:
    from winestream.cli.audit_table import print_report  # noqa: PLC0415 — as below
    from winestream.instrumentation.audit import AuditMetrics  # noqa: PLC0415

    report, metrics = asked.report(), AuditMetrics()
    metrics.record(report.pipeline, offending=report.offending, lost=report.lost)
    asked.write(metrics)
    if asked.as_json:
        sys.stdout.write(json.dumps(report.as_json()) + "\n")
    else:
        print_report(report)
    sys.stdout.flush()
    return 0 if report.ok else _OFF


def _watch(
    asked: _Asked, every: timedelta, port: int | None, address: str, *, freshness: bool
) -> NoReturn:
    # Not at the top: not for --help.
    from winestream.cli.audit_table import verdict_lines  # noqa: PLC0415
    from winestream.instrumentation.audit import AuditMetrics  # noqa: PLC0415
    from winestream.instrumentation.server import serve_metrics  # noqa: PLC0415
    from winestream.operations.audit_watch import watch  # noqa: PLC0415

    metrics, code = AuditMetrics(), _NOT_MADE

    def reported(report: AuditReport) -> None:
        nonlocal code
        code = 0 if report.ok else _OFF
        asked.write(metrics)  # before it is told: who reads it may stop us
        lines = (
            [json.dumps(report.as_json())] if asked.as_json else verdict_lines(report)
        )
        sys.stdout.writelines(f"{line}\n" for line in lines)
        sys.stdout.flush()

    def failed(error: Exception) -> None:
        nonlocal code
        code = _NOT_MADE
        asked.write(metrics)
        sys.stderr.write(f"winestream: {error}\n")

    ending = _on_signals()

    def pause(seconds: float) -> None:
        if ending.wait(seconds):
            raise KeyboardInterrupt

    with ExitStack() as stack:
        if port is not None:
            server = stack.enter_context(serve_metrics(metrics.registry, port, address))
            sys.stderr.write(f"serving {server.url}\n")
        try:
            watch(
                _with_layers(asked, metrics) if freshness else asked.report,
                asked.pipeline,
                metrics,
                every,
                reported=reported,
                failed=failed,
                sleep=pause,
            )
        except KeyboardInterrupt:
            sys.exit(code)


def _on_signals() -> threading.Event:
    """Leave an audit wherever it is, at SIGTERM or Ctrl-C: it changes nothing.

    Python swallows what a handler raises while some object is being finalised, and the
    connector has many. So the event is set as well, for the next pause to see.
    """
    ending = threading.Event()

    def end(*_: object) -> NoReturn:
        ending.set()
        raise KeyboardInterrupt

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    return ending


def _with_layers(asked: _Asked, metrics: "AuditMetrics") -> Callable[[], AuditReport]:
    """Return an audit that looks at the layers first. They never keep it from it."""
    # Not at the top: not for --help.
    from winestream.instrumentation.freshness import FreshnessMetrics  # noqa: PLC0415
    from winestream.operations.freshness import freshness  # noqa: PLC0415

    layers = FreshnessMetrics(metrics.registry)

    def make() -> AuditReport:
        try:
            with closing(asked.options.connect()) as connection:
                seen = freshness(connection)
        except (WinestreamError, OSError) as error:
            layers.record_failure()
            sys.stderr.write(f"winestream: the layers: {error}\n")
        else:
            layers.record(
                {each.layer: each.behind_seconds for each in seen},
                {each.layer: each.newest_at for each in seen if each.newest_at},
            )
        return asked.report()

    return make


def _not_made(reason: str) -> SystemExit:
    sys.stderr.write(f"winestream: {reason}\n")
    return SystemExit(_NOT_MADE)


def _pause(text: str) -> timedelta:
    try:
        pause = duration(text)
    except ValueError as error:
        raise ConfigurationError(f"--every {error}") from None
    if pause < _SHORTEST:
        raise ConfigurationError("--every: a pause is at least 1s")
    return pause
