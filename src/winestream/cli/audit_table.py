"""An audit's report as a person reads it: a table, what was checked, what is off."""

from collections.abc import Iterator

from rich.console import Console
from rich.table import Table

from winestream.operations.audit_report import AuditReport

_NAMES = (
    *("partition", "topic id", "first", "cursor", "rows", "dead", "gaps", "lost"),
    *("slices", "kafka", "lag"),
)
_WORDS = 2
"""How many of these columns hold words; the others hold numbers."""


def print_report(report: AuditReport) -> None:
    """Print the table, and below it all that `verdict_lines` says."""
    console = Console(soft_wrap=True, highlight=False)
    table = Table(title=f"pipeline {report.pipeline}")
    for place, name in enumerate(_NAMES):
        table.add_column(name, justify="left" if place < _WORDS else "right")
    for part in report.partitions:
        committed = None if part.kafka is None else part.kafka.committed
        numbers = (
            *(part.first, part.cursor, part.rows, part.dead_letters, part.gaps),
            *(part.lost, part.slices, committed, part.lag),
        )
        table.add_row(
            str(part.log),
            part.log.topic_id,
            *("-" if number is None else str(number) for number in numbers),
        )
    console.print(table)
    for line in (*_checks(report), *verdict_lines(report)):
        console.print(line, markup=False)


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
