"""The comparisons of an audit: numbers in, findings out. No SQL, no broker.

An interval is half-open. Ranges cover a log exactly once when they begin where the
cursor was born, each begins where those before it end, and the last ends at the cursor.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import attrs

from winestream.operations.audit_report import Check, Finding, Standing
from winestream.records import UNKNOWN_TOPIC_ID, LogPartition


@attrs.frozen
class CursorRow:
    """A row of OPS.INGEST_CURSOR."""

    log: LogPartition
    first: int
    position: int
    epoch: int


@attrs.frozen
class LedgerLog:
    """A log partition as the ledger names it, and where its ledger begins.

    `since` orders ledgers in time.
    """

    log: LogPartition
    first: int
    since: str


@attrs.frozen
class Span:
    """From where to where something reaches in a log; None when there is nothing."""

    begin: int | None
    end: int | None


@attrs.frozen
class Seam:
    """An interval that does not begin where everything before it ended (`reached`)."""

    log: LogPartition
    start: int
    stop: int
    reached: int
    slice_id: str


@attrs.frozen
class Totals:
    """What a slice holds of a log partition, or what its ledger says that it holds."""

    rows: int
    dead: int
    bytes: int
    fingerprint: int | None = None


@attrs.frozen
class SliceDifference:
    """A slice's ledger beside its content. `cut` is where a later rewind ends it.

    `lowest` and `highest` are the offsets of its rows and dead letters.
    """

    log: LogPartition
    slice_id: str
    start: int
    stop: int
    cut: int
    entries: int
    said: Totals
    found: Totals
    lowest: int | None = None
    highest: int | None = None


def adoptions(
    cursors: Iterable[CursorRow], ledger: Iterable[LedgerLog]
) -> dict[LogPartition, LogPartition]:
    """Return under which log partition a ledger without a topic id goes on.

    A broker that named no topic id and later does is the same log still: its cursor
    row gets the id, its ledger and rows keep the unknown one. Where the topic was made
    again since, several cursors come into question: the one that was born where the
    ledger begins, has moved from there, and has the oldest ledger of its own.
    """
    ledger = list(ledger)
    since = {entry.log: entry.since for entry in ledger}
    rows = {row.log: row for row in cursors}
    adopted = {}
    for entry in ledger:
        if entry.log.topic_id != UNKNOWN_TOPIC_ID or entry.log in rows:
            continue
        nameless = entry.log._replace(topic_id="")
        heirs = [
            (
                row.first != entry.first,
                row.position == row.first,
                since.get(log, ""),
                log,
            )
            for log, row in rows.items()
            if log._replace(topic_id="") == nameless
        ]
        if heirs:
            adopted[entry.log] = min(heirs)[-1]
    return adopted


def judge_cursors(cursors: Sequence[CursorRow]) -> Iterator[Finding]:
    """Find log partitions with more than one cursor row."""
    for log, count in sorted(Counter(row.log for row in cursors).items()):
        if count > 1:
            at = min(row.position for row in cursors if row.log == log)
            yield Finding(
                Check.CURSOR, log, at, at, f"{count} cursor rows instead of one"
            )


def judge_epoch(
    log: LogPartition, ledger: int, cursor: int | None
) -> Iterator[Finding]:
    """Compare the ledger's highest epoch with the cursor's; None is no cursor row."""
    if cursor is None:
        yield Finding(
            Check.CURSOR, log, 0, 0, "no cursor row, though the ledger knows it"
        )
    elif ledger > cursor:
        yield Finding(
            Check.CURSOR, log, 0, 0, f"epoch {cursor} is below the ledger's {ledger}"
        )


def judge_span(check: Check, cursor: CursorRow, span: Span) -> Iterator[Finding]:
    """Compare where something begins and ends with the cursor's two positions."""
    log, first, position = cursor.log, cursor.first, cursor.position
    if span.begin is None or span.end is None:
        if position > first:
            yield Finding(check, log, first, position, "nothing there")
        elif position < first:
            yield Finding(check, log, position, first, "the cursor is before its birth")
        return
    if span.begin > first:
        yield Finding(check, log, first, min(span.begin, position), "missing")
    elif span.begin < first:
        yield Finding(check, log, span.begin, first, "before the cursor's birth")
    if span.end < position:
        yield Finding(check, log, max(span.end, first), position, "missing")
    elif span.end > position:
        yield Finding(check, log, position, span.end, "beyond the cursor")


def judge_seams(check: Check, seams: Iterable[Seam]) -> Iterator[Finding]:
    """Turn seams into ranges that are missing or there more than once.

    Neighbouring ranges of one kind, log and slice become one finding.
    """
    last: Finding | None = None
    for seam in seams:
        if seam.start > seam.reached:
            found = Finding(check, seam.log, seam.reached, seam.start, "missing")
        else:
            stop = min(seam.stop, seam.reached)
            found = Finding(
                check, seam.log, seam.start, stop, "more than once", seam.slice_id
            )
        if (
            last is not None
            and (last.log, last.detail, last.slice_id, last.stop)
            == (found.log, found.detail, found.slice_id, found.start)
            and found.detail != "missing"
        ):
            last = attrs.evolve(last, stop=found.stop)
            continue
        if last is not None:
            yield last
        last = found
    if last is not None:
        yield last


def judge_slice(it: SliceDifference) -> Iterator[Finding]:
    """Compare one slice's content with its ledger row.

    A slice cut by a rewind may have lost what no longer counts: then only its coverage
    is judged. One that a rewind took back as a whole is not judged at all.
    """
    if it.cut <= it.start:
        return
    wrong = []
    if it.entries != 1:
        wrong.append(f"{it.entries} ledger rows instead of one")
    cut_short = it.cut < it.stop and it.found.rows + it.found.dead != (
        it.said.rows + it.said.dead
    )
    if not cut_short:
        wrong += _differences(it.said, it.found)
    if (it.lowest is not None and it.lowest < it.start) or (
        it.highest is not None and it.highest >= it.stop
    ):
        wrong.append(f"offsets from {it.lowest} to {it.highest} lie outside")
    if wrong:
        yield Finding(
            Check.CONTENT, it.log, it.start, it.stop, "; ".join(wrong), it.slice_id
        )


def _differences(said: Totals, found: Totals) -> Iterator[str]:
    for name, wanted, there in (
        ("rows", said.rows, found.rows),
        ("dead letters", said.dead, found.dead),
        ("payload bytes", said.bytes, found.bytes),
    ):
        if wanted != there:
            yield f"{there} {name}, the ledger says {wanted}"
    if None not in (said.fingerprint, found.fingerprint) and (
        said.fingerprint != found.fingerprint
    ):
        yield "the payloads' fingerprint differs from the ledger's"


def judge_kafka(
    cursor: CursorRow, kafka: Standing, rewound_from: int = 0
) -> Iterator[Finding]:
    """Compare the cursor with the group's position and the log's ends.

    After a rewind Kafka stays where it was until the partition is claimed again.
    """
    log, position = cursor.log, cursor.position
    if kafka.committed is not None and kafka.committed > max(position, rewound_from):
        yield Finding(
            Check.KAFKA,
            log,
            position,
            kafka.committed,
            f"Kafka's committed position {kafka.committed} is beyond the cursor",
        )
    if kafka.high < position:
        yield Finding(
            Check.KAFKA,
            log,
            kafka.high,
            position,
            f"the log ends at {kafka.high}, before the cursor: it was truncated",
        )
    if kafka.low > position:
        yield Finding(
            Check.RETENTION,
            log,
            position,
            kafka.low,
            "deleted from the log before they were read",
        )
