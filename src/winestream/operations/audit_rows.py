"""Reads an audit's answers: rows of the driver become values. No SQL, no judgement."""

from collections.abc import Mapping, Sequence
from typing import Any

from winestream.operations.audit_judge import CursorRow, Seam, SliceDifference, Totals
from winestream.operations.audit_report import PartitionReport
from winestream.records import LogPartition

Row = Sequence[Any]


def log_of(row: Row) -> LogPartition:
    """Read the log partition, the first four columns of every answer."""
    return LogPartition(str(row[0]), str(row[1]), str(row[2]), int(row[3]))


def cursor_of(row: Row) -> CursorRow:
    """Read a cursor: log partition, first, position, epoch."""
    return CursorRow(log_of(row), int(row[4]), int(row[5]), int(row[6]))


def number(value: Any) -> int | None:  # noqa: ANN401 — what the driver gives
    """Read a whole number, or NULL."""
    return None if value is None else int(value)


def partitions_of(
    coverage: Sequence[Sequence[Any]], tiling: Mapping[LogPartition, Sequence[Any]]
) -> list[PartitionReport]:
    """Put the two answers side by side; a ledger without a cursor comes last."""
    reports = [_partition(row, tiling.get(log_of(row))) for row in coverage]
    known = {report.log for report in reports}
    return reports + [
        _partition([*log, *[None] * 9], row)
        for log, row in sorted(tiling.items())
        if log not in known
    ]


def _partition(row: Sequence[Any], ledger: Sequence[Any] | None) -> PartitionReport:
    return PartitionReport(
        log=log_of(row),
        first=number(row[4]),
        cursor=number(row[5]),
        epoch=number(row[6]),
        slices=int(ledger[4]) if ledger else 0,
        rows=int(row[9] or 0),
        dead_letters=int(row[10] or 0),
        gaps=int(row[11] or 0),
        lost=int(row[12] or 0),
        bytes=int(ledger[5] or 0) if ledger else 0,
    )


def seam(row: Row) -> Seam:
    """Read a row of `Questions.coverage_seams` or `ledger_seams`."""
    return Seam(log_of(row), int(row[4]), int(row[5]), int(row[6]), str(row[7]))


def difference(row: Row, *, fingerprints: bool) -> SliceDifference:
    """Read a row of `Questions.content`."""
    mark = int(row[16]) if fingerprints else None
    return SliceDifference(
        log=log_of(row),
        slice_id=str(row[4]),
        start=int(row[5]),
        stop=int(row[6]),
        cut=int(row[7]),
        entries=int(row[8]),
        said=Totals(int(row[9]), int(row[10]), int(row[11]), number(row[12])),
        found=Totals(int(row[13]), int(row[14]), int(row[15]), mark),
        lowest=number(row[17]),
        highest=number(row[18]),
    )
