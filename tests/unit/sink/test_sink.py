"""The sink as a whole, in memory, on a clock that moves when told."""

import logging

import attrs
import pytest
from sink_kit import A, B, Kit, PlainWriter, values

from winestream import telemetry as tell
from winestream.core import SafetyPolicy
from winestream.errors import (
    ConfigurationError,
    FatalWriteError,
    RetentionLossError,
    RetryableWriteError,
    UnknownOutcomeError,
)
from winestream.records import Guarantee
from winestream.sink.reader import UNPOLLED_SECONDS
from winestream.testing import Fault, FaultPlan


def test_all_that_the_log_holds_lands_once_and_kafka_is_told() -> None:
    """run() moves every message, in order, and commits what the cursor shows."""
    kit = Kit(*values(10), b"broken", None, *values(3))
    kit.sink.run(until_caught_up=True)
    assert kit.landed() == [*range(10), 12, 13, 14]
    assert [letter.offset for _, letter in kit.warehouse.dead] == [10, 11]
    assert kit.warehouse.covered(A) == list(range(15))
    assert kit.source.commits == {A: 15}
    assert kit.sink.snapshot.state == "stopped"


def test_a_slice_leaves_after_its_linger() -> None:
    """What does not fill a slice waits for the linger and no longer."""
    kit = Kit(*values(3))
    with kit.sink:
        kit.turns(1.5)
        assert kit.landed() == []
        kit.turns(1.0)
        assert kit.landed() == [0, 1, 2]


def test_kafka_is_told_only_after_a_second_look() -> None:
    """A slice that landed is confirmed by reading the cursor before Kafka hears it."""
    kit = Kit(*values(4))
    with kit.sink:
        kit.turns(0.5)
        assert kit.landed() == [0, 1, 2, 3]
        assert kit.source.commits == {}
        kit.turns(3.0)
        assert kit.source.commits == {A: 4}


@pytest.mark.parametrize("fault", list(Fault))
def test_every_fault_but_a_fatal_one_is_healed(fault: Fault) -> None:
    """Whatever happens to a write, each message ends up in one place, once."""
    kit = Kit(*values(20), faults=FaultPlan.of(Fault.NONE, fault, fault))
    if fault is Fault.FATAL:
        with pytest.raises(FatalWriteError):
            kit.sink.run(until_caught_up=True)
        assert kit.sink.snapshot.state == "failed"
        return
    with kit.sink:
        kit.turns(20)
    assert kit.warehouse.covered(A) == list(range(20))
    assert kit.source.commits == {A: 20}


def test_a_poison_row_is_dead_lettered_and_its_neighbours_land() -> None:
    """The warehouse does not name the refused row; halving finds it."""
    poison = FaultPlan.refusing(lambda payload: payload == b"value 5")
    kit = Kit(*values(8), faults=poison, max_rows=8)
    kit.sink.run(until_caught_up=True)
    assert kit.landed() == [0, 1, 2, 3, 4, 6, 7]
    ((where, letter),) = kit.warehouse.dead
    assert (where, letter.offset, letter.reason) == (A, 5, "rejected")
    assert (letter.value, letter.path) == (b"value 5", "planned")


def test_a_wrong_table_is_fatal_and_names_the_setting() -> None:
    """Too many refused rows end the sink with the setting that would allow them."""
    kit = Kit(*values(40), faults=FaultPlan.refusing(lambda _: True), max_rows=40)
    with pytest.raises(FatalWriteError, match="max_rejected"):
        kit.sink.run(until_caught_up=True)
    assert kit.landed() == []
    assert len(kit.warehouse.dead) <= 10
    assert kit.source.commits[A] <= 10


def test_an_outage_is_entered_and_left() -> None:
    """After the quick retries the sink says outage once, goes on, and says it ended."""
    kit = Kit(*values(4), faults=FaultPlan.fail(6))
    with kit.sink:
        kit.turns(5)
        assert kit.sink.snapshot.state == "outage"
        assert [o.active for o in kit.of(tell.OutageChanged)] == [True]
        kit.turns(120)
        assert kit.sink.snapshot.state == "running"
    assert [o.active for o in kit.of(tell.OutageChanged)] == [True, False]
    assert kit.landed() == [0, 1, 2, 3]
    assert [w.attempts for w in kit.of(tell.SliceWritten)] == [7]
    assert [w.attempt for w in kit.of(tell.WriteFailed)] == [1, 2, 3, 4, 5, 6]


def test_in_an_outage_no_more_than_two_slices_are_held() -> None:
    """Reading is paused while the buffers are full, and the source is still polled."""
    kit = Kit(*values(50), faults=FaultPlan.fail(6))
    with kit.sink:
        kit.turns(5)
        assert kit.sink.snapshot.held_messages == 8
        assert kit.sink.snapshot.paused
        assert [h.held for h in kit.of(tell.Held)] == [True]
        kit.turns(150)
    assert kit.landed() == list(range(50))


def test_a_short_write_is_waited_for_without_a_hold() -> None:
    """A source that is held throws away what it fetched ahead.

    So it is held only once the writer takes long, and is polled under the hold.
    """
    kit = Kit(*values(50))
    with kit.sink, pytest.MonkeyPatch.context() as patch:
        calls: list[object] = []
        hold, poll = kit.source.hold, kit.source.poll
        patch.setattr(kit.source, "hold", lambda held: (calls.append(held), hold(held)))
        patch.setattr(
            kit.source,
            "poll",
            lambda room, timeout: (calls.append(room.free), poll(room, timeout))[1],
        )
        while not kit.warehouse.landed:
            kit.sink.step(0.05)
        kit.desk.silent = True
        while not kit.sink.snapshot.paused:
            kit.sink.step(0.05)
        calls.clear()
        kit.turns(UNPOLLED_SECONDS - 0.5)
        assert calls == []
        kit.desk.work()
        kit.turns(0.2)
        assert set(calls) == {True}, "it was polled with room again, and never held"
        while not kit.sink.snapshot.paused:
            kit.sink.step(0.05)
        kit.turns(UNPOLLED_SECONDS + 1.0)
        held = calls.index(False)
        assert calls[held - 1] is True
        assert set(calls[held:]) == {False}, "it was not polled under the hold"
        kit.desk.silent = False
        kit.desk.work()
        kit.turns(10)
    assert kit.landed() == list(range(50))


def test_a_failed_poll_destroys_nothing() -> None:
    """After a poll that raised, every partition is read again from where it stood."""
    kit = Kit(*values(3), other=values(3))
    with kit.sink:
        kit.turns(0.5)
        kit.source.append(A, *values(6))
        kit.source.append(B, *values(6))
        kit.source.fail(skipping=2)
        kit.turns(10)
    for partition in (A, B):
        assert kit.landed(partition) == list(range(9))
    assert kit.warehouse.gaps == []
    assert len(kit.of(tell.PollFailed)) == 1


def test_legal_gaps_are_recorded_after_a_second_look() -> None:
    """Holes between messages and at the log's end become gaps, and the lag is zero."""
    kit = Kit(*values(3))
    kit.source.skip(A, 2)
    kit.source.append(A, *values(2))
    kit.source.skip(A, 4)
    with kit.sink:
        kit.turns(15)
        assert kit.sink.snapshot.partitions[A].lag == 0
    gaps = [(gap.start, gap.stop, gap.reason) for _, gap in kit.warehouse.gaps]
    assert gaps == [(3, 5, "jump"), (7, 11, "trailing")]
    assert kit.warehouse.covered(A) == list(range(11))


@pytest.mark.parametrize("choice", ["stop", "record"])
def test_retention_that_overtook_the_cursor_is_loss(choice: str) -> None:
    """It ends the sink, or is recorded as a gap that the audit reports."""
    kit = Kit(*values(3), safety=SafetyPolicy(on_retention_loss=choice))
    kit.sink.open()
    kit.turns(3)
    kit.desk.silent = False
    kit.source.append(A, *values(6))
    kit.source.expire(A, 6)
    kit.source.fail()
    if choice == "stop":
        with pytest.raises(RetentionLossError, match="on_retention_loss"):
            kit.turns(5)
        kit.sink.close()
        return
    kit.turns(5)
    kit.sink.close()
    assert [(g.start, g.stop, g.reason) for _, g in kit.warehouse.gaps] == [
        (3, 6, "retention")
    ]
    assert kit.warehouse.covered(A) == list(range(9))


def test_a_hook_that_raises_is_left_out(caplog: pytest.LogCaptureFixture) -> None:
    """It is called once, logged once, and the delivery goes on."""
    calls = []

    def broken(value: tell.Telemetry) -> None:
        calls.append(value)
        raise ValueError("hook")

    kit = Kit(*values(3), hooks=[broken])
    with caplog.at_level(logging.ERROR, logger="winestream"):
        kit.sink.run(until_caught_up=True)
    assert len(calls) == 1
    assert len(caplog.records) == 1
    assert kit.landed() == [0, 1, 2]


def test_the_snapshot_is_immutable_and_correct() -> None:
    """It shows what is read, written, confirmed and held, and cannot be changed."""
    kit = Kit(*values(6))
    with kit.sink:
        kit.turns(0.5)
        kit.clock.advance(1)
        kit.turns(0.2)
        seen = kit.sink.snapshot
        status = seen.partitions[A]
        assert (status.read, status.written, status.confirmed) == (6, 4, 0)
        assert (status.claimed, status.epoch) == (True, 1)
        assert (status.unread, status.lag) == (0, 2)
        assert (seen.state, seen.held_messages, seen.paused) == ("running", 2, False)
        assert seen.held_bytes == len(b"value 4value 5")
        assert seen.all_read
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            seen.state = "outage"
    assert (status.read, status.written) == (6, 4)


def test_what_a_rival_took_is_not_called_read() -> None:
    """A fenced partition is not caught up: what was read of it was dropped."""
    kit = Kit(*values(6), max_rows=100)
    with kit.sink:
        kit.turns(0.5)
        cursor = kit.warehouse.cursors[A]
        kit.warehouse.cursors[A] = attrs.evolve(cursor, epoch=7)
        kit.desk.silent = False
        seen = []
        while not kit.of(tell.WriteFailed):
            kit.sink.step(0.05)
        kit.clock.advance(0.3)
        kit.sink.step(0.0)
        seen.append(kit.sink.snapshot.all_read)
        kit.turns(10)
    assert seen == [False]
    assert kit.landed() == list(range(6))


@pytest.mark.parametrize("name", ["", "1st", "a b", "a;b", "a" * 64, "é"])
def test_a_bad_pipeline_name_is_refused(name: str) -> None:
    """The name goes into SQL: only plain ones are taken."""
    kit = Kit(*values(1))
    with pytest.raises(ConfigurationError, match="pipeline"):
        type(kit.sink)(kit.source, None, kit.writer, pipeline=name)


def test_without_cursors_delivery_is_at_least_once() -> None:
    """Kafka's commit is the truth: told after the write, never before."""
    writer = PlainWriter()
    kit = Kit(*values(6), writer=writer)
    assert kit.sink.guarantee is Guarantee.AT_LEAST_ONCE
    writer.errors += [RetryableWriteError("once"), UnknownOutcomeError("twice")]
    with kit.sink:
        kit.turns(0.3)
        assert kit.source.commits == {A: 0}
        kit.turns(8)
        assert kit.source.commits == {A: 6}
    assert kit.landed() == list(range(6))


def test_without_cursors_reading_starts_at_the_groups_commit() -> None:
    """What an earlier process committed is not read again."""
    kit = Kit(*values(6), writer=PlainWriter())
    kit.source.commits[A] = 4
    kit.sink.run(until_caught_up=True)
    assert kit.landed() == [4, 5]
