"""One process: a real `BatchingSink` between simulated edges, from start to end."""

from collections.abc import Callable, Mapping
from functools import partial

from winestream.core import BatchPolicy, SafetyPolicy
from winestream.core import effects as do
from winestream.core import inputs as got
from winestream.errors import AbandonedError, NewLogError, RetentionLossError
from winestream.records import LogPartition
from winestream.sink import BatchingSink
from winestream.sink.desk import Command
from winestream.telemetry import PartitionsReleased, Telemetry
from winestream.testing.world.desk import SimDesk
from winestream.testing.world.faults import Fault
from winestream.testing.world.group import Member
from winestream.testing.world.history import Promise, Violation
from winestream.testing.world.interrupts import Interrupted, Vanished
from winestream.testing.world.log import SimCodec
from winestream.testing.world.protocol import Protocol
from winestream.testing.world.source import PAGE, SimSource
from winestream.testing.world.surroundings import (
    BATCH,
    DRAIN,
    LARGEST,
    MAX_POLL_INTERVAL,
    RETRY,
    SESSION_TIMEOUT,
    STOP,
    TOO_MANY_CALLS,
    Surroundings,
)
from winestream.testing.world.timing import strike
from winestream.testing.world.wire import Wire


class Process:
    """Takes turns until it is stopped, fails or vanishes; `gone` is told when."""

    def __init__(
        self,
        around: Surroundings,
        name: str,
        safety: SafetyPolicy,
        gone: Callable[["Process", Exception | None], None],
        ended_under: Callable[[str], None],
        batch: BatchPolicy = BATCH,
    ) -> None:
        self._around = around
        self._gone = gone
        self._scheduler = around.scheduler
        self.name = name
        self.dead = self.stopping = self.in_turn = False
        self.interfered = False
        """Whether the server ended a transaction under it: it may deceive itself."""
        self.longest_wait = 0.0
        """The longest that a turn outside of a drain was ready to wait."""
        self._frozen_until = self._asleep_until = 0.0
        self._token = self._calls = 0
        self._batch = batch
        self.member = Member(name)
        self.source = SimSource(
            scheduler=around.scheduler,
            weather=around.weather,
            history=around.history,
            logs=around.promises.logs,
            group=around.group,
            member=self.member,
            promises=around.promises,
            enter=self._enter,
            crash=self.crash,
            drain_seconds=DRAIN.total_seconds(),
        )
        self.desk = self._desk(ended_under)
        self.sink = BatchingSink(
            self.source,
            SimCodec(),
            self.desk.writer,
            pipeline="simulated",
            batch=batch,
            retry=RETRY,
            safety=safety,
            drain=DRAIN,
            stop_within=STOP,
            hooks=[self._told],
            owner=name,
            desk=self.desk,
            now=around.scheduler,
            jitter=around.scheduler.random.random,
        )
        self.sink.open()
        self.wake(0.0)

    def _desk(self, ended_under: Callable[[str], None]) -> SimDesk:
        around = self._around
        wire = Wire(
            scheduler=around.scheduler,
            weather=around.weather,
            warehouse=around.warehouse,
            history=around.history,
            who=self.name,
            crash=self.crash,
            down=around.down,
            latency=around.latency,
            ended_under=ended_under,
        )
        protocol = Protocol(around.warehouse, wire, around.weather, self.name)
        desk = SimDesk(
            around.scheduler,
            around.history,
            protocol,
            draining=lambda: self.member.draining,
            wait=self._wait,
            poke=lambda: self.wake(self._scheduler.between(0.0, 0.05)),
            enter=self._enter,
            frozen=lambda: self._frozen_until - self._scheduler.now,
        )
        desk.submitted = partial(strike, around, self.source)
        desk.answered = self._answered
        return desk

    # ---------------------------------------------------------------------- its life

    def wake(self, seconds: float) -> None:
        """Let the next turn come after so long, instead of when it would have."""
        self._token += 1
        token = self._token
        self._scheduler.after(seconds, lambda: self._turn(token))

    def stop(self) -> None:
        """Ask for a graceful stop."""
        if not self.stopping:
            self.stopping = True
            self._note("stop")
            self.sink.stop()

    def crash(self, fault: Fault) -> None:
        """Vanish between two instructions."""
        if self.dead:
            return
        self._note("crash", fault)
        self.dead = True
        self.desk.vanish()
        timeout = self._scheduler.between(0.2, 2 * SESSION_TIMEOUT)
        self._scheduler.after(timeout, lambda: self._around.group.evict(self.member))
        self._gone(self, None)

    def sleep(self, seconds: float, *, reader_only: bool) -> None:
        """Stand still; with `reader_only` the writer thread goes on."""
        self._note("sleeps", seconds, "reader" if reader_only else "whole")
        self._asleep_until = self._scheduler.now + seconds
        limit = MAX_POLL_INTERVAL if reader_only else SESSION_TIMEOUT
        if not reader_only:
            self._frozen_until = self._asleep_until
        since = self.source.polled_at
        self._scheduler.after(limit, lambda: self._miss(since))

    def awake(self) -> None:
        """Stand still no longer."""
        now = self._scheduler.now
        self._asleep_until = min(self._asleep_until, now)
        self._frozen_until = min(self._frozen_until, now)
        self.wake(0.0)

    # ------------------------------------------------------------------------- turns

    def _turn(self, token: int) -> None:
        if token != self._token or self.dead or self.in_turn:
            return
        asleep = self._asleep_until - self._scheduler.now
        if asleep > 0:
            self.wake(asleep)
            return
        self.in_turn, self._calls, self.desk.wanted = True, 0, 0.0
        longest = 3.0 if self._around.weather.calm else self._scheduler.pick((0, 1, 1))
        try:
            going = self.sink.step(longest)
        except Vanished:
            return
        except Interrupted:
            going = True
        except (NewLogError, RetentionLossError) as error:
            self._end(error)
            return
        except Violation:
            raise
        except Exception as error:
            text = f"{self.name} failed: {error!r}"
            raise Violation(Promise.GOES_ON, text) from error
        finally:
            self.in_turn = False
        self._check_bounds()
        waited = self.source.wanted + self.desk.wanted
        self.longest_wait = max(self.longest_wait, waited)
        if going:
            self.wake(self._until_next())
        else:
            self._end(None)

    def _until_next(self) -> float:
        """Return when the loop would turn again: a thread may always be slower."""
        dice = self._scheduler
        if self.source.fetched or self.source.behind():
            return dice.between(0.01, 0.15)
        if self.desk.busy or self.source.held:  # an answer wakes the reader
            return dice.between(0.2, 1.0)
        wait = max(self.source.wanted, self.desk.wanted, 0.02)
        return wait if self._around.weather.calm else min(wait, dice.between(0.1, 1.0))

    def _end(self, error: Exception | None) -> None:
        """Close, as the application does."""
        self._note("ends", error or "")
        self.desk.protocol.wire.hang_up()
        try:
            self.sink.close()
        except AbandonedError as abandoned:
            error = error or abandoned
        self.dead = True
        self._gone(self, error)

    def _wait(self, seconds: float, ready: Callable[[], bool]) -> None:
        """Let the world go on while a drain waits."""
        if self._around.weather.strikes(Fault.CRASH_IN_DRAIN):
            self._scheduler.after(
                self._scheduler.between(0.0, 1.0),
                lambda: self.crash(Fault.CRASH_IN_DRAIN),
            )
        until = self._scheduler.now + max(seconds, 0.001)
        self._scheduler.run(until, lambda: self.dead or ready())

    def _enter(self) -> None:
        if self.dead:
            raise Vanished
        self._calls += 1
        if self._calls > TOO_MANY_CALLS:
            raise Violation(Promise.LIVES, f"{self.name} goes round and round")

    def _miss(self, since: float) -> None:
        """Be thrown out of the group, unless there was a poll."""
        if not self.dead and self.source.polled_at == since:
            self._around.group.evict(self.member)

    # ------------------------------------------------------------------------ checks

    def _check_bounds(self) -> None:
        held = self.sink.snapshot
        if held.held_messages > 2 * self._batch.max_rows:
            text = f"{self.name} holds {held.held_messages} rows"
            raise Violation(Promise.BOUNDS, text)
        if held.held_bytes > 2 * (self._batch.max_bytes + PAGE * LARGEST):
            text = f"{self.name} holds {held.held_bytes} bytes"
            raise Violation(Promise.BOUNDS, text)

    def _answered(self, command: Command, answer: object) -> None:
        match command, answer:
            case do.Write(_, epochs), got.Fenced(_, partitions):
                self._check_fence({p: epochs[p] for p in partitions if p in epochs})
            case do.Claim(), got.Claimed(_, cursors):
                owner = self._around.group.owner
                if any(owner.get(p) is not self.member for p in cursors):
                    self._around.weather.count(Fault.LATE_CLAIM)
                if self.member.draining and self.source.reads(
                    cursors.keys() - self.member.leaving
                ):
                    self._around.weather.count(Fault.CLAIM_IN_DRAIN)
            case _:
                pass

    def _check_fence(self, epochs: Mapping[LogPartition, int]) -> None:
        """Nobody is fenced by himself, unless his transaction was ended under him."""
        for partition, epoch in epochs.items():
            for row in self._around.warehouse.cursors.get(partition, ()):
                mine = (row.owner, row.epoch) == (self.name, epoch)
                if mine and not self.interfered:
                    text = f"{self.name} fenced itself"
                    raise Violation(Promise.ALONE, text, partition)

    def _told(self, value: Telemetry) -> None:
        if isinstance(value, PartitionsReleased) and value.abandoned:
            self._around.weather.count(Fault.ABANDONED)

    def _note(self, what: str, *details: object) -> None:
        self._around.history.note(self._scheduler.now, self.name, what, *details)
