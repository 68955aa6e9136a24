"""Confirming: Kafka is told only what a second look at the cursor has shown.

A session whose transaction the server ended goes on in a new one without noticing, and
its COMMIT answers "done" for nothing. So the warehouse's word for a slice is believed
only when the next slice's compare-and-set finds the cursor there, or, when no next
slice is in sight, when the cursor is read.
"""

from collections.abc import Iterator

import attrs

from winestream.core import effects as do
from winestream.core import inputs as got
from winestream.core.partitions import Phase, Tracked
from winestream.core.state import State
from winestream.records import Cursor, LogPartition

ASK_AGAIN_SECONDS = 1.0
"""Between a commit that Kafka refused and the next."""


@attrs.define
class Confirms:
    """Reads cursors of idle partitions, and tells Kafka what is confirmed."""

    state: State
    failures: int = 0
    _not_before: float = 0.0
    _counter: int = 0
    _asked: dict[LogPartition, int] | None = None

    @property
    def busy(self) -> bool:
        """Whether the writer has a confirm."""
        return self._asked is not None

    def next_effect(self, now: float) -> do.Effect | None:
        """Confirm what is idle and unconfirmed. Nothing may be with the writer."""
        idle = list(self._idle())
        if not any(self._due_at(tracked) <= now for tracked in idle):
            return None
        self._counter += 1
        self._asked = {tracked.partition: tracked.term for tracked in idle}
        return do.Confirm(self._counter, frozenset(self._asked))

    def timers(self) -> Iterator[float]:
        """Yield when `next_effect` may have something to confirm."""
        return map(self._due_at, self._idle())

    def answered(self, answer: got.Confirmed | got.ConfirmFailed, now: float) -> None:
        """Take the answer to the confirm under way; any other changes nothing."""
        if self._asked is None or answer.confirm_id != self._counter:
            return
        asked, self._asked = self._asked, None
        if isinstance(answer, got.ConfirmFailed):
            self.failures += 1
            settings = self.state.settings
            pause = settings.retry.pause(self.failures, settings.jitter())
            self._not_before = now + pause
            return
        self.failures, self._not_before = 0, 0.0
        for tracked in list(self.state.tracked(asked)):
            if asked[tracked.partition] != tracked.term:
                continue
            cursor = answer.cursors.get(tracked.partition)
            mine = (tracked.written, tracked.epoch)
            if cursor is not None and (cursor.position, cursor.epoch) == mine:
                tracked.confirmed = tracked.written
            else:  # taken over, rewound, or the commit was for nothing
                self._disappointed(tracked, cursor)

    def _disappointed(self, tracked: Tracked, cursor: Cursor | None) -> None:
        """Give the partition up; what it wrote for nothing is read again, or left."""
        if self.state.stopping and cursor and cursor.epoch == tracked.epoch:
            self.state.abandoned += max(0, tracked.written - cursor.position)
        self.state.fence([tracked.partition])

    def tell(self, now: float) -> do.Effect | None:
        """Tell Kafka what is confirmed and not yet asked of it."""
        due = [t for t in self._untold() if t.ask_again_at <= now]
        if not due:
            return None
        for tracked in due:
            tracked.asked = tracked.confirmed
        # A stop polls on and so hears the answer; the client's waiting knows no limit.
        last = any(t.deadline is not None for t in due)
        wait = last and not self.state.settings.cursors
        return do.CommitKafka({t.partition: t.confirmed for t in due}, wait)

    def tell_timers(self) -> Iterator[float]:
        """Yield when `tell` may have something to say."""
        return (tracked.ask_again_at for tracked in self._untold())

    def told(self, answer: got.KafkaCommitted, now: float) -> None:
        """Note what Kafka took; what it refused is asked again a little later."""
        for tracked in self.state.tracked(answer.positions):
            if tracked.partition not in answer.errors:
                position = answer.positions[tracked.partition]
                tracked.told = max(tracked.told, position)
            elif answer.positions[tracked.partition] == tracked.asked:
                tracked.asked = tracked.told
                tracked.ask_again_at = now + ASK_AGAIN_SECONDS
                if tracked.deadline is not None and tracked.partition in answer.gone:
                    # It is read elsewhere: to stay would block the group for nothing.
                    tracked.deadline = now

    def _idle(self) -> Iterator[Tracked]:
        open_ones = [
            tracked
            for tracked in self.state.parts.values()
            if tracked.phase is Phase.ACTIVE and not tracked.settled
        ]
        # Of all at once: one by one it was 0.2 µs an event with 32 partitions.
        held = self.state.buffer.held() if open_ones else ()
        return (t for t in open_ones if t.partition not in held)

    def _due_at(self, tracked: Tracked) -> float:
        """Without hurry a partition is left idle for a while first."""
        if tracked.deadline is not None or self.state.stopping:
            return self._not_before
        pause = self.state.settings.batch.confirm_after.total_seconds()
        return max(self._not_before, tracked.written_at + pause)

    def _untold(self) -> Iterator[Tracked]:
        for tracked in self.state.parts.values():
            if tracked.confirmed > tracked.asked:
                yield tracked
