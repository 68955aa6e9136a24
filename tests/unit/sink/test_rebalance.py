"""Partitions that come and go: drained before they leave, dropped when lost."""

from datetime import timedelta

import pytest
from sink_kit import A, B, Kit, PlainWriter, values

from winestream import telemetry as tell
from winestream.testing import FaultPlan


def test_a_revoked_partition_is_written_before_it_goes() -> None:
    """on_revoke writes and releases what is held, and only then returns."""
    kit = Kit(*values(3), other=values(2), max_rows=100)
    with kit.sink:
        kit.turns(0.5)
        assert kit.landed() == []
        kit.source.revoke(A)
        kit.sink.step(0.05)
        assert kit.landed() == [0, 1, 2]
        assert kit.landed(B) == [0, 1]
        assert kit.source.commits[A] == 3
        assert kit.of(tell.PartitionsReleased) == [
            tell.PartitionsReleased(frozenset({A}), 0)
        ]
        assert kit.sink.snapshot.partitions.keys() == {A, B}
        kit.clock.advance(1)
        kit.sink.step(0.05)
        assert kit.sink.snapshot.partitions.keys() == {B}


def test_a_drain_ends_at_its_deadline_and_the_late_write_is_fenced() -> None:
    """What a hung warehouse holds up is abandoned; the next owner writes it once."""
    kit = Kit(*values(3), max_rows=3, drain=timedelta(seconds=20))
    with kit.sink:
        kit.turns(0.3)
        kit.source.append(A, *values(3))
        kit.desk.silent = True
        kit.turns(0.3)
        kit.source.revoke(A)
        began = kit.clock()
        kit.sink.step(0.05)
        assert kit.clock() - began == pytest.approx(20, abs=1)
        (released,) = kit.of(tell.PartitionsReleased)
        assert (released.partitions, released.abandoned) == (frozenset({A}), 3)
        # Somebody else takes it and it comes back before the warehouse wakes up.
        cursor = kit.warehouse.cursors[A]
        kit.warehouse.cursors[A] = type(cursor)(3, 0, cursor.epoch + 1)
        kit.source.assign(A)
        kit.desk.silent = False
        kit.desk.work()
        kit.turns(10)
    assert kit.landed() == list(range(6))
    assert [w.kind for w in kit.of(tell.WriteFailed)] == ["fenced"]


def test_a_drain_in_an_outage_ends_at_its_deadline() -> None:
    """A rebalance waits for the drain, not for the outage."""
    kit = Kit(*values(3), faults=FaultPlan.fail(8), drain=timedelta(seconds=20))
    with kit.sink:
        kit.turns(4)
        kit.source.revoke(A)
        began = kit.clock()
        kit.sink.step(0.05)
        assert kit.clock() - began < 21
        assert kit.of(tell.PartitionsReleased)[0].abandoned == 3
        kit.source.assign(A)
        kit.turns(200)
    assert kit.landed() == [0, 1, 2]


def test_a_lost_partition_is_forgotten_at_once() -> None:
    """Nothing of it is written or committed; when it comes back it is read again."""
    kit = Kit(*values(3), max_rows=100)
    with kit.sink:
        kit.turns(0.5)
        kit.source.lose(A)
        kit.turns(3)
        assert kit.landed() == []
        kit.source.assign(A)
        kit.turns(5)
    assert kit.landed() == [0, 1, 2]
    assert kit.source.commits == {A: 3}


def test_without_cursors_a_drain_does_not_wait_for_an_open_commit() -> None:
    """An asynchronous commit is not answered inside on_revoke, so it is repeated."""
    kit = Kit(*values(4), writer=PlainWriter())
    with kit.sink:
        kit.sink.step(0.0)
        while not kit.warehouse.slices:
            kit.sink.step(0.0)
        kit.source._answers.clear()
        kit.source.revoke(A)
        began = kit.clock()
        kit.sink.step(0.0)
        assert kit.clock() - began < 1
    assert kit.source.commits == {A: 4}
    assert kit.landed() == [0, 1, 2, 3]


def test_an_error_inside_a_drain_is_raised_by_the_step() -> None:
    """The callback itself never raises, and what it was doing is done again."""
    kit = Kit(*values(3), max_rows=100)
    kit.sink.open()
    kit.turns(0.5)
    submit, kit.desk.submit = kit.desk.submit, _interrupted
    kit.source.revoke(A)
    with pytest.raises(KeyboardInterrupt):
        kit.sink.step(0.05)
    kit.desk.submit = submit
    kit.turns(1)
    kit.sink.close()
    assert kit.landed() == [0, 1, 2]
    assert kit.of(tell.PartitionsReleased)[0].abandoned == 0


def test_a_loss_beside_an_error_in_a_drain_is_heard() -> None:
    """Else the core believed that it still reads what nobody ever starts again."""
    kit = Kit(*values(3), other=values(2), max_rows=100)
    kit.sink.open()
    kit.turns(0.5)
    submit, kit.desk.submit = kit.desk.submit, _interrupted
    kit.source.revoke(B)
    kit.source.lose(A)
    with pytest.raises(KeyboardInterrupt):
        kit.sink.step(0.05)
    kit.desk.submit = submit
    assert kit.of(tell.PartitionsLost) == [tell.PartitionsLost(frozenset({A}))]
    kit.turns(1)
    kit.source.assign(A)
    kit.source.append(A, *values(2))
    kit.turns(5)
    kit.sink.close()
    assert kit.landed() == [0, 1, 2, 3, 4]
    assert kit.landed(B) == [0, 1]


def _interrupted(_command: object) -> None:
    raise KeyboardInterrupt
