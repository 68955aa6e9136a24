"""The core: told what happened, it says what to do next.

`feed(input, now)` never acts, `next_effect(now)` never waits: the shell (the sink, or
a simulator) performs each effect, feeds what came of it, and asks again no later than
`wake_at()`. Time is an argument, in seconds of any monotonic clock; jitter and the
owner are handed in. The core alone owns expected positions and what is paused. What
follows from state is derived from it when asked, so no queue of intentions can go
stale.
"""

from collections.abc import Iterator, Mapping
from typing import assert_never

from winestream.core import effects as do
from winestream.core import gaps
from winestream.core import inputs as got
from winestream.core.buffer import Buffer
from winestream.core.claims import Claims
from winestream.core.confirms import Confirms
from winestream.core.partitions import Tracked
from winestream.core.policy import CoreSettings
from winestream.core.state import State
from winestream.core.writes import Writes
from winestream.errors import FatalSourceError, RetentionLossError
from winestream.records import Gap, LogPartition, Room, Segment


class Core:
    """The delivery protocol as a pure state machine. Not thread-safe."""

    def __init__(self, settings: CoreSettings) -> None:
        self.state = State(settings, Buffer(settings.batch, settings.owner))
        self.writes = Writes(self.state)
        self.claims = Claims(self.state, self.writes)
        self.confirms = Confirms(self.state)
        self._terms = 0
        self._held = False
        self._outage_told = False
        self._error: Exception | None = None
        self._over = False

    # ------------------------------------------------------------------ questions

    def room(self) -> Room:
        """Return how much may be fetched now; nothing once stopping."""
        return Room(0, 0) if self.state.stopping else self.state.buffer.room()

    @property
    def outage(self) -> bool:
        """Whether the quick retries of a write or a claim are used up."""
        return self.writes.exhausted or self.claims.exhausted

    def wake_at(self) -> float | None:
        """Return when `next_effect` has something to say without new input."""
        return None if self._over else min(self._timers(), default=None)

    def next_effect(self, now: float) -> do.Effect | None:
        """Return the next thing to do, or None until new input or `wake_at`."""
        if self._over:
            return None
        if self.state.failure is not None:
            self._over = True
            return do.Fail(self.state.failure)
        if self.state.facts:
            return self.state.facts.popleft()
        self.writes.seal(now)
        return (
            self._outage_changed()
            or self._start()
            or self.confirms.tell(now)
            or self._release(now)
            or self._done(now)
            or self._command(now)
            or self._hold()
        )

    # --------------------------------------------------------------------- inputs

    def feed(self, item: got.Input, now: float) -> None:  # noqa: C901, PLR0912 — a table
        """Take note of what happened."""
        match item:
            case got.Fetched(segment):
                self._fetched(segment, now)
            case got.Polled(assigned):
                self.claims.seen(assigned, now)
            case got.Reached(positions):
                self._reached(positions, now)
            case got.PollFailed():
                for tracked in self.state.parts.values():
                    gaps.distrust(tracked)
            case got.OutOfRange():
                self._out_of_range(item, now)
            case got.Assigned(initial):
                self._assigned(initial)
            case got.Revoked(partitions, deadline):
                for tracked in self.state.tracked(partitions):
                    tracked.leave(deadline, cursors=self.state.settings.cursors)
            case got.Lost(partitions):
                self.state.forget(partitions)
            case got.KafkaCommitted():
                self.confirms.told(item, now)
            case got.Stop(deadline):
                self.state.stop_at = deadline
            case got.Claimed() | got.ClaimFailed():
                self._note_error(item)
                self.claims.answered(item, now)
            case got.Confirmed() | got.ConfirmFailed():
                self.confirms.answered(item, now)
            case (
                got.Written()
                | got.Retryable()
                | got.Rejected()
                | got.Unknown()
                | got.Fenced()
            ):
                self._note_error(item)
                self.writes.answered(item, now)
            case got.NewLog(_, error) | got.Fatal(error):
                self.state.fail(error)
            case _:
                assert_never(item)

    def _assigned(self, initial: Mapping[LogPartition, int]) -> None:
        self.state.forget(initial.keys() & self.state.parts.keys())
        for partition, position in initial.items():
            self._terms += 1
            tracked = Tracked(partition, self._terms, position)
            if not self.state.settings.cursors:
                tracked.owned_at(position, epoch=0, reread=True)
            self.state.parts[partition] = tracked

    def _fetched(self, segment: Segment, now: float) -> None:
        tracked = self._reading(segment.partition)
        if tracked is not None:
            part = gaps.admit(tracked, segment)
            if part is not None:
                self.state.buffer.add(part, now)

    def _reached(self, positions: Mapping[LogPartition, int], now: float) -> None:
        for partition, position in positions.items():
            tracked = self._reading(partition)
            if tracked is not None:
                gap = gaps.trail(tracked, position)
                if gap is not None:
                    self.state.buffer.add(gap, now)

    def _out_of_range(self, item: got.OutOfRange, now: float) -> None:
        tracked = self._reading(item.partition)
        if tracked is None:
            return
        start = tracked.expected
        if item.high < start:
            self.state.fail(
                FatalSourceError(
                    f"{item.partition} ends at {item.high}, before the position "
                    f"{start} already written: the log was truncated, or it is "
                    "another log of the same name. Nothing was changed"
                )
            )
        elif item.low <= start:
            tracked.restart = True
        elif self.state.settings.safety.on_retention_loss == "stop":
            self.state.fail(
                RetentionLossError(
                    f"{item.partition}: offsets {start} to {item.low - 1} were deleted "
                    'by retention before they were read. on_retention_loss="record" '
                    "records them as lost and goes on"
                )
            )
        else:
            gap = Gap(start, item.low, "retention")
            self.state.buffer.add(
                Segment(item.partition, start, item.low, gaps=(gap,)), now
            )
            tracked.expected, tracked.restart = item.low, True

    def _reading(self, partition: LogPartition) -> Tracked | None:
        """Return the partition if its messages count; not those before a restart."""
        tracked = self.state.parts.get(partition)
        wanted = tracked is not None and tracked.reading and not tracked.restart
        return tracked if wanted and not self.state.stopping else None

    def _note_error(self, item: got.Answer) -> None:
        if isinstance(item, got.ClaimFailed | got.Retryable | got.Unknown):
            self._error = item.error

    # -------------------------------------------------------------------- effects

    def _outage_changed(self) -> do.Effect | None:
        if self.outage == self._outage_told:
            return None
        self._outage_told = self.outage
        return do.Outage(self.outage, self._error if self.outage else None)

    def _start(self) -> do.Effect | None:
        restarting = [t for t in self.state.parts.values() if t.restart and t.reading]
        for tracked in restarting:
            tracked.restart = False
        positions = {t.partition: t.expected for t in restarting}
        return do.Start(positions) if positions else None

    def _release(self, now: float) -> do.Effect | None:
        going = [
            tracked.partition
            for tracked in self.state.parts.values()
            if tracked.deadline is not None
            and (now >= tracked.deadline or self._drained(tracked))
        ]
        if not going:
            return None
        return do.Release(frozenset(going), self.state.forget(going))

    def _drained(self, tracked: Tracked) -> bool:
        """Whether nothing more can be done for a partition that leaves."""
        if self.state.buffer.first_held(tracked.partition) is not None:
            return False
        told = self.state.settings.cursors or tracked.told >= tracked.confirmed
        return tracked.settled and told

    def _done(self, now: float) -> do.Effect | None:
        stop_at = self.state.stop_at
        if stop_at is None:
            return None
        parts = self.state.parts.values()
        finished = not any(True for _ in self.state.buffer.segments()) and all(
            tracked.settled and tracked.told >= tracked.confirmed for tracked in parts
        )
        if not finished and now < stop_at:
            return None
        self._over = True
        held = sum(part.message_count for part in self.state.buffer.segments())
        return do.Done(held + self.state.abandoned)

    def _hold(self) -> do.Effect | None:
        held = not self.room().free
        if held == self._held:
            return None
        self._held = held
        return do.Hold(held)

    def _command(self, now: float) -> do.Effect | None:
        """Give the writer something to do, one thing at a time; claims go first."""
        if self._busy:
            return None
        return (
            self.claims.next_effect(now)
            or self.writes.next_effect(now)
            or self.confirms.next_effect(now)
        )

    @property
    def _busy(self) -> bool:
        return self.claims.busy or self.writes.busy or self.confirms.busy

    def _timers(self) -> Iterator[float]:
        if self.state.stop_at is not None:
            yield self.state.stop_at
        for tracked in self.state.parts.values():
            if tracked.deadline is not None:
                yield tracked.deadline
        yield from self.confirms.tell_timers()
        yield from self.writes.seal_timers()
        if not self._busy:
            yield from self.claims.timers()
            yield from self.writes.timers()
            yield from self.confirms.timers()
