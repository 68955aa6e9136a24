"""The audit's comparisons, without a warehouse."""

from hypothesis import given
from hypothesis import strategies as st

from winestream.operations.audit_judge import (
    CursorRow,
    LedgerLog,
    Seam,
    SliceDifference,
    Span,
    Totals,
    adoptions,
    judge_cursors,
    judge_epoch,
    judge_kafka,
    judge_seams,
    judge_slice,
    judge_span,
)
from winestream.operations.audit_report import Check, Finding, Standing
from winestream.records import UNKNOWN_TOPIC_ID, LogPartition

LOG = LogPartition("c", "id", "orders", 0)
OTHER = LOG._replace(partition=1)
UNKNOWN = LOG._replace(topic_id=UNKNOWN_TOPIC_ID)


def ranges(findings: list[Finding]) -> list[tuple[int, int, str]]:
    """Return what the findings are about."""
    return [(each.start, each.stop, each.detail) for each in findings]


def spans(first: int, position: int, span: Span) -> list[tuple[int, int, str]]:
    """Judge a span against a cursor."""
    cursor = CursorRow(LOG, first, position, 1)
    return ranges(list(judge_span(Check.COVERAGE, cursor, span)))


def test_a_span_from_birth_to_cursor_is_sound() -> None:
    """Also an empty one, where nothing was read yet."""
    assert spans(10, 40, Span(10, 40)) == []
    assert spans(10, 10, Span(None, None)) == []


def test_a_span_that_ends_elsewhere_is_named() -> None:
    """What is missing and what is too much are ranges of offsets."""
    assert spans(10, 40, Span(12, 35)) == [(10, 12, "missing"), (35, 40, "missing")]
    assert spans(10, 40, Span(8, 44)) == [
        (8, 10, "before the cursor's birth"),
        (40, 44, "beyond the cursor"),
    ]
    assert spans(10, 40, Span(None, None)) == [(10, 40, "nothing there")]
    assert spans(10, 8, Span(None, None)) == [(8, 10, "the cursor is before its birth")]


def seam(start: int, stop: int, reached: int, slice_id: str = "s") -> Seam:
    """Make a seam."""
    return Seam(LOG, start, stop, reached, slice_id)


def test_seams_are_holes_and_overlaps() -> None:
    """Doubled neighbours of one slice are one finding; holes stay apart."""
    seams = [seam(20, 21, 18), seam(30, 31, 31), seam(31, 32, 32), seam(40, 45, 38)]
    assert ranges(list(judge_seams(Check.COVERAGE, seams))) == [
        (18, 20, "missing"),
        (30, 32, "more than once"),
        (38, 40, "missing"),
    ]
    one, two = seam(30, 31, 31, "a"), seam(31, 32, 32, "b")
    assert len(list(judge_seams(Check.COVERAGE, [one, two]))) == 2
    assert list(judge_seams(Check.COVERAGE, [])) == []


@given(
    st.lists(st.tuples(st.integers(0, 20), st.integers(1, 4)), min_size=1, max_size=12)
)
def test_no_finding_means_exactly_once(parts: list[tuple[int, int]]) -> None:
    """Seams and span are silent just when each offset is covered exactly once."""
    intervals = sorted((start, start + length) for start, length in parts)
    covered = sorted(o for start, stop in intervals for o in range(start, stop))
    reached, seams = intervals[0][1], []
    for start, stop in intervals[1:]:
        if start != reached:
            seams.append(seam(start, stop, reached))
        reached = max(reached, stop)
    first, last = intervals[0][0], reached
    silent = not list(judge_seams(Check.COVERAGE, seams))
    assert spans(first, last, Span(first, last)) == []
    assert silent == (covered == list(range(first, last)))


def difference(**changes: object) -> SliceDifference:
    """Make a slice whose content is what its ledger says, but for `changes`."""
    said = Totals(8, 2, 1000, 77)
    values: dict[str, object] = {
        "start": 10,
        "stop": 20,
        "cut": 99,
        "entries": 1,
        "said": said,
        "found": said,
        "lowest": 10,
        "highest": 19,
    }
    return SliceDifference(LOG, "s", **(values | changes))  # type: ignore[arg-type]


def test_a_slice_as_its_ledger_says_is_sound() -> None:
    """Nothing to find, with a fingerprint or without."""
    assert list(judge_slice(difference())) == []
    plain = Totals(8, 2, 1000)
    assert list(judge_slice(difference(found=plain))) == []
    assert list(judge_slice(difference(said=plain))) == []


def test_every_difference_of_a_slice_is_in_one_finding() -> None:
    """Counts, bytes, fingerprint, offsets and ledger rows, with both numbers."""
    it = difference(found=Totals(7, 3, 999, 78), lowest=9, highest=20, entries=2)
    [found] = judge_slice(it)
    assert (found.check, found.start, found.stop, found.slice_id) == (
        Check.CONTENT,
        10,
        20,
        "s",
    )
    assert found.detail == (
        "2 ledger rows instead of one; 7 rows, the ledger says 8; 3 dead letters, the "
        "ledger says 2; 999 payload bytes, the ledger says 1000; the payloads' "
        "fingerprint differs from the ledger's; offsets from 9 to 20 lie outside"
    )


def test_a_slice_that_was_rewound_is_judged_as_far_as_it_counts() -> None:
    """As a whole: not at all. In part: only if nothing of it was deleted."""
    altered = Totals(8, 2, 999, 77)
    deleted = Totals(3, 2, 400, 5)
    assert list(judge_slice(difference(found=altered, cut=10))) == []
    assert list(judge_slice(difference(found=deleted, cut=15))) == []
    assert len(list(judge_slice(difference(found=altered, cut=15)))) == 1


def test_cursor_rows_are_counted() -> None:
    """Two rows of one log partition are off; two partitions are not."""
    rows = [CursorRow(LOG, 0, 9, 1), CursorRow(OTHER, 0, 5, 1), CursorRow(LOG, 0, 7, 1)]
    [found] = judge_cursors(rows)
    assert (found.log, found.start, found.detail) == (
        LOG,
        7,
        "2 cursor rows instead of one",
    )


def test_the_ledger_has_no_epoch_above_the_cursors() -> None:
    """A missing cursor row is found by its ledger, a restored one by its epoch."""
    assert list(judge_epoch(LOG, 3, 3)) == []
    [missing] = judge_epoch(LOG, 3, None)
    assert "no cursor row" in missing.detail
    [old] = judge_epoch(LOG, 3, 2)
    assert old.detail == "epoch 2 is below the ledger's 3"


def test_kafka_is_behind_and_the_log_reaches_to_the_cursor() -> None:
    """Committed beyond, truncated, overtaken: one finding each."""
    cursor = CursorRow(LOG, 0, 50, 1)
    assert list(judge_kafka(cursor, Standing(None, 0, 50))) == []
    assert list(judge_kafka(cursor, Standing(50, 50, 60))) == []
    found = [
        ranges(list(judge_kafka(cursor, standing)))[0][:2]
        for standing in (Standing(53, 0, 60), Standing(1, 0, 44), Standing(1, 58, 60))
    ]
    assert found == [(50, 53), (44, 50), (50, 58)]
    assert list(judge_kafka(cursor, Standing(53, 0, 60), rewound_from=53)) == []
    assert len(list(judge_kafka(cursor, Standing(53, 0, 60), rewound_from=52))) == 1


def test_a_ledger_without_topic_id_goes_on_under_the_real_one() -> None:
    """Unless a cursor still has no id, or nobody took over."""
    ledger = [LedgerLog(UNKNOWN, 10, "2026-01-01")]
    heir = CursorRow(LOG, 10, 50, 2)
    assert adoptions([heir], ledger) == {UNKNOWN: LOG}
    assert adoptions([heir, CursorRow(UNKNOWN, 10, 50, 1)], ledger) == {}
    assert adoptions([CursorRow(OTHER, 10, 50, 2)], ledger) == {}
    assert adoptions([], ledger) == {}
    assert adoptions([heir], [LedgerLog(LOG, 10, "2026-01-01")]) == {}


def test_of_two_heirs_the_one_born_there_and_known_first() -> None:
    """A topic made again later is not what the old ledger was about."""
    again = LOG._replace(topic_id="again")
    old, new = CursorRow(LOG, 10, 50, 3), CursorRow(again, 0, 9, 1)
    ledger = [LedgerLog(UNKNOWN, 10, "2026-01-01"), LedgerLog(again, 0, "2026-03-01")]
    assert adoptions([new, old], ledger) == {UNKNOWN: LOG}
    born_alike = CursorRow(again, 10, 19, 1)
    ledger.append(LedgerLog(LOG, 30, "2026-02-01"))
    assert adoptions([born_alike, old], ledger) == {UNKNOWN: LOG}
    unread = CursorRow(again, 10, 10, 1)
    assert adoptions([unread, old], [ledger[0], ledger[-1]]) == {UNKNOWN: LOG}
