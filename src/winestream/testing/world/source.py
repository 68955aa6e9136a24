"""One member's client: the sink's `Source`, with everything a poll may do to it."""

from collections.abc import Callable, Iterable, Mapping, Sequence

import attrs

from winestream.errors import SourceError
from winestream.ports import CommitResult, OnRevoke, OutOfRange, Poll
from winestream.records import LogPartition, Room, Run, Watermarks, dense
from winestream.testing.world.faults import Fault, Weather
from winestream.testing.world.group import Group, Member
from winestream.testing.world.history import History, Promise, Violation
from winestream.testing.world.interrupts import Interrupted
from winestream.testing.world.log import SimLog
from winestream.testing.world.promises import Promises
from winestream.testing.world.scheduler import Scheduler

PAGE = 8
"""The most messages one poll brings."""


@attrs.define(eq=False)
class SimSource:
    """See `Source`. `enter` is called first by every method; it raises `Vanished`."""

    scheduler: Scheduler
    weather: Weather
    history: History
    logs: Mapping[LogPartition, SimLog]
    group: Group
    member: Member
    promises: Promises
    enter: Callable[[], None]
    crash: Callable[[Fault], None]
    drain_seconds: float
    wanted: float = 0.0
    """How long the last poll was allowed to wait."""
    polled_at: float = 0.0
    longest_silence: float = 0.0
    """The longest time between two polls."""
    fetched: bool = False
    """Whether the last poll brought something."""
    _on_revoke: OnRevoke | None = None
    _position: dict[LogPartition, int] = attrs.field(factory=dict)
    _moved: set[LogPartition] = attrs.field(factory=set)
    """Partitions of which something was read since their last start."""
    _jumped: set[LogPartition] = attrs.field(factory=set)
    """Partitions that have shown a gap, so that the sink may trust them."""
    _lied: set[LogPartition] = attrs.field(factory=set)
    _sent_until: float = 0.0
    _held: bool = False
    _largest: int = 1
    _answers: list[CommitResult] = attrs.field(factory=list)

    # --------------------------------------------------------------------- the port

    def open(self, on_revoke: OnRevoke) -> None:
        """See `Source`."""
        self._on_revoke = on_revoke
        self.polled_at = self.scheduler.now
        self.group.join(self.member)

    def poll(self, room: Room, timeout: float) -> Poll:
        """See `Source`."""
        self.enter()
        now = self.scheduler.now
        self.longest_silence = max(self.longest_silence, now - self.polled_at)
        self.wanted, self.polled_at = timeout, now
        self.fetched = False
        self._perhaps_crash()
        before = set(self.member.view)
        self.group.serve(self.member, self._revoked)
        self.enter()
        self._forget(before - self.member.view)
        if self.weather.strikes(Fault.POLL_RAISED):
            self._destroy()
            raise SourceError("the poll failed")
        if self.weather.strikes(Fault.POLL_INTERRUPTED):
            self._destroy()
            raise Interrupted
        outside = [] if self._held else self._out_of_range()
        most = max(1, min(room.rows, room.bytes // self._largest, PAGE))
        runs = [] if self._held else self._fetch(self.scheduler.below(most) + 1)
        lost, self.member.lost = frozenset(self.member.lost), set()
        answers, self._answers = self._answers, []
        self.fetched = bool(runs or lost or answers)
        self._perhaps_crash()
        return Poll(
            runs=runs,
            assigned=frozenset(self.member.view),
            lost=lost,
            out_of_range=outside,
            commits=answers,
            reached={} if runs else self._reached(),
        )

    def initial_positions(
        self, partitions: Iterable[LogPartition]
    ) -> Mapping[LogPartition, int]:
        """See `Source`."""
        self.enter()
        if self.weather.strikes(Fault.ASK_FAILED):
            raise SourceError("nobody knows the offsets just now")
        return {partition: self.logs[partition].low for partition in partitions}

    def committed(
        self, partitions: Iterable[LogPartition]
    ) -> Mapping[LogPartition, int]:
        """See `Source`."""
        known = self.group.committed
        return {p: known[p] for p in partitions if p in known}

    def start(self, positions: Mapping[LogPartition, int]) -> None:
        """See `Source`."""
        self.enter()
        self._perhaps_crash()
        self.history.note(
            self.scheduler.now, self.member.name, "start", positions, of=positions
        )
        for partition, position in positions.items():
            if partition in self.member.view:
                self._position[partition] = position
                self._moved.discard(partition)

    def hold(self, held: bool) -> None:  # noqa: FBT001 — as the port has it
        """See `Source`."""
        self.enter()
        self._held = held

    def commit(
        self, positions: Mapping[LogPartition, int], *, wait: bool
    ) -> CommitResult | None:
        """See `Source`. Nobody waits here: cursors are the truth."""
        self.enter()
        del wait
        self.history.note(
            self.scheduler.now, self.member.name, "tell kafka", positions, of=positions
        )
        for partition, position in positions.items():
            self.promises.told(partition, position)
        self._perhaps_crash()
        mine = {p: at for p, at in positions.items() if p in self.member.view}
        gone = {p: at for p, at in positions.items() if p not in mine}
        if gone:
            errors = dict.fromkeys(gone, "NOT_OWNED")
            self._answers.append(CommitResult(gone, errors, frozenset(gone)))
        if mine:
            # One connection: the broker takes them in the order they were sent.
            arrives = self.scheduler.now + self.scheduler.between(0.01, 0.6)
            self._sent_until = max(self._sent_until, arrives)
            delay = self._sent_until - self.scheduler.now
            self.scheduler.after(delay, lambda: self._arrive(mine))
        return None

    def watermarks(self) -> Mapping[LogPartition, Watermarks]:
        """See `Source`."""
        return {
            p: Watermarks(self.logs[p].low, self.logs[p].end)
            for p in sorted(self.member.view)
        }

    def close(self) -> None:
        """See `Source`."""
        if self._on_revoke is not None and self.member.view:
            self._on_revoke(frozenset(self.member.view))
        self.member.view.clear()
        self.group.leave(self.member)

    @property
    def held(self) -> bool:
        """Whether nothing is to be delivered just now."""
        return self._held

    def reads(self, partitions: Iterable[LogPartition]) -> bool:
        """Whether something was read of one of these since it was started."""
        return not self._moved.isdisjoint(partitions)

    def behind(self) -> bool:
        """Whether there is something to read just now."""
        return not self._held and any(
            self.logs[partition].end > position
            for partition, position in self._position.items()
        )

    # -------------------------------------------------------------------- privately

    def _revoked(self, partitions: frozenset[LogPartition]) -> None:
        self.history.note(
            self.scheduler.now, self.member.name, "revoked", of=partitions
        )
        began, nested = self.scheduler.now, self.group.nested
        if self._on_revoke is not None:
            self._on_revoke(partitions)
        self._forget(partitions)
        took = self.scheduler.now - began
        # One drain inside another's wait holds that one up: there are no threads here.
        if self.group.nested == nested and took > self.drain_seconds + 1.0:
            text = f"a drain took {took:.1f} s"
            raise Violation(Promise.DRAIN, text, min(partitions))

    def _forget(self, partitions: Iterable[LogPartition]) -> None:
        for partition in partitions:
            self._position.pop(partition, None)
            for known in (self._moved, self._jumped, self._lied):
                known.discard(partition)

    def _perhaps_crash(self) -> None:
        if self.weather.strikes(Fault.CRASH_AT_SOURCE):
            self.crash(Fault.CRASH_AT_SOURCE)
            self.enter()

    def _arrive(self, positions: Mapping[LogPartition, int]) -> None:
        """Let the broker take or refuse a commit."""
        refused = self.weather.strikes(Fault.COMMIT_REFUSED)
        if self.weather.calm and not self.group.refused_last >= positions.keys():
            # Once more when all is calm: the last word to Kafka must be repeated too.
            self.group.refused_last |= positions.keys()
            refused = True
        errors = {
            partition: "REFUSED"
            for partition, at in positions.items()
            if refused or not self.group.commit(self.member, partition, at)
        }
        self._answers.append(CommitResult(positions, errors))

    def _destroy(self) -> None:
        """Let the client move past messages that nobody will see."""
        for partition, position in self._position.items():
            log = self.logs[partition]
            gone = log.ahead(position, self.scheduler.below(4))
            if gone and not self._held:
                self._position[partition] = gone[-1] + 1
                self._moved.add(partition)
                at_tail = not log.ahead(gone[-1] + 1, 1)
                self.weather.count(Fault.DESTROYED_TAIL if at_tail else Fault.DESTROYED)
        self._jumped.clear()
        self._lied.clear()

    def _destroy_silently(self, partition: LogPartition) -> None:
        """Do so without a word, where the sink must doubt what it sees.

        Once only: a second look that lies as well cannot be told from the truth.
        """
        if partition in self._jumped or partition in self._lied:
            return
        gone = self.logs[partition].ahead(self._position[partition], 3)
        if gone and self.weather.strikes(Fault.DESTROYED_SILENTLY):
            self.history.note(
                self.scheduler.now, self.member.name, "destroyed", gone, of=[partition]
            )
            self._lied.add(partition)
            self._position[partition] = gone[-1] + 1
            self._moved.add(partition)

    def _out_of_range(self) -> list[OutOfRange]:
        outside = [
            OutOfRange(partition, log.low, log.end)
            for partition, position in self._position.items()
            if position < (log := self.logs[partition]).low
        ]
        for item in outside:  # nothing is delivered until the next start
            self._forget_position(item.partition)
        return outside

    def _forget_position(self, partition: LogPartition) -> None:
        del self._position[partition]
        self._moved.discard(partition)

    def _fetch(self, rows: int) -> list[Run]:
        runs = []
        partitions = list(self._position)
        if len(partitions) > 1 and self.scheduler.chance(0.5):
            partitions.reverse()
        for partition in partitions:
            self._destroy_silently(partition)
            position = self._position[partition]
            offsets = self.logs[partition].ahead(position, rows)
            if offsets:
                # Nothing says that a poll brings a partition in one run.
                cut = self.scheduler.below(10)
                parts = filter(None, (offsets[:cut], offsets[cut:]))
                runs += [self._run(partition, part) for part in parts]
                rows -= len(offsets)
            if rows <= 0:
                break
        return runs

    def _run(self, partition: LogPartition, ahead: Sequence[int]) -> Run:
        offsets, position = dense(ahead), self._position[partition]
        log = self.logs[partition]
        values = [log.messages[offset] for offset in offsets]
        if offsets[0] > position or not isinstance(offsets, range):
            self._jumped.add(partition)
        self._position[partition] = offsets[-1] + 1
        self._moved.add(partition)
        self._largest = max(self._largest, *(len(value or b"") for value in values))
        self.history.note(
            self.scheduler.now, self.member.name, "read", list(offsets), of=[partition]
        )
        n = len(values)
        return Run(partition, offsets, values, [None] * n, [1000] * n)

    def _reached(self) -> dict[LogPartition, int]:
        """Say where reading stands, after moving past markers now and then."""
        for partition, position in self._position.items():
            log = self.logs[partition]
            markers = log.end > position and not log.ahead(position, 1)
            if markers and not self._held and self.scheduler.chance(0.7):
                self._position[partition] = log.end
                self._jumped.add(partition)
                self._moved.add(partition)
        return {p: at for p, at in self._position.items() if p in self._moved}
