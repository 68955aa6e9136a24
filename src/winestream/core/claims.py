"""Claims: taking a cursor over, or keeping it after an unknown outcome."""

from collections.abc import Collection, Iterator

import attrs

from winestream.core import effects as do
from winestream.core import inputs as got
from winestream.core.partitions import Phase, Tracked
from winestream.core.state import State
from winestream.core.writes import Writes
from winestream.records import Cursor, LogPartition, Want

_UNDER_WAY = {Phase.UNCLAIMED: Phase.TAKING, Phase.UNSURE: Phase.KEEPING}
_BACK = {under_way: phase for phase, under_way in _UNDER_WAY.items()}

REJOIN_SECONDS = 1.0
"""A fenced partition is taken again within this, drawn, so that rivals part."""


@attrs.define
class Claims:
    """At most one claim is with the writer, and none beside a slice."""

    state: State
    writes: Writes
    failures: int = 0
    _counter: int = 0
    _asked: dict[LogPartition, int] | None = None
    """The partitions of the claim under way, with their terms."""

    @property
    def busy(self) -> bool:
        """Whether the writer has a claim."""
        return self._asked is not None

    @property
    def exhausted(self) -> bool:
        """Whether the quick retries are used up."""
        waiting = self.busy or any(True for _ in self._wanting())
        return waiting and self.state.settings.retry.exhausted(self.failures)

    def covers(self, tracked: Tracked) -> bool:
        """Whether the claim under way asks for this partition."""
        return tracked.phase in _BACK

    def next_effect(self, now: float) -> do.Effect | None:
        """Claim what wants it. Nothing may be with the writer."""
        todo = [t for t in self._wanting() if t.not_before <= now]
        if not todo:
            return None
        self._counter += 1
        self._asked = {t.partition: t.term for t in todo}
        wants = {t.partition: self._want(t) for t in todo}
        for tracked in todo:
            tracked.phase = _UNDER_WAY[tracked.phase]
        return do.Claim(self._counter, wants)

    def timers(self) -> Iterator[float]:
        """Yield when `next_effect` may have something to claim."""
        return (tracked.not_before for tracked in self._wanting())

    def seen(self, assigned: Collection[LogPartition], now: float) -> None:
        """Take again what was fenced and yet a completed poll shows as ours."""
        for tracked in self.state.tracked(assigned):
            if tracked.phase is Phase.FENCED:
                wait = REJOIN_SECONDS * self.state.settings.jitter()
                tracked.phase, tracked.not_before = Phase.UNCLAIMED, now + wait

    def answered(self, answer: got.Claimed | got.ClaimFailed, now: float) -> None:
        """Take the answer to the claim under way; any other changes nothing."""
        if self._asked is None or answer.claim_id != self._counter:
            return
        asked, self._asked = self._asked, None
        mine = [t for t in self.state.tracked(asked) if asked[t.partition] == t.term]
        if isinstance(answer, got.ClaimFailed):
            self._failed(mine, answer.error, now)
            return
        self.failures = 0
        for tracked in mine:
            cursor = answer.cursors.get(tracked.partition)
            if cursor is None:  # its epoch moved on: somebody else's
                self.state.fence([tracked.partition])
            elif tracked.phase is Phase.KEEPING:
                self._keep(tracked, cursor, now)
            else:
                tracked.owned_at(cursor.position, cursor.epoch, reread=True)

    def _wanting(self) -> Iterator[Tracked]:
        for tracked in self.state.parts.values():
            leaving = tracked.deadline is not None or self.state.stopping
            if tracked.phase is Phase.UNSURE or (
                tracked.phase is Phase.UNCLAIMED and not leaving
            ):
                yield tracked

    def _want(self, tracked: Tracked) -> Want:
        keep = tracked.epoch if tracked.phase is Phase.UNSURE else None
        new_log = self.state.settings.safety.on_new_log == "start"
        return Want(tracked.initial, keep, new_log)

    def _keep(self, tracked: Tracked, cursor: Cursor, now: float) -> None:
        """Ours still: what landed is trimmed, the rest is not read again."""
        partition, position = tracked.partition, cursor.position
        first = self.state.buffer.first_held(partition)
        self.writes.resolve(partition, position, now)
        held_from = tracked.expected if first is None else first
        if held_from <= position <= tracked.expected:
            self.state.buffer.trim(partition, position)
            tracked.owned_at(position, cursor.epoch, reread=False)
        else:
            self.state.buffer.drop([partition])
            tracked.owned_at(position, cursor.epoch, reread=True)

    def _failed(self, mine: list[Tracked], error: Exception, now: float) -> None:
        self.failures += 1
        retry = self.state.settings.retry
        if retry.exhausted(self.failures) and retry.on_exhausted == "stop":
            self.state.fail(error)
        pause = retry.pause(self.failures, self.state.settings.jitter())
        for tracked in mine:
            tracked.phase, tracked.not_before = _BACK[tracked.phase], now + pause
