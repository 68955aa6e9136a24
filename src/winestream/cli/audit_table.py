"""An audit's report as a person reads it: a table, what was checked, what is off."""

from collections.abc import Iterable, Iterator

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from winestream.cli.wide import print_whole
from winestream.operations.audit_report import AuditReport, PartitionReport


def print_report(report: AuditReport) -> None:
    """Print the table, and below it all that `verdict_lines` says.

    A column that would say nothing is left out: the topic ids while each topic has one,
    and Kafka's numbers when nobody asked for them. Nothing is ever shortened.
    """
    console = Console(soft_wrap=True, highlight=False)
    table = Table(title=f"pipeline {report.pipeline}", box=SIMPLE_HEAD)
    table.title_justify = "left"
    ids = _several_ids(report.partitions)
    asked = any(part.kafka is not None for part in report.partitions)
    table.add_column("partition", no_wrap=True)
    if ids:
        table.add_column("topic id", no_wrap=True)
    names = ("first", "cursor", "rows", "dead", "gaps", "lost", "slices")
    for name in (*names, *(("kafka", "lag") if asked else ())):
        table.add_column(name, justify="right", no_wrap=True)
    for part in report.partitions:
        committed = None if part.kafka is None else part.kafka.committed
        numbers = (
            *(part.first, part.cursor, part.rows, part.dead_letters, part.gaps),
            *(part.lost, part.slices, *((committed, part.lag) if asked else ())),
        )
        table.add_row(
            str(part.log),
            *((part.log.topic_id,) if ids else ()),
            *("-" if number is None else str(number) for number in numbers),
        )
    print_whole(console, table)
    for line in (*_checks(report), *verdict_lines(report)):
        console.print(line, markup=False)


def _several_ids(partitions: Iterable[PartitionReport]) -> bool:
    """Whether a topic is there under two ids, so that its name does not tell."""
    logs = {part.log[:3] for part in partitions}
    return len(logs) > len({topic for _, _, topic in logs})


def verdict_lines(report: AuditReport) -> Iterator[str]:
    """Yield what is off, each with its coordinates, and the verdict last."""
    for accepted in report.accepted:
        yield f"accepted: {accepted}"
    for found in report.findings:
        yield f"OFF {found}"
    if report.unlisted:
        yield f"OFF and {report.unlisted} more"
    rows = sum(part.rows for part in report.partitions)
    dead = sum(part.dead_letters for part in report.partitions)
    counts = f"{rows} rows, {dead} dead letters, {report.lost} lost"
    verdict = "nothing is off" if report.ok else f"{report.offending} OFF"
    yield f"{report.pipeline}: {verdict}: {counts}"


def _checks(report: AuditReport) -> Iterator[str]:
    yield f"checked: {', '.join(report.made)}"
    for check, reason in report.not_made.items():
        yield f"not checked: {check}: {reason}"
