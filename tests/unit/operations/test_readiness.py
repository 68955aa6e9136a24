"""Readiness is a function of snapshots and time; here the time is made up."""

from collections.abc import Sequence

import attrs
import pytest

from winestream.operations.readiness import (
    Progress,
    Verdict,
    healthy,
    look,
    ready,
    turned,
)
from winestream.records import LogPartition
from winestream.sink import PartitionStatus, Snapshot

STALLED_AFTER = 60.0


def _partition(number: int) -> LogPartition:
    return LogPartition("cluster", "id", "corks", number)


def _status(written: int | None, lag: int | None) -> PartitionStatus:
    return PartitionStatus(
        claimed=written is not None,
        read=written,
        written=written,
        confirmed=written,
        epoch=1,
        unread=lag,
        lag=lag,
    )


def _snapshot(*at: tuple[int | None, int | None], state: str = "running") -> Snapshot:
    partitions = {_partition(n): _status(*each) for n, each in enumerate(at)}
    return attrs.evolve(Snapshot(partitions=partitions), state=state)


def _watch(looks: Sequence[tuple[float, Snapshot]]) -> Verdict:
    """Look at these times; return the last look's verdict."""
    progress, verdict = Progress(), Verdict(ok=False)
    for now, snapshot in looks:
        progress = look(progress, snapshot, now)
        verdict = ready(progress, snapshot, now, STALLED_AFTER)
    return verdict


@pytest.mark.parametrize(
    "state", ["starting", "outage", "stopping", "stopped", "failed"]
)
def test_only_a_running_sink_is_ready(state: str) -> None:
    """The reason begins with the state."""
    verdict = _watch([(0, _snapshot((5, 0), state=state))])
    assert not verdict.ok
    assert verdict.reasons[0].startswith(state)


def test_a_partition_that_is_not_claimed_is_not_ready() -> None:
    """Its cursor may still be another owner's; the reason names the partition."""
    verdict = _watch([(0, _snapshot((5, 0), (None, None)))])
    assert verdict == Verdict(ok=False, reasons=("not claimed yet: corks[1]",))
    assert _watch([(1, _snapshot((5, 0), (0, 0)))]).ok


def test_lag_alone_is_no_stall_while_it_moves() -> None:
    """A consumer that catches up for an hour is at work."""
    looks = [(minute * 60.0, _snapshot((minute * 100, 9999))) for minute in range(60)]
    assert _watch(looks).ok


def test_no_progress_with_messages_left_is_a_stall() -> None:
    """From exactly `stalled_after` on; the reason says how long and where."""
    stuck = _snapshot((5, 3), (7, 0))
    assert _watch([(0, stuck), (59.9, stuck)]).ok
    verdict = _watch([(0, stuck), (60, stuck)])
    assert verdict.reasons == ("no progress for 60 s with messages left: corks[0]",)


def test_one_stuck_partition_is_not_hidden_by_the_others() -> None:
    """Partitions are judged one by one."""
    looks = [(float(now), _snapshot((5, 3), (now, 3))) for now in range(0, 70, 10)]
    assert not _watch(looks).ok


def test_an_idle_partition_never_stalls() -> None:
    """Nothing left to do is no stall, and the clock starts with the first message."""
    idle, busy = _snapshot((5, 0)), _snapshot((5, 1))
    assert _watch([(0, idle), (1000, idle)]).ok
    assert _watch([(0, idle), (1000, busy), (1059, busy)]).ok
    assert not _watch([(0, idle), (1000, busy), (1060, busy)]).ok


def test_progress_ends_a_stall_at_once() -> None:
    """One landed slice is enough, and the patience starts again."""
    stuck, moved = _snapshot((5, 3)), _snapshot((6, 2))
    assert _watch([(0, stuck), (90, stuck), (91, moved)]).ok
    assert _watch([(0, stuck), (90, stuck), (91, moved), (150, moved)]).ok
    assert not _watch([(0, stuck), (91, moved), (151, moved)]).ok


def test_a_new_owner_starts_with_new_patience() -> None:
    """A partition that went away and came back is a new start."""
    stuck, gone = _snapshot((5, 3)), _snapshot()
    assert _watch([(0, stuck), (50, gone), (51, stuck), (100, stuck)]).ok


def test_unknown_ends_are_no_stall() -> None:
    """Without the log's end nobody knows whether anything is left."""
    blind = _snapshot((5, None))
    assert _watch([(0, blind), (1000, blind)]).ok


def test_without_partitions_it_becomes_a_standby() -> None:
    """At first they may still come; a group with spare members is in order."""
    empty = _snapshot()
    assert _watch([(0, empty)]).reasons == ("no partition is assigned yet",)
    assert not _watch([(0, empty), (59, empty)]).ok
    assert _watch([(0, empty), (60, empty)]).ok


def test_many_partitions_are_counted_not_listed() -> None:
    """A reason fits in a line."""
    verdict = _watch([(0, _snapshot(*[(None, None)] * 9))])
    assert verdict.reasons == (
        "not claimed yet: corks[0], corks[1], corks[2] and 6 more",
    )


def _health(state: str, *, alive: bool = True, turned_at: float | None = None) -> bool:
    progress = Progress() if turned_at is None else turned(Progress(), turned_at)
    snapshot = _snapshot(state=state)
    return healthy(progress, snapshot, 300, writer_alive=alive, turn_within=300).ok


def test_health_is_what_a_restart_would_cure() -> None:
    """A dead writer thread, a reader that hangs, a failed sink; no outage, no stall."""
    assert _health("running")
    assert _health("outage")
    assert _health("running", turned_at=0.1)
    assert not _health("running", turned_at=0)
    assert not _health("running", alive=False)
    assert not _health("failed")


def test_before_and_after_its_work_a_process_is_healthy() -> None:
    """Signing in and shutting down have no writer thread and need none."""
    for state in ("starting", "stopping", "stopped"):
        assert _health(state, alive=False, turned_at=0)
