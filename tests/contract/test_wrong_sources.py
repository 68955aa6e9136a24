"""The source contract is worth something: it fails sources wrong on purpose."""

from collections.abc import Mapping
from unittest import SkipTest

import attrs
import pytest
from source_worlds import MemorySourceWorld

from winestream.ports import CommitResult, Poll
from winestream.records import LogPartition, Room
from winestream.testing import MemorySource
from winestream.testing.contract import SourceContract

Positions = Mapping[LogPartition, int]


class StartsByItself(MemorySource):
    """Delivers a partition from its beginning before anybody said where to start."""

    def poll(self, room: Room, timeout: float) -> Poll:
        for log in self._mine - set(self._position):
            self._position[log] = 0
        return super().poll(room, timeout)


class StartsOneTooLate(MemorySource):
    """Takes the position for that of the last message read."""

    def start(self, positions: Positions) -> None:
        super().start({log: at + bool(at) for log, at in positions.items()})


class DropsWhatItHolds(MemorySource):
    """Reads on under a hold, and throws away what it read."""

    def poll(self, room: Room, timeout: float) -> Poll:
        if not self._held:
            return super().poll(room, timeout)
        self._held = False
        polled = super().poll(room, timeout)
        self._held = True
        return attrs.evolve(polled, runs=[], reached={})


class IgnoresRoom(MemorySource):
    """Delivers what there is, whether or not it fits."""

    def _most(self, _room: Room) -> int:
        return 1000


class ReachesTooFar(MemorySource):
    """Tells the log's end as reached, read or not."""

    def poll(self, room: Room, timeout: float) -> Poll:
        polled = super().poll(room, timeout)
        ends = {log: self._end(log) for log in polled.reached}
        return attrs.evolve(polled, reached=ends)


class CommitsForStrangers(MemorySource):
    """Commits whatever it is given."""

    def commit(self, positions: Positions, *, wait: bool) -> CommitResult | None:
        self.commits.update(positions)
        answer = CommitResult(dict(positions))
        self._answers += [] if wait else [answer]
        return answer if wait else None


class ForgetsToRevoke(MemorySource):
    """Gives partitions away without a word."""

    def poll(self, room: Room, timeout: float) -> Poll:
        self._take_away(tuple(self._revoke))
        self._revoke.clear()
        return super().poll(room, timeout)

    def close(self) -> None:
        self._take_away(tuple(self._mine))


class HidesALoss(MemorySource):
    """Goes on with the first message there is, as a client's reset policy would."""

    def poll(self, room: Room, timeout: float) -> Poll:
        for log, position in self._position.items():
            low, high = self._start_of(log), self._end(log)
            self._position[log] = min(max(low, position), high)
        return super().poll(room, timeout)


class LosesHeaders(MemorySource):
    """Has no column for them."""

    def poll(self, room: Room, timeout: float) -> Poll:
        polled = super().poll(room, timeout)
        runs = [attrs.evolve(run, headers=None) for run in polled.runs]
        return attrs.evolve(polled, runs=runs)


class _World(MemorySourceWorld):
    patience = 0.3


def failures(kind: type[MemorySource]) -> set[str]:
    """Return the names of the contract's tests that this source fails."""
    failed = set()
    for name in dir(SourceContract):
        if name.startswith("test_"):
            try:
                getattr(SourceContract(), name)(_World(kind))
            except SkipTest:
                pass
            except Exception:  # noqa: BLE001 — any failure counts
                failed.add(name)
    return failed


@pytest.mark.parametrize(
    ("kind", "caught_by"),
    [
        (StartsByItself, {"test_nothing_is_delivered_before_its_start"}),
        (StartsOneTooLate, {"test_a_new_start_forgets_the_old_position"}),
        (DropsWhatItHolds, {"test_a_hold_delivers_nothing_and_loses_nothing"}),
        (IgnoresRoom, {"test_a_poll_brings_no_more_than_there_is_room_for"}),
        (ReachesTooFar, {"test_reached_is_where_reading_stands"}),
        (CommitsForStrangers, {"test_a_commit_of_what_is_not_owned_is_refused"}),
        (
            ForgetsToRevoke,
            {"test_a_partition_that_moves", "test_closing_gives_everything_back"},
        ),
        (
            HidesALoss,
            {
                "test_a_position_that_retention_deleted",
                "test_a_position_beyond_the_end",
            },
        ),
        (LosesHeaders, {"test_columns_are_what_was_sent"}),
    ],
)
def test_fails(kind: type[MemorySource], caught_by: set[str]) -> None:
    """A wrong source fails, and fails the tests that are about what is wrong."""
    assert failures(kind) >= caught_by


def test_passes_a_right_one() -> None:
    """The same run finds nothing to blame in the source they are all derived from."""
    assert failures(MemorySource) == set()
