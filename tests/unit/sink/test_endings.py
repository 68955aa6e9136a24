"""How a sink ends: stopped, failed, abandoned or interrupted, and what it says."""

from datetime import timedelta
from pathlib import Path

import pytest
from sink_kit import A, Kit, OneTable, PlainWriter, values

from winestream import telemetry as tell
from winestream.core import RetryPolicy
from winestream.errors import (
    AbandonedError,
    ConfigurationError,
    FatalWriteError,
    RetryableWriteError,
    SourceError,
)
from winestream.files import FileWriter
from winestream.ports import CommitResult
from winestream.sink import BatchingSink
from winestream.sink.desk import Answered
from winestream.telemetry import Hook
from winestream.testing import Fault, FaultPlan, MemorySource


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


def test_a_stop_during_a_drain_has_its_own_deadline() -> None:
    """A revocation that waits for a warehouse does not make the stop wait for it."""
    drain, soon = timedelta(seconds=60), timedelta(seconds=5)
    kit = Kit(*values(3), drain=drain, stop_within=soon)
    kit.sink.open()
    kit.turns(0.5)
    kit.desk.silent = True
    kit.source.revoke(A)
    began, answer = kit.clock(), kit.desk.answer

    def stopped_meanwhile(timeout: float) -> Answered | None:
        if kit.clock() > began + 10:
            kit.sink.stop()
        return answer(timeout)

    kit.desk.answer = stopped_meanwhile  # type: ignore[method-assign]
    while kit.sink.step(0.05):
        pass
    assert kit.clock() - began == pytest.approx(10 + 5, abs=2)
    with pytest.raises(AbandonedError, match="3 messages"):
        kit.sink.close()


def test_an_interrupted_join_of_the_writer_still_leaves_the_group() -> None:
    """A second Ctrl-C, while the writer is waited for, leaves no member behind."""
    kit = Kit(*values(3))
    closed: list[bool] = []
    kit.source.close = lambda: closed.append(True)  # type: ignore[method-assign]

    def interrupted(_timeout: float) -> bool:
        raise KeyboardInterrupt

    kit.desk.close = interrupted  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        kit.sink.run(until_caught_up=True)
    assert closed == [True]


@pytest.mark.parametrize("kind", [tell.CursorsClaimed, tell.WriteFailed])
def test_an_interrupt_in_a_hook_loses_no_answer_of_the_writer(kind: type) -> None:
    """A hook is the user's code, and Ctrl-C may come while it runs."""
    kit = Kit(*values(10), faults=FaultPlan.fail_once(), hooks=[once(kind)])
    with kit.sink:
        with pytest.raises(KeyboardInterrupt):
            kit.turns(10)
        kit.turns(10)
    assert kit.landed() == list(range(10))


@pytest.mark.parametrize("writer", [None, PlainWriter()])
def test_an_interrupt_in_a_hook_loses_no_news_of_the_group(
    writer: PlainWriter | None,
) -> None:
    """A commit's answer and a loss come with one poll; what is told comes later."""
    kit = Kit(*values(3), writer=writer)
    with kit.sink:
        kit.turns(5)
        kit.source._answers.append(CommitResult({A: 3}))
        kit.source.lose(A)
        kit.sink._report._hooks.append(once(tell.KafkaCommitted))
        with pytest.raises(KeyboardInterrupt):
            kit.turns(1)
        kit.turns(1)
        kit.source.assign(A)
        kit.source.append(A, *values(4))
        kit.turns(10)
    assert kit.landed()[-4:] == [3, 4, 5, 6]


def test_a_step_before_open_and_a_second_open_are_told() -> None:
    """Both would do nothing at all, or leave a member of the group behind."""
    kit = Kit(*values(3))
    with pytest.raises(ConfigurationError, match="with sink:"):
        kit.sink.step()
    kit.sink.run(until_caught_up=True)
    assert kit.landed() == [0, 1, 2]
    with pytest.raises(ConfigurationError, match="opened once"):
        kit.sink.run()


def test_the_writers_pipeline_is_the_sinks(tmp_path: Path) -> None:
    """Cursors and telemetry under two names would let an audit find nothing."""
    writer = FileWriter(tmp_path, pipeline="cellar")
    with pytest.raises(ConfigurationError, match="'cellar', and the sink's is 'test'"):
        BatchingSink(MemorySource({}), OneTable(), writer, pipeline="test")


def once(kind: type) -> Hook:
    """Return a hook that is interrupted the first time it is told of `kind`."""
    armed = [kind]

    def hook(value: tell.Telemetry) -> None:
        if armed and isinstance(value, armed[0]):
            armed.clear()
            raise KeyboardInterrupt

    return hook
