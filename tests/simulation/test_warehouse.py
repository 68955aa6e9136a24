"""The simulated warehouse has the manners that the protocol has to live with."""

from collections import Counter

import pytest

from winestream.records import LogPartition, Want
from winestream.testing.world.faults import Fault, Weather
from winestream.testing.world.scheduler import Scheduler
from winestream.testing.world.tables import CursorRow, LedgerRow, Transaction
from winestream.testing.world.warehouse import BlockedError, Warehouse

A = LogPartition("sim", "log", "topic", 0)


class Kit:
    """A warehouse with one cursor, in calm weather."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.scheduler = Scheduler(0)
        self.weather = Weather(self.scheduler, self.counts)
        self.weather.calm = True
        self.done: list[Transaction] = []
        self.warehouse = Warehouse(self.scheduler, self.weather, self.done.append)
        self.warehouse.cursors = {A: (CursorRow(5, 0, 1, "me"),)}
        self.mine = self.warehouse.sign_in("me")
        self.other = self.warehouse.sign_in("other")

    @property
    def cursor(self) -> CursorRow:
        return self.warehouse.cursors[A][0]


def _agree(cursor: CursorRow, row: LedgerRow) -> bool:
    return (cursor.epoch, cursor.position) == (row.epoch, row.start)


def test_nobody_sees_what_is_not_committed() -> None:
    """A statement sees what is committed, and its own transaction's changes."""
    kit = Kit()
    kit.warehouse.merge(kit.mine, "me", {A: Want(0)}, kit.warehouse.cursors)
    assert kit.warehouse.select(kit.mine)[A][0].epoch == 2
    assert kit.warehouse.select(kit.other)[A][0].epoch == 1
    kit.warehouse.commit(kit.mine)
    assert kit.warehouse.select(kit.other)[A][0].epoch == 2


def test_one_waits_for_the_cursors_lock() -> None:
    """An UPDATE of the cursors excludes every other until its transaction is over."""
    kit = Kit()
    assert kit.warehouse.lock(kit.mine, [A], kit.warehouse.cursors) == 1
    with pytest.raises(BlockedError):
        kit.warehouse.lock(kit.other, [A], kit.warehouse.cursors)
    woken = []
    kit.warehouse.wait(lambda: woken.append(True))
    kit.warehouse.rollback(kit.mine)
    kit.scheduler.run(kit.scheduler.now + 1, lambda: False)
    assert woken
    assert kit.warehouse.lock(kit.other, [A], kit.warehouse.cursors) == 1


def test_an_ended_transaction_is_not_noticed() -> None:
    """The next statement opens another, and COMMIT says "done" for nothing."""
    kit = Kit()
    row = LedgerRow("s/1", A, 5, 9, 4, 0, 1)
    kit.warehouse.insert_ledger(kit.mine, [row])
    assert kit.mine.transaction is not None
    assert kit.warehouse.end(kit.mine.transaction) == "me"
    seen = kit.warehouse.cursors
    assert kit.warehouse.lock(kit.mine, [A], seen) == 1
    assert kit.warehouse.compare_and_set(kit.mine, "s/1", seen, _agree) == 0
    kit.warehouse.end(kit.mine.transaction)
    assert not kit.warehouse.commit(kit.mine)
    assert kit.counts == {Fault.FOR_NOTHING: 1}
    assert (kit.done, kit.cursor.position) == ([], 5)


def test_a_detached_transaction_keeps_its_lock_for_a_while() -> None:
    """It outlives its client, and then the server ends it."""
    kit = Kit()
    kit.warehouse.lock(kit.mine, [A], kit.warehouse.cursors)
    kit.warehouse.abandon(kit.mine, 10.0)
    kit.scheduler.run(kit.scheduler.now + 9.0, lambda: False)
    assert [t.name for t in kit.warehouse.stuck(5.0)] == ["me"]
    kit.scheduler.run(kit.scheduler.now + 2.0, lambda: False)
    assert kit.warehouse.stuck(0.0) == []
    assert kit.mine.gone


def test_two_births_at_once_leave_two_rows() -> None:
    """No key is enforced: a MERGE that does not look again inserts a second row."""
    kit = Kit()
    kit.warehouse.cursors = {}
    before = kit.warehouse.cursors
    kit.warehouse.merge(kit.mine, "me", {A: Want(0)}, before)
    kit.warehouse.commit(kit.mine)
    kit.weather.strikes = lambda _fault: True  # type: ignore[method-assign]
    kit.warehouse.merge(kit.other, "other", {A: Want(0)}, before)
    assert [row.owner for row in kit.warehouse.select(kit.other)[A]] == ["me", "other"]
