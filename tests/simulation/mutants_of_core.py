"""Mistakes in the core and in the sink around it."""

from typing import Any

import attrs
from planting import Patch

from winestream.core import gaps
from winestream.core import inputs as got
from winestream.core.bisection import Bisection
from winestream.core.buffer import Buffer
from winestream.core.claims import Claims
from winestream.core.confirms import Confirms
from winestream.core.machine import Core
from winestream.core.partitions import Phase, Tracked
from winestream.core.state import State
from winestream.core.writes import Writes
from winestream.errors import SourceError
from winestream.records import Segment, Slice
from winestream.sink.reader import Reader


def a_position_is_one_too_far(patch: Patch) -> None:
    """Begin to read behind the first message that is missing."""
    owned_at = Tracked.owned_at

    def mistake(self: Tracked, position: int, epoch: int, *, reread: bool) -> None:
        owned_at(self, position, epoch, reread=reread)
        self.expected += reread and epoch > 1

    patch.setattr(Tracked, "owned_at", mistake)


def kafka_is_told_of_a_birth(patch: Patch) -> None:
    """Tell Kafka where a cursor was born by the word of the claim alone."""
    owned_at = Tracked.owned_at

    def mistake(self: Tracked, position: int, epoch: int, *, reread: bool) -> None:
        owned_at(self, position, epoch, reread=reread)
        if reread:
            self.asked = self.told = -1

    patch.setattr(Tracked, "owned_at", mistake)


def a_trailing_gap_is_believed_at_once(patch: Patch) -> None:
    """Do not look twice at the log's end."""
    trail = gaps.trail

    def mistake(tracked: Tracked, position: int) -> Segment | None:
        if position > tracked.expected:
            tracked.suspect = tracked.expected
        return trail(tracked, position)

    patch.setattr(gaps, "trail", mistake)


def a_failed_poll_restarts_nothing(patch: Patch) -> None:
    """Go on reading where the client stands."""
    patch.setattr(gaps, "distrust", lambda _tracked: None)


def an_interrupt_restarts_nothing(patch: Patch) -> None:
    """Feed only the source's own errors."""
    failed = Reader._poll_failed

    def mistake(self: Reader, error: BaseException) -> None:
        if isinstance(error, SourceError):
            failed(self, error)

    patch.setattr(Reader, "_poll_failed", mistake)


def a_drain_has_no_deadline(patch: Patch) -> None:
    """Release a partition only when all of it is written."""
    release = Core._release

    def mistake(self: Core, now: float) -> object:
        del now
        return release(self, float("-inf"))

    patch.setattr(Core, "_release", mistake)


def fenced_is_never_taken_again(patch: Patch) -> None:
    """Wait for the group to assign it anew."""
    patch.setattr(Claims, "seen", lambda _self, _assigned, _now: None)


def a_refused_row_is_dropped(patch: Patch) -> None:
    """Take the refused row out of its slice and keep it nowhere."""
    bury = Segment.bury

    def mistake(self: Segment, refused: Any) -> Segment:
        return attrs.evolve(bury(self, refused), dead=self.dead)

    patch.setattr(Segment, "bury", mistake)


def a_keep_is_a_take(patch: Patch) -> None:
    """Claim after an unknown outcome as after an assignment."""
    want = Claims._want

    def mistake(self: Claims, tracked: Tracked) -> Any:
        return attrs.evolve(want(self, tracked), keep_epoch=None)

    patch.setattr(Claims, "_want", mistake)


def nothing_is_trimmed(patch: Patch) -> None:
    """Write again what a lost answer had landed."""
    patch.setattr(Buffer, "trim", lambda _self, _partition, _position: None)


def lost_is_not_forgotten(patch: Patch) -> None:
    """Hold on to what the group took."""
    feed = Core.feed

    def mistake(self: Core, item: got.Input, now: float) -> None:
        if not isinstance(item, got.Lost):
            feed(self, item, now)

    patch.setattr(Core, "feed", mistake)


def an_unknown_slice_is_sent_again(patch: Patch) -> None:
    """Do not ask whose the cursors are before the next try."""

    def mistake(
        self: Writes, _sent: Slice, ours: Slice, error: Exception, now: float
    ) -> None:
        self._retry(ours, error, now)

    patch.setattr(Writes, "_unknown", mistake)


def halves_are_out_of_order(patch: Patch) -> None:
    """Write the second half of a refused slice first."""
    halves = Slice.halves

    def mistake(self: Slice, first: str, second: str) -> tuple[Slice, Slice]:
        one, two = halves(self, first, second)
        return two, one

    patch.setattr(Slice, "halves", mistake)


def a_claim_of_an_earlier_term_counts(patch: Patch) -> None:
    """Take the answer to a claim made before the partition left and came back."""
    answered = Claims.answered

    def mistake(self: Claims, answer: Any, now: float) -> None:
        if self._asked is not None:
            for partition in self._asked:
                if partition in self.state.parts:
                    self._asked[partition] = self.state.parts[partition].term
        answered(self, answer, now)

    patch.setattr(Claims, "answered", mistake)


def what_a_drain_restarted_is_fed(patch: Patch) -> None:
    """Feed what was fetched before a start that came from inside the poll."""
    perform = Reader._perform_deferred

    def mistake(self: Reader) -> frozenset[Any]:
        perform(self)
        return frozenset()

    patch.setattr(Reader, "_perform_deferred", mistake)


def what_came_before_a_restart_is_fed(patch: Patch) -> None:
    """Take messages from before the start that is due."""

    def mistake(self: Core, partition: Any) -> Tracked | None:
        tracked = self.state.parts.get(partition)
        return tracked if tracked is not None and tracked.reading else None

    patch.setattr(Core, "_reading", mistake)


def the_last_row_is_blamed(patch: Patch) -> None:
    """Bury the only row left of a slice whose refused row was another's."""

    def mistake(
        self: Writes, sent: Slice, ours: Slice, offenders: Any, detail: str
    ) -> None:
        self._bisection = self._bisection or Bisection(rows=sent.row_count)
        pieces = self._bisection.divide(
            ours, offenders, detail, self.state.settings.safety, self.state.buffer
        )
        self.state.buffer.put_back(*pieces)

    patch.setattr(Writes, "_rejected", mistake)


def the_hold_is_never_lifted(patch: Patch) -> None:
    """Forget to read on when there is room again."""
    hold = Core._hold

    def mistake(self: Core) -> Any:
        return None if self._held else hold(self)

    patch.setattr(Core, "_hold", mistake)


def retention_is_asked_again(patch: Patch) -> None:
    """Go back to a position that retention has deleted."""

    def mistake(self: Core, item: got.OutOfRange, now: float) -> None:
        del now
        tracked = self._reading(item.partition)
        if tracked is not None:
            tracked.restart = True

    patch.setattr(Core, "_out_of_range", mistake)


def kafkas_refusal_is_not_heard(patch: Patch) -> None:
    """Take every commit for granted."""
    told = Confirms.told

    def mistake(self: Confirms, answer: Any, now: float) -> None:
        told(self, type(answer)(answer.positions, {}), now)

    patch.setattr(Confirms, "told", mistake)


def what_is_idle_is_not_confirmed(patch: Patch) -> None:
    """Be content with the warehouse's word when no slice follows."""
    settled = Tracked.settled.fget
    assert settled is not None

    def mistake(self: Tracked) -> bool:
        return bool(settled(self)) or self.phase is Phase.ACTIVE

    patch.setattr(Tracked, "settled", property(mistake))


def everything_is_released_at_once(patch: Patch) -> None:
    """Give a partition back without writing what is held of it."""
    patch.setattr(Core, "_drained", lambda _self, _tracked: True)


def a_fence_drops_nothing(patch: Patch) -> None:
    """Mark the partition as fenced, and keep what is held of it."""

    def mistake(self: State, partitions: Any) -> None:
        for tracked in self.tracked(partitions):
            tracked.phase = Phase.FENCED

    patch.setattr(State, "fence", mistake)
