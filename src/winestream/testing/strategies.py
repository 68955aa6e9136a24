"""Hypothesis strategies for the values that travel through a pipeline.

Small on purpose, so that a failure shrinks to something readable. Needs Hypothesis
(`pip install winestream[testing]`).
"""

from collections.abc import Sequence
from typing import TypeVar

from hypothesis import strategies as st

from winestream.records import (
    DeadLetter,
    Failure,
    Gap,
    Headers,
    Inspection,
    LogPartition,
    Rows,
    Run,
    Segment,
    Slice,
    dense,
)

T = TypeVar("T")

TABLES = ("RAW_ORDERS", "RAW_INVENTORY", "RAW_EVENTS")
REASONS = ("null-value", "malformed-json", "missing-field")

_KEYS = st.none() | st.binary(max_size=4)
_TIMES = st.sampled_from([-1, 0, 1_700_000_000_000])
_HEADERS: st.SearchStrategy[Headers] = st.lists(
    st.tuples(st.text("abc", min_size=1, max_size=2), _KEYS), max_size=2
)


def log_partitions() -> st.SearchStrategy[LogPartition]:
    """Return partitions of two topics in one cluster, few enough to meet again."""
    return st.builds(
        LogPartition,
        cluster_id=st.just("cluster"),
        topic_id=st.just("topic-id"),
        topic=st.sampled_from(["orders", "inventory"]),
        partition=st.integers(0, 2),
    )


@st.composite
def runs(
    draw: st.DrawFn,
    partition: LogPartition | None = None,
    *,
    max_messages: int = 8,
) -> Run:
    """Return a run: messages with or without holes, keys, headers and values."""
    where = draw(log_partitions()) if partition is None else partition
    count = draw(st.integers(1, max_messages))
    offsets = _offsets(draw, draw(st.integers(0, 50)), count)
    headers: Sequence[Headers | None] | None = None
    if draw(st.booleans()):
        headers = _many(draw, st.none() | _HEADERS, count)
    return Run(
        partition=where,
        offsets=dense(offsets),
        values=_many(draw, st.none() | st.binary(max_size=12), count),
        keys=_many(draw, _KEYS, count),
        timestamps=_many(draw, _TIMES, count),
        headers=headers,
    )


@st.composite
def inspections(draw: st.DrawFn, run: Run) -> Inspection:
    """Return what a codec might say of a run; a null value is always a failure."""
    failures = {}
    for index, value in enumerate(run.values):
        if value is None or draw(st.integers(0, 4)) == 0:
            failures[index] = Failure(draw(st.sampled_from(REASONS)), "$.field")
    valid = len(run) - len(failures)
    tables: str | list[str] = draw(st.sampled_from(TABLES))
    if draw(st.booleans()):
        tables = [draw(st.sampled_from(TABLES)) for _ in range(valid)]
    return Inspection(
        event_ids=[f"event-{i}" for i in range(valid)],
        event_types=["ORDER_CREATED"] * valid,
        occurred_at=[float(i) for i in range(valid)],
        schema_versions=[1] * valid,
        tables=tables,
        failures=failures,
    )


@st.composite
def segments(
    draw: st.DrawFn,
    partition: LogPartition | None = None,
    *,
    start: int | None = None,
    max_offsets: int = 12,
) -> Segment:
    """Return a segment whose every offset is a row, a dead letter or in a gap.

    It starts at `start` where given, so that segments can be made to follow.
    """
    where = draw(log_partitions()) if partition is None else partition
    first = draw(st.integers(0, 50)) if start is None else start
    # One letter an offset: `g` is in a gap, `d` a dead letter, a digit its table.
    places = draw(st.text("gd" + "0011222", min_size=1, max_size=max_offsets))
    rows = []
    for number, table in enumerate(TABLES):
        mine = [first + i for i, place in enumerate(places) if place == str(number)]
        if mine:
            rows.append(_rows(draw, table, mine))
    return Segment(
        partition=where,
        start=first,
        stop=first + len(places),
        rows=tuple(rows),
        dead=tuple(
            _letter(draw, first + i) for i, place in enumerate(places) if place == "d"
        ),
        gaps=tuple(_gaps(first, places)),
    )


@st.composite
def slices(draw: st.DrawFn, *, max_segments: int = 5, min_rows: int = 0) -> Slice:
    """Return a slice of several partitions whose segments follow each other."""
    ends: dict[LogPartition, int] = {}
    parts: list[Segment] = []
    for _ in range(draw(st.integers(1, max_segments))):
        where = draw(log_partitions())
        part = draw(segments(where, start=ends.get(where)))
        ends[where] = part.stop
        parts.append(part)
    missing = min_rows - sum(part.row_count for part in parts)
    if missing > 0:
        where = draw(log_partitions())
        start = ends.get(where, 0)
        rows = _rows(draw, TABLES[0], range(start, start + missing))
        parts.append(Segment(where, start, start + missing, (rows,)))
    return Slice("owner/1", tuple(parts))


def _many(draw: st.DrawFn, each: st.SearchStrategy[T], count: int) -> list[T]:
    return draw(st.lists(each, min_size=count, max_size=count))


def _offsets(draw: st.DrawFn, start: int, count: int) -> list[int]:
    offsets = [start]
    for _ in range(count - 1):
        offsets.append(offsets[-1] + draw(st.sampled_from([1, 1, 1, 2, 4])))
    return offsets


def _rows(draw: st.DrawFn, table: str, offsets: Sequence[int]) -> Rows:
    count = len(offsets)
    headers: Sequence[Headers | None] | None = None
    if draw(st.booleans()):
        headers = _many(draw, st.none() | _HEADERS, count)
    return Rows(
        table=table,
        offsets=dense(offsets),
        event_ids=[f"event-{offset}" for offset in offsets],
        event_types=["ORDER_CREATED"] * count,
        occurred_at=[float(offset) for offset in offsets],
        schema_versions=[1] * count,
        payloads=_many(draw, st.binary(min_size=1, max_size=8), count),
        keys=_many(draw, _KEYS, count),
        timestamps=_many(draw, _TIMES, count),
        headers=headers,
    )


def _letter(draw: st.DrawFn, offset: int) -> DeadLetter:
    value = draw(st.none() | st.binary(max_size=8))
    reason = "null-value" if value is None else draw(st.sampled_from(REASONS[1:]))
    return DeadLetter(offset, value, draw(_KEYS), -1, reason, "$")


def _gaps(first: int, places: str) -> list[Gap]:
    gaps: list[Gap] = []
    for index, place in enumerate(places):
        offset = first + index
        if place != "g":
            continue
        if gaps and gaps[-1].stop == offset:
            gaps[-1] = Gap(gaps[-1].start, offset + 1, "jump")
        else:
            gaps.append(Gap(offset, offset + 1, "jump"))
    return gaps
