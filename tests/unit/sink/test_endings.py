"""How a sink ends: stopped, failed, abandoned or interrupted, and what it says."""

from datetime import timedelta

import pytest
from sink_kit import A, Kit, values

from winestream import telemetry as tell
from winestream.core import RetryPolicy
from winestream.errors import (
    AbandonedError,
    FatalWriteError,
    RetryableWriteError,
    SourceError,
)
from winestream.testing import Fault, FaultPlan


def test_a_commit_for_nothing_at_the_very_end_is_not_called_success() -> None:
    """A stop that finds its last slice missing in the warehouse says so."""
    kit = Kit(*values(3), faults=FaultPlan.of(Fault.FOR_NOTHING))
    with pytest.raises(AbandonedError, match="3 messages"):
        kit.sink.run(until_caught_up=True)
    assert kit.source.commits == {}


def test_on_exhausted_stop_ends_with_the_error_and_commits_nothing() -> None:
    """A sink that may not wait ends after the quick retries."""
    retry = RetryPolicy(on_exhausted="stop")
    kit = Kit(*values(4), faults=FaultPlan.fail(9), retry=retry)
    with pytest.raises(RetryableWriteError, match="planned"):
        kit.sink.run()
    assert kit.source.commits == {}
    assert kit.landed() == []


def test_an_error_at_the_last_flush_is_raised_by_close() -> None:
    """A loop of the user's own learns that the final write failed."""
    kit = Kit(*values(2), faults=FaultPlan.of(Fault.FATAL))
    kit.sink.open()
    kit.turns(0.5)
    with pytest.raises(FatalWriteError, match="planned"):
        kit.sink.close()
    assert kit.sink.snapshot.state == "failed"
    kit.sink.close()


def test_a_stop_in_an_outage_abandons_at_its_deadline() -> None:
    """What could not be written is counted, and nothing of it is committed."""
    kit = Kit(*values(3), faults=FaultPlan.fail(1000), stop_within=timedelta(seconds=5))
    kit.sink.open()
    kit.turns(0.5)
    kit.sink.stop()
    began = kit.clock()
    with pytest.raises(AbandonedError, match="3 messages"):
        kit.sink.close()
    assert kit.clock() - began == pytest.approx(5, abs=1)
    assert kit.source.commits == {}
    assert kit.of(tell.SinkStopped) == [tell.SinkStopped(3)]


def test_a_group_that_does_not_let_go_is_told_and_not_raised() -> None:
    """Everything is written by then; whoever stops the service has nothing to do."""
    kit = Kit(*values(3))

    def close() -> None:
        raise SourceError("the group did not let go")

    kit.source.close = close  # type: ignore[method-assign]
    with kit.sink:
        kit.turns(0.5)
    assert kit.landed() == [0, 1, 2]
    assert kit.sink.snapshot.state == "stopped"
    assert kit.of(tell.SinkStopped) == [
        tell.SinkStopped(0, "SourceError: the group did not let go")
    ]


def test_a_close_before_open_and_a_second_close_do_nothing() -> None:
    """close() can be called at any time and any number of times."""
    kit = Kit(*values(3))
    kit.sink.close()
    with kit.sink:
        kit.turns(0.5)
    kit.sink.close()
    assert kit.landed() == [0, 1, 2]
    assert len(kit.of(tell.SinkStopped)) == 1


def test_an_interrupt_in_the_users_own_loop_loses_nothing() -> None:
    """Messages that an interrupted poll destroyed are read again."""
    kit = Kit(*values(12))

    def loop() -> None:
        with kit.sink:
            kit.turns(0.2)
            kit.source.append(A, *values(5))
            kit.source.fail(skipping=3, error=KeyboardInterrupt())
            kit.turns(1)

    with pytest.raises(KeyboardInterrupt):
        loop()
    covered = kit.warehouse.covered(A)
    assert covered == list(range(len(covered)))
    assert kit.source.commits == {A: len(covered)}
    assert kit.warehouse.gaps == []


def test_an_interrupt_during_the_last_flush_does_not_wait_for_a_dead_writer() -> None:
    """Leaving at once gives the group its partitions back without a drain."""
    kit = Kit(*values(2), faults=FaultPlan.fail(1000))
    kit.sink.open()
    kit.turns(0.5)
    kit.source.fail(error=KeyboardInterrupt())
    began = kit.clock()
    with pytest.raises(KeyboardInterrupt):
        kit.sink.close()
    assert kit.clock() - began < 35
    assert kit.source.commits == {}
