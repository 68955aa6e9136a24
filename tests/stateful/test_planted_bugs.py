"""The state machine can fail: each of these mistakes is found within a bounded hunt."""

from collections.abc import Callable
from functools import partial

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
    max_examples=600,
    stateful_step_count=50,
    deadline=None,
    database=None,
    phases=(Phase.generate,),
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
)

Plant = Callable[[pytest.MonkeyPatch], None]


def kafka_is_told_at_written(patch: pytest.MonkeyPatch) -> None:
    written = Writes._written

    def mistake(self: Writes, sent: object, ours: object, now: float) -> None:
        written(self, sent, ours, now)
        for partition, (_, stop) in ours.ranges.items():
            self.state.parts[partition].confirmed = stop

    patch.setattr(Writes, "_written", mistake)


def a_confirm_is_believed_unread(patch: pytest.MonkeyPatch) -> None:
    def mistake(_self: Confirms, tracked: Tracked, _cursor: object) -> None:
        tracked.confirmed = tracked.written

    patch.setattr(Confirms, "_disappointed", mistake)


def a_gap_is_believed_at_once(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(gaps, "_believed", lambda _tracked, _jump: True)


def trust_survives_a_failed_poll(patch: pytest.MonkeyPatch) -> None:
    def mistake(tracked: Tracked) -> None:
        tracked.suspect, tracked.restart = None, True
        # The sink forgets to withdraw `trusted`, and the client its seek.
        tracked.restart = not tracked.trusted

    patch.setattr(gaps, "distrust", mistake)


def nothing_is_read_again(patch: pytest.MonkeyPatch) -> None:
    def mistake(tracked: Tracked) -> None:
        tracked.trusted, tracked.suspect = False, None

    def believed(tracked: Tracked, jump: int) -> bool:
        seen, tracked.suspect = tracked.suspect == jump, jump
        return seen

    patch.setattr(gaps, "distrust", mistake)
    patch.setattr(gaps, "_believed", believed)


def a_stale_answer_counts(patch: pytest.MonkeyPatch) -> None:
    land = Buffer.land

    def mistake(self: Buffer, slice_id: str) -> object:
        return land(self, self.flying.id if self.flying else slice_id)

    patch.setattr(Buffer, "land", mistake)


def a_trim_takes_one_too_many(patch: pytest.MonkeyPatch) -> None:
    trim = Buffer.trim

    def mistake(self: Buffer, partition: object, position: int) -> None:
        held = self.first_held(partition)
        further = held is not None and held < position
        trim(self, partition, position + further)

    patch.setattr(Buffer, "trim", mistake)


def a_kept_slice_is_not_trimmed(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Buffer, "trim", lambda _self, _partition, _position: None)


def rows_are_not_counted(patch: pytest.MonkeyPatch) -> None:
    def mistake(self: Buffer) -> Room:
        return Room(1_000_000, self.batch.max_bytes)

    patch.setattr(Buffer, "room", mistake)


def bytes_are_not_counted(patch: pytest.MonkeyPatch) -> None:
    room = Buffer.room
    patch.setattr(Buffer, "room", lambda self: room(self)._replace(bytes=1_000_000))


def gaps_pile_up(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Buffer, "_grow", lambda _self, _segment: False)


def a_lost_partition_is_written_again(patch: pytest.MonkeyPatch) -> None:
    drop = Buffer.drop

    def mistake(self: Buffer, partitions: object) -> int:
        dropped = drop(self, partitions)
        self._disowned.clear()
        return dropped

    patch.setattr(Buffer, "drop", mistake)


def an_innocent_row_is_buried(patch: pytest.MonkeyPatch) -> None:
    rejected = Writes._rejected

    def mistake(
        self: Writes, sent: object, ours: object, offenders: object, detail: str
    ) -> None:
        del sent
        if ours.segments:
            rejected(self, ours, ours, offenders, detail)

    patch.setattr(Writes, "_rejected", mistake)


def refusals_are_never_forgotten(patch: pytest.MonkeyPatch) -> None:
    """Count what earlier slices had refused against the next one's bound."""
    divide = Bisection.divide

    def mistake(self: Bisection, *args: object) -> object:
        self.refused += 4
        return divide(self, *args)

    patch.setattr(Bisection, "divide", mistake)


def a_fenced_partition_keeps_its_rows(patch: pytest.MonkeyPatch) -> None:
    fence = State.fence

    def mistake(self: State, partitions: object) -> None:
        outbox = list(self.buffer.outbox)
        fence(self, partitions)
        self.buffer.outbox.clear()
        self.buffer.outbox.extend(outbox)

    patch.setattr(State, "fence", mistake)


def a_refused_commit_is_not_repeated(patch: pytest.MonkeyPatch) -> None:
    told = Confirms.told

    def mistake(self: Confirms, answer: object, now: float) -> None:
        told(self, type(answer)(answer.positions, {}), now)

    patch.setattr(Confirms, "told", mistake)


def a_claim_failed_is_a_claim_lost(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Claims, "_failed", lambda _self, _mine, _error, _now: None)


CURSORS: list[Plant] = [
    kafka_is_told_at_written,
    a_confirm_is_believed_unread,
    a_gap_is_believed_at_once,
    trust_survives_a_failed_poll,
    nothing_is_read_again,
    a_stale_answer_counts,
    a_trim_takes_one_too_many,
    a_kept_slice_is_not_trimmed,
    rows_are_not_counted,
    bytes_are_not_counted,
    gaps_pile_up,
    a_lost_partition_is_written_again,
    an_innocent_row_is_buried,
    refusals_are_never_forgotten,
    a_fenced_partition_keeps_its_rows,
    a_claim_failed_is_a_claim_lost,
]
AT_LEAST_ONCE: list[Plant] = [
    a_refused_commit_is_not_repeated,
    a_gap_is_believed_at_once,
]


def _hunt(rules: type[CoreRules]) -> None:
    run_state_machine_as_test(seed(20_26)(rules), settings=HUNT)


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
        partial(_hunt, rules)()
