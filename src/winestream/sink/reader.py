"""The reader: moves data from the source through the core to the writer thread.

Its only edges are the source, the desk (`submit` and `answer`) and `now`, so a
simulator can drive it. Everything here runs on one thread, whoever calls `step`.
"""

from collections.abc import Callable
from typing import assert_never

import attrs

from winestream import telemetry as tell
from winestream.core import Core
from winestream.core import effects as do
from winestream.core import inputs as got
from winestream.errors import FatalSourceError, SourceError
from winestream.ports import Codec, CommitResult, Poll, Source
from winestream.records import LogPartition, Room
from winestream.sink.desk import Answered, Desk
from winestream.sink.report import Report
from winestream.sink.segments import segment_of

BUSY_POLL_SECONDS = 0.05
"""A poll cannot be woken, so while an answer is due it may wait only this long."""

UNPOLLED_SECONDS = 2.0
"""So long a full buffer may wait for the writer before the source is held and polled.

To hold throws away what the client has fetched ahead, and with a slice written in a
tenth of a second that would be done for every slice: 1.6 µs an event. Far below any
poll interval; a rebalance may have to wait for it.
"""

HEED_SECONDS = 0.5
"""How soon a stop is noticed while a revocation waits for the writer."""

FAILED_POLL_SECONDS = 0.2
"""A source that fails is left alone for this long before the next poll."""


@attrs.define
class Reader:
    """Performs the core's effects and feeds it what comes of them."""

    source: Source
    desk: Desk
    codec: Codec
    core: Core
    now: Callable[[], float]
    report: Report
    drain_seconds: float
    stop_seconds: float
    failure: Exception | None = None
    """What the core failed with; set once, then `over`."""
    abandoned: int = 0
    over: bool = False
    _stop_asked: bool = False
    """A plain flag: an Event's lock could be held when a signal handler sets it."""
    _stop_fed: bool = False
    _waiting: int = 0
    """Commands the writer has not answered: none or one."""
    _effect: do.Effect | None = None
    """What is being performed."""
    _polled_at: float = float("-inf")
    _hold: bool = False
    """Whether the core wants the source held."""
    _held: bool = False
    """Whether it is: a hold is put off until the source has to be polled under it."""
    _draining: bool = False
    _deferred: list[do.Start | do.Hold] = attrs.field(factory=list)
    _raised: BaseException | None = None
    """What went wrong inside `on_revoke`, to be raised when the poll is over."""

    def step(self, timeout: float) -> None:
        """Take one turn: at most one poll, waiting at most `timeout` seconds."""
        self._heed_stop()
        self._pump()
        if self.over:
            return
        room = self.core.room()
        if room.free:
            busy = BUSY_POLL_SECONDS if self._waiting else timeout
            self._poll(room, min(busy, self._until_wake(timeout)))
        else:
            self._poll_without_room(timeout)
        self._pump()

    def stop(self) -> None:
        """Ask for a graceful stop. Any thread, signal handlers too."""
        self._stop_asked = True

    def end(self) -> None:
        """Do nothing more; a partition that is revoked from now on simply goes."""
        self.over = True

    def on_revoke(self, partitions: frozenset[LogPartition]) -> None:
        """Drain partitions that are about to leave. Called inside `source.poll`."""
        self._draining = True
        try:
            self._drain(partitions & self.core.state.parts.keys())
        except BaseException as error:  # noqa: BLE001 — a raising callback loses data
            self._raised = error
        finally:
            self._draining = False

    def _drain(self, leaving: frozenset[LogPartition]) -> None:
        if not leaving:
            return
        deadline = self.now() + self.drain_seconds
        self.core.feed(got.Revoked(leaving, deadline), self.now())
        while leaving and not self.over:
            effect = self._act()
            if effect is None:
                left = min(deadline - self.now(), HEED_SECONDS)
                self._take_answer(self._until_wake(left))
                self._heed_stop()
            elif isinstance(effect, do.Release):
                leaving -= effect.partitions

    def _heed_stop(self) -> None:
        if self._stop_asked and not self._stop_fed:
            self._stop_fed = True
            now = self.now()
            self.core.feed(got.Stop(now + self.stop_seconds), now)

    def _pump(self) -> None:
        """Perform effects and take answers until there is nothing left to do now."""
        while not self.over:
            if self._act() is None and not self._take_answer(0.0):
                return

    def _act(self) -> do.Effect | None:
        """Perform the next effect and return it.

        One that was interrupted is performed again: a lost `Start` or `Hold` would
        leave a partition unread for ever, and twice does no harm.
        """
        if self._effect is None:
            self._effect = self.core.next_effect(self.now())
        effect = self._effect
        if effect is not None:
            self._perform(effect)
            self._effect = None
        return effect

    def _take_answer(self, timeout: float) -> bool:
        answered = self.desk.answer(timeout)
        if answered is not None:
            self._answered(answered)
        return answered is not None

    def _answered(self, answered: Answered) -> None:
        self._waiting = 0
        # The core first: nobody repeats an answer should a hook be interrupted.
        self.core.feed(answered.answer, self.now())
        self.report.answer(answered.answer, answered.seconds)

    def _until_wake(self, longest: float) -> float:
        wake = self.core.wake_at()
        if wake is not None:
            longest = min(longest, wake - self.now())
        return max(0.0, longest)

    # --------------------------------------------------------------------- polling

    def _poll_without_room(self, timeout: float) -> None:
        longest = self._until_wake(timeout)
        if self._waiting:
            self._take_answer(longest)
            if self.now() < self._polled_at + UNPOLLED_SECONDS:
                return
            longest = 0.0
        if self._hold and not self._held:
            self._held = True
            self.source.hold(self._hold)
        # With nothing at the desk only the source has news: commits, rebalances.
        self._poll(Room(0, 0), min(BUSY_POLL_SECONDS, longest))

    def _poll(self, room: Room, timeout: float) -> None:
        """Poll and feed. Whatever is raised before all is fed, the rest is re-read."""
        self._polled_at = self.now()
        try:
            self._feed(self.source.poll(room, timeout))
        except FatalSourceError as error:
            self.core.feed(got.Fatal(error), self.now())
        except SourceError as error:
            self._poll_failed(error)
            self._take_answer(FAILED_POLL_SECONDS)
        except BaseException as error:
            self._poll_failed(error)
            raise

    def _poll_failed(self, error: BaseException) -> None:
        self._perform_deferred()
        self.core.feed(got.PollFailed(), self.now())
        self.report(tell.PollFailed(f"{type(error).__name__}: {error}"))

    def _raise_deferred(self) -> None:
        if self._raised is not None:
            error, self._raised = self._raised, None
            raise error

    def _feed(self, poll: Poll) -> None:
        # What a drain inside this poll restarted was fetched from the old position.
        stale = self._perform_deferred()
        # First, for nobody repeats them should anything below raise, a hook included.
        # A partition lost and assigned anew would never be started again.
        if poll.lost:
            self.core.feed(got.Lost(poll.lost), self.now())
        for commit in poll.commits:
            self._feed_commit(commit)
        for commit in poll.commits:
            self._tell_commit(commit)
        if poll.lost:
            self.report(tell.PartitionsLost(poll.lost))
        self._raise_deferred()
        self._assign(poll.assigned - self.core.state.parts.keys())
        for run in poll.runs:
            if run.partition not in stale:
                segment = segment_of(run, self.codec.inspect(run.values))
                self.core.feed(got.Fetched(segment), self.now())
        self.report.polled(poll.runs)
        for item in poll.out_of_range:
            self.core.feed(
                got.OutOfRange(item.partition, item.low, item.high), self.now()
            )
        reached = {p: at for p, at in poll.reached.items() if p not in stale}
        if reached:
            self.core.feed(got.Reached(reached), self.now())
        self.core.feed(got.Polled(poll.assigned), self.now())

    def _assign(self, partitions: frozenset[LogPartition]) -> None:
        if not partitions:
            return
        ordered = sorted(partitions)
        initial = dict(self.source.initial_positions(ordered))
        if not self.core.state.settings.cursors:
            initial.update(self.source.committed(ordered))
        self.report(tell.PartitionsAssigned(partitions))
        self.core.feed(got.Assigned(initial), self.now())

    def _feed_commit(self, result: CommitResult) -> None:
        answer = got.KafkaCommitted(result.positions, result.errors, result.gone)
        self.core.feed(answer, self.now())

    def _tell_commit(self, result: CommitResult) -> None:
        self.report(tell.KafkaCommitted(result.positions, result.errors))

    # --------------------------------------------------------------------- effects

    def _perform(self, effect: do.Effect) -> None:
        self.report.effect(effect)
        match effect:
            case do.Claim() | do.Write() | do.Confirm():
                self._waiting = 1
                self.desk.submit(effect)
            case do.Start() | do.Hold():
                # Inside a revocation the source may only commit.
                if self._draining:
                    self._deferred.append(effect)
                else:
                    self._steer(effect)
            case do.CommitKafka(positions, wait):
                result = self.source.commit(positions, wait=wait)
                if result is not None:
                    self._feed_commit(result)
                    self._tell_commit(result)
            case do.Release() | do.Landed() | do.Outage():
                pass
            case do.Fail(error):
                self.failure, self.over = error, True
            case do.Done(abandoned):
                self.abandoned, self.over = abandoned, True
            case _:
                assert_never(effect)

    def _steer(self, effect: do.Start | do.Hold) -> None:
        if isinstance(effect, do.Start):
            self.source.start(effect.positions)
            return
        self._hold = effect.held
        if self._held and not self._hold:
            self.source.hold(self._hold)
            self._held = False

    def _perform_deferred(self) -> frozenset[LogPartition]:
        """Do what a drain put off; return the partitions it restarted."""
        deferred, self._deferred = self._deferred, []
        stale: set[LogPartition] = set()
        for effect in deferred:
            self._steer(effect)
            if isinstance(effect, do.Start):
                stale |= effect.positions.keys()
        return frozenset(stale)
