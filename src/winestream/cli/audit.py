"""`winestream audit`: prove what a pipeline delivered, or name what is off."""

import json
import sys
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from winestream.cli.connection import DEFAULTS, ConnectionOptions
from winestream.errors import ConfigurationError, WinestreamError
from winestream.operations.audit import Broker, audit
from winestream.operations.audit_report import AuditReport

if TYPE_CHECKING:
    from rich.console import Console

_OFF, _NOT_MADE = 1, 2


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
) -> None:
    """Check rows, dead letters, gaps and the ledger against the cursors.

    Exit code 0: nothing is off. 1: something is, and its coordinates are printed.
    2: the audit could not be made.

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
        Print one JSON object instead of tables.
    metrics_file
        Write the verdict as Prometheus metrics to this file, too.
    """
    try:
        report = _report(
            options, pipeline, bootstrap, group, kafka_properties, accept_loss
        )
        if metrics_file is not None:
            _write_metrics(report, metrics_file)
    except (WinestreamError, OSError) as error:
        sys.stderr.write(f"winestream: {error}\n")
        sys.exit(_NOT_MADE)
    if as_json:
        sys.stdout.write(json.dumps(report.as_json()) + "\n")
    else:
        _print(report)
    sys.stdout.flush()
    if not report.ok:
        sys.exit(_OFF)


def _report(
    options: ConnectionOptions,
    pipeline: str,
    bootstrap: str | None,
    group: str | None,
    kafka_properties: Path | None,
    accept_loss: bool,  # noqa: FBT001
) -> AuditReport:
    if bool(bootstrap) != bool(group):
        raise ConfigurationError("--bootstrap and --group go together.")
    with ExitStack() as stack:
        broker: Broker | None = None
        if bootstrap and group:
            # The client is slow to load, and most audits need none.
            from winestream.operations.audit_broker import (  # noqa: PLC0415
                KafkaBroker,
            )

            config = _properties(kafka_properties)
            broker = stack.enter_context(KafkaBroker(bootstrap, group, config))
        connection = stack.enter_context(closing(options.connect()))
        return audit(connection, pipeline, broker=broker, accept_loss=accept_loss)


def _properties(path: Path | None) -> dict[str, str]:
    if path is None:
        return {}
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise ConfigurationError(
            f"--kafka-properties {path}: {error.strerror}."
        ) from error
    pairs = [line.partition("=") for line in map(str.strip, lines)]
    return {
        name.strip(): value.strip()
        for name, equals, value in pairs
        if equals and not name.startswith("#")
    }


def _write_metrics(report: AuditReport, path: Path) -> None:
    from winestream.instrumentation.audit import AuditMetrics  # noqa: PLC0415

    metrics = AuditMetrics()
    metrics.record(report.pipeline, offending=report.offending, lost=report.lost)
    metrics.write(path)


def _print(report: AuditReport) -> None:
    from rich.console import Console  # noqa: PLC0415 — not for --help
    from rich.table import Table  # noqa: PLC0415

    console = Console(soft_wrap=True, highlight=False)
    names = ("partition", "topic id", "first", "cursor", "rows", "dead", "gaps", "lost")
    table = Table(title=f"pipeline {report.pipeline}")
    for name in (*names, "slices", "kafka", "lag"):
        table.add_column(name, justify="left" if name in names[:2] else "right")
    for part in report.partitions:
        committed = None if part.kafka is None else part.kafka.committed
        numbers = (
            part.first,
            part.cursor,
            part.rows,
            part.dead_letters,
            part.gaps,
            part.lost,
            part.slices,
            committed,
            part.lag,
        )
        table.add_row(
            str(part.log),
            part.log.topic_id,
            *("-" if number is None else str(number) for number in numbers),
        )
    console.print(table)
    _print_verdict(report, console)


def _print_verdict(report: AuditReport, console: "Console") -> None:
    def say(line: str) -> None:
        console.print(line, markup=False)

    say(f"checked: {', '.join(report.made)}")
    for check, reason in report.not_made.items():
        say(f"not checked: {check}: {reason}")
    for accepted in report.accepted:
        say(f"accepted: {accepted}")
    for found in report.findings:
        say(f"OFF {found}")
    if report.unlisted:
        say(f"OFF and {report.unlisted} more")
    rows = sum(part.rows for part in report.partitions)
    dead = sum(part.dead_letters for part in report.partitions)
    counts = f"{rows} rows, {dead} dead letters, {report.lost} lost"
    verdict = "nothing is off" if report.ok else f"{report.offending} OFF"
    say(f"{report.pipeline}: {verdict}: {counts}")
