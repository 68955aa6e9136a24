"""One inspected run becomes one segment: rows by table, dead letters, gaps."""

from array import array
from collections.abc import Callable, Iterator, Sequence
from operator import itemgetter
from typing import Any

from winestream.records import (
    DeadLetter,
    Failure,
    Gap,
    Inspection,
    Rows,
    Run,
    Segment,
)


def segment_of(run: Run, inspection: Inspection) -> Segment:
    """Return the run as a segment, its numbers and texts packed."""
    return Segment(
        partition=run.partition,
        start=run.offsets[0],
        stop=run.offsets[-1] + 1,
        rows=tuple(_rows(run, inspection)),
        dead=tuple(
            _letter(run, index, failure)
            for index, failure in inspection.failures.items()
        ),
        gaps=tuple(_jumps(run.offsets)),
    )


def _rows(run: Run, inspection: Inspection) -> Iterator[Rows]:
    tables, failures = inspection.tables, inspection.failures
    valid = [i for i in range(len(run)) if i not in failures] if failures else None
    if isinstance(tables, str):
        if len(failures) < len(run):
            yield _columns(tables, run, inspection, valid, None)
        return
    for table in dict.fromkeys(tables):
        heads = [index for index, name in enumerate(tables) if name == table]
        messages = heads if valid is None else [valid[index] for index in heads]
        yield _columns(table, run, inspection, messages, heads)


def _columns(
    table: str,
    run: Run,
    inspection: Inspection,
    messages: Sequence[int] | None,
    heads: Sequence[int] | None,
) -> Rows:
    """Pick a table's messages: by their indices in the run and among its valid heads.

    None is all of them.
    """
    message, head = _picker(messages), _picker(heads)
    headers = None if run.headers is None else message(run.headers)
    return Rows(
        table=table,
        offsets=message(run.offsets),
        event_ids=head(inspection.event_ids),
        event_types=head(inspection.event_types),
        occurred_at=array("d", head(inspection.occurred_at)),
        schema_versions=head(inspection.schema_versions),
        payloads=message(run.values),
        keys=message(run.keys),
        timestamps=array("q", message(run.timestamps)),
        headers=headers,
    )


def _picker(indices: Sequence[int] | None) -> Callable[[Sequence[Any]], Sequence[Any]]:
    if indices is None:
        return lambda column: column
    if len(indices) == 1:  # of one, an itemgetter returns no tuple
        return lambda column: (column[indices[0]],)
    return itemgetter(*indices)


def _letter(run: Run, index: int, failure: Failure) -> DeadLetter:
    return DeadLetter(
        offset=run.offsets[index],
        value=run.values[index],
        key=run.keys[index],
        timestamp=run.timestamps[index],
        reason=failure.reason,
        path=failure.path,
        headers=run.headers[index] if run.headers else None,
    )


def _jumps(offsets: Sequence[int]) -> Iterator[Gap]:
    if isinstance(offsets, range):
        return
    previous = offsets[0]
    for offset in offsets[1:]:
        if offset != previous + 1:
            yield Gap(previous + 1, offset, "jump")
        previous = offset
