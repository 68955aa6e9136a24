"""Finding refused rows: how much it costs, and when it gives up."""

from itertools import pairwise
from math import ceil, log2

import pytest
from core_kit import P, Q, gap, rows, run
from hypothesis import given
from hypothesis import strategies as st

from winestream.core import BatchPolicy, SafetyPolicy
from winestream.core.bisection import Bisection
from winestream.core.buffer import Buffer
from winestream.errors import FatalWriteError
from winestream.records import Offender, Segment, Slice

BIG = 1024


def settle(piece: Slice, refused: set[int]) -> tuple[list[Slice], int]:
    """Write with a warehouse that names nobody; return what landed and the writes."""
    buffer = Buffer(BatchPolicy(), "me")
    bisection = Bisection(rows=piece.row_count)
    todo, landed, writes = [piece], [], 0
    while todo:
        head, *todo = todo
        writes += 1
        if any(o in refused for s in head.segments for r in s.rows for o in r.offsets):
            pieces = bisection.divide(head, (), "code", SafetyPolicy(), buffer)
            todo = [*pieces, *todo]
        else:
            landed.append(head)
    return landed, writes


@given(st.sets(st.integers(0, BIG - 1), min_size=1, max_size=10))
def test_the_cost_is_about_refused_rows_times_the_logarithm(refused: set[int]) -> None:
    """Exactly the refused rows are buried, and it takes k * (2 log2(n) + 2) writes."""
    landed, writes = settle(Slice("me/0", (run(0, BIG),)), refused)
    dead = [d.offset for s in landed for p in s.segments for d in p.dead]
    assert dead == sorted(refused)
    assert sum(piece.row_count for piece in landed) == BIG - len(refused)
    assert writes <= len(refused) * (2 * ceil(log2(BIG)) + 2)
    assert landed[0].ranges[P].start == 0
    for before, after in pairwise(landed):
        assert before.ranges[P].stop == after.ranges[P].start


def test_named_offenders_cost_one_write() -> None:
    """A warehouse that names them is believed, for rows that the slice holds."""
    piece = Slice("me/0", (run(0, 100), run(0, 100, Q)))
    offenders = (Offender(P, 7, "e"), Offender(Q, 9, "e"), Offender(Q, 900, "e"))
    bisection = Bisection(rows=200)
    (buried,) = bisection.divide(
        piece, offenders, "e", SafetyPolicy(), Buffer(BatchPolicy(), "me")
    )
    assert bisection.refused == 2
    dead = [(p.partition, d.offset, d.path) for p in buried.segments for d in p.dead]
    assert dead == [(P, 7, "e"), (Q, 9, "e")]


@pytest.mark.parametrize(("n", "allowed"), [(20, 10), (2000, 20)])
def test_more_than_a_share_is_a_wrong_table(n: int, allowed: int) -> None:
    """One percent, but at least ten rows, counted over the original slice."""
    piece = Slice("me/0", (run(0, n),))
    settle(piece, set(range(allowed)))
    with pytest.raises(FatalWriteError, match="max_rejected"):
        settle(piece, set(range(allowed + 1)))


def test_a_slice_without_rows_has_nobody_to_blame() -> None:
    """What is refused then are dead letters or gaps: fatal, and it says so."""
    piece = Slice("me/0", (gap(0, 5),))
    with pytest.raises(FatalWriteError, match="DEAD_LETTERS"):
        Bisection(rows=0).divide(
            piece, (), "e", SafetyPolicy(), Buffer(BatchPolicy(), "me")
        )


def test_the_only_row_is_found_among_two_tables() -> None:
    """Rows are counted over all tables."""
    two = Segment(P, 0, 2, (rows(0, 1, "A"), rows(1, 2, "B")))
    landed, writes = settle(Slice("me/0", (two,)), {1})
    assert [d.offset for s in landed for p in s.segments for d in p.dead] == [1]
    assert writes == 4
