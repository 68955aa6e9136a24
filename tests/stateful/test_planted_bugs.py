"""The state machine can fail: each of these mistakes is found within a bounded hunt."""

from collections.abc import Callable

import pytest
from core_rules import AtLeastOnceRules, CoreRules, CursorRules
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from winestream.core import gaps
from winestream.core.bisection import Bisection
from winestream.core.buffer import Buffer
from winestream.core.claims import Claims
from winestream.core.confirms import Confirms
from winestream.core.partitions import Tracked
from winestream.core.state import State
from winestream.core.writes import Writes
from winestream.records import Room

HUNT = settings(
    max_examples=300,
    stateful_step_count=50,
    deadline=None,
    database=None,
    phases=(Phase.generate,),
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
)

Plant = Callable[[pytest.MonkeyPatch], None]


def kafka_is_told_at_written(patch: pytest.MonkeyPatch) -> None:
    """Trust the warehouse's word for a slice."""
    written = Writes._written

    def mistake(self: Writes, sent: object, ours: object, now: float) -> None:
        written(self, sent, ours, now)
        for partition, (_, stop) in ours.ranges.items():
            self.state.parts[partition].confirmed = stop

    patch.setattr(Writes, "_written", mistake)


def a_confirm_is_believed_unread(patch: pytest.MonkeyPatch) -> None:
    """Do not compare the cursor that was read."""

    def mistake(_self: Confirms, tracked: Tracked, _cursor: object) -> None:
        tracked.confirmed = tracked.written

    patch.setattr(Confirms, "_disappointed", mistake)


def a_gap_is_believed_at_once(patch: pytest.MonkeyPatch) -> None:
    """Record a jump the first time it is seen."""
    patch.setattr(gaps, "_believed", lambda _tracked, _jump: True)


def trust_survives_a_failed_poll(patch: pytest.MonkeyPatch) -> None:
    """Neither seek nor doubt where gaps were legal before."""

    def mistake(tracked: Tracked) -> None:
        tracked.suspect, tracked.restart = None, True
        # The sink forgets to withdraw `trusted`, and the client its seek.
        tracked.restart = not tracked.trusted

    patch.setattr(gaps, "distrust", mistake)


def nothing_is_read_again(patch: pytest.MonkeyPatch) -> None:
    """Look twice, but without seeking back."""

    def mistake(tracked: Tracked) -> None:
        tracked.trusted, tracked.suspect = False, None

    def believed(tracked: Tracked, jump: int) -> bool:
        seen, tracked.suspect = tracked.suspect == jump, jump
        return seen

    patch.setattr(gaps, "distrust", mistake)
    patch.setattr(gaps, "_believed", believed)


def a_stale_answer_counts(patch: pytest.MonkeyPatch) -> None:
    """Take any answer for the slice under way."""
    land = Buffer.land

    def mistake(self: Buffer, slice_id: str) -> object:
        return land(self, self.flying.id if self.flying else slice_id)

    patch.setattr(Buffer, "land", mistake)


def a_trim_takes_one_too_many(patch: pytest.MonkeyPatch) -> None:
    """Drop one offset more than landed."""
    trim = Buffer.trim

    def mistake(self: Buffer, partition: object, position: int) -> None:
        held = self.first_held(partition)
        further = held is not None and held < position
        trim(self, partition, position + further)

    patch.setattr(Buffer, "trim", mistake)


def rows_are_not_counted(patch: pytest.MonkeyPatch) -> None:
    """Fetch whatever the number of rows held."""

    def mistake(self: Buffer) -> Room:
        return Room(1_000_000, self.batch.max_bytes)

    patch.setattr(Buffer, "room", mistake)


def a_lost_partition_is_written_again(patch: pytest.MonkeyPatch) -> None:
    """Retry what was lost while it was under way."""
    drop = Buffer.drop

    def mistake(self: Buffer, partitions: object) -> int:
        dropped = drop(self, partitions)
        self._disowned.clear()
        return dropped

    patch.setattr(Buffer, "drop", mistake)


def refusals_are_never_forgotten(patch: pytest.MonkeyPatch) -> None:
    """Count what earlier slices had refused against the next one's bound."""
    divide = Bisection.divide

    def mistake(self: Bisection, *args: object) -> object:
        self.refused += 4
        return divide(self, *args)

    patch.setattr(Bisection, "divide", mistake)


def a_fenced_partition_keeps_its_rows(patch: pytest.MonkeyPatch) -> None:
    """Go on with what a rival has taken."""
    fence = State.fence

    def mistake(self: State, partitions: object) -> None:
        outbox = list(self.buffer.outbox)
        fence(self, partitions)
        self.buffer.outbox.clear()
        self.buffer.outbox.extend(outbox)

    patch.setattr(State, "fence", mistake)


def a_refused_commit_is_not_repeated(patch: pytest.MonkeyPatch) -> None:
    """Do not look at Kafka's errors."""
    told = Confirms.told

    def mistake(self: Confirms, answer: object, now: float) -> None:
        told(self, type(answer)(answer.positions, {}), now)

    patch.setattr(Confirms, "told", mistake)


def a_claim_failed_is_a_claim_lost(patch: pytest.MonkeyPatch) -> None:
    """Forget the partitions of a failed claim."""
    patch.setattr(Claims, "_failed", lambda _self, _mine, _error, _now: None)


CURSORS: list[Plant] = [
    kafka_is_told_at_written,
    a_confirm_is_believed_unread,
    a_gap_is_believed_at_once,
    trust_survives_a_failed_poll,
    nothing_is_read_again,
    a_stale_answer_counts,
    a_trim_takes_one_too_many,
    rows_are_not_counted,
    a_lost_partition_is_written_again,
    refusals_are_never_forgotten,
    a_fenced_partition_keeps_its_rows,
    a_claim_failed_is_a_claim_lost,
]
AT_LEAST_ONCE: list[Plant] = [
    a_refused_commit_is_not_repeated,
    a_gap_is_believed_at_once,
]


HUNTS = 4
"""Sets have an order of their own in each process: now and then one finds nothing."""


def _hunt(rules: type[CoreRules]) -> None:
    """Fail as the machine does; return when no hunt has found anything."""
    for number in range(HUNTS):
        run_state_machine_as_test(seed(20_26 + number)(rules), settings=HUNT)


@pytest.mark.parametrize(
    ("rules", "plant"),
    [
        *(pytest.param(CursorRules, plant, id=plant.__name__) for plant in CURSORS),
        *(
            pytest.param(AtLeastOnceRules, plant, id=f"{plant.__name__}-no-cursors")
            for plant in AT_LEAST_ONCE
        ),
    ],
)
def test_a_planted_bug_is_caught(
    rules: type[CoreRules], plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The machine fails when the core is wrong in this one way."""
    plant(monkeypatch)
    with pytest.raises((AssertionError, ValueError, KeyError, RuntimeError)):
        _hunt(rules)
