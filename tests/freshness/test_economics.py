"""What the economics page computes: locks that queue, and what a policy costs."""

import pytest
from benchmarks.economics import costs, locks
from benchmarks.economics.counting import name_of
from benchmarks.economics.crossover import Pair, crossing

SLICE = {
    "COPY, 1 tables": ["PUT", "BEGIN", "INSERT ledger", "COPY", "COMMIT"],
    "COPY, 2 tables": ["PUT", "PUT", "BEGIN", "INSERT ledger", "COPY", "COPY"],
}


def test_a_process_alone_never_waits() -> None:
    """Its own slice is written before it asks again."""
    queue = locks.write(1, 3.0, 1.0, 600.0, hybrid=False)
    assert queue.refused == 0
    assert max(queue.waits) == 0.0
    assert 180 <= len(queue.waits) <= 220


def test_the_lock_lets_through_no_more_than_fit_into_an_interval() -> None:
    """Ten slices of a second in ten seconds are all there can be."""
    assert 5 <= locks.most_processes(10.0, 1.0, limit=64) <= 10
    assert not locks.through(locks.write(12, 10.0, 1.0, 3_600, hybrid=False), 12, 10.0)


def test_the_21st_waiter_is_refused() -> None:
    """One holds the lock, twenty wait, the next is sent away and comes again."""
    assert locks.claim_at_once(21, 1.0).refused == 0
    more = locks.claim_at_once(22, 1.0)
    assert more.refused > 0
    assert len(more.waits) == 22
    assert more.last >= 22.0


def test_rows_of_ones_own_are_never_waited_for() -> None:
    """On a hybrid table the size of the group does not matter."""
    queue = locks.write(200, 3.0, 1.0, 60.0, hybrid=True)
    assert queue.refused == 0
    assert max(queue.waits) == 0.0


def test_a_warehouse_sleeps_only_between_rare_slices() -> None:
    """Every five minutes it is resumed; every half minute it never suspends."""
    rare = costs.cost(costs.Policy("rare", 50_000, 299.0), 1.0, SLICE)
    often = costs.cost(costs.Policy("often", 50_000, 29.0), 1.0, SLICE)
    assert (rare.rows_per_slice, often.rows_per_slice) == (300, 30)
    assert rare.resumes == rare.slices
    assert often.resumes == 1
    assert often.warehouse_hours == pytest.approx(1_000_000 / 3_600)
    assert rare.warehouse_hours == pytest.approx(rare.slices * 61.5 / 3_600)


def test_a_slice_of_one_row_has_one_file() -> None:
    """And the statements of one table, of which two need the warehouse."""
    single = costs.cost(costs.Policy("soon", 1, 3.0), 0.1, SLICE)
    assert single.slices == single.files == 1_000_000
    assert single.statements == 5_000_000
    assert single.compute_statements == 2_000_000


def test_the_crossover_is_where_copy_stays_quicker() -> None:
    """One lucky COPY of a small slice is none."""
    pairs = [Pair(n, copy, 1.0, 0, 0) for n, copy in ((1, 0.9), (5, 2.0), (9, 0.5))]
    assert crossing(pairs) == 9
    assert crossing(pairs[:2]) is None


def test_statements_are_told_apart() -> None:
    """By verb, and INSERT and UPDATE by what they are for."""
    assert name_of("INSERT INTO OPS.INGEST_LEDGER (A) VALUES (?)") == "INSERT ledger"
    assert name_of('INSERT INTO "RAW"."RAW_ORDERS" (A) VALUES (?)') == "INSERT rows"
    assert name_of("\nUPDATE T c\nSET NEXT_OFFSET = 1") == "UPDATE compare-and-set"
    assert name_of("UPDATE T SET A = A") == "UPDATE lock"
    assert name_of("put 'file://x' @s") == "PUT"
