"""Between a desk and the server: each statement arrives or not, and so does its answer.

Every statement passes through here, so a crash, a lost answer, a delay, an error or the
end of the transaction can strike before and after each of them.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import attrs

from winestream.testing.world.faults import Fault, Weather
from winestream.testing.world.history import History
from winestream.testing.world.scheduler import Scheduler
from winestream.testing.world.tables import Cursors, ServerSession
from winestream.testing.world.warehouse import BlockedError, Warehouse

LOCK_TIMEOUT = 3.0
LATENCIES = ((0.004, 0.04), (0.004, 0.04), (0.02, 0.3))
"""Of a statement: a slow world is one where many wait for the lock."""
LONG = (0.5, 9.0)
"""A delay, and how late a statement arrives that its client has given up."""
DETACHED = (1.0, 15.0)
"""How long a transaction outlives its client."""

Reply = Callable[[Any, Exception | None], None]


class WireError(Exception):
    """The statement failed. `cut` means that the session is gone as well."""

    def __init__(self, said: str, *, cut: bool) -> None:
        self.cut = cut
        super().__init__(said)


class RefusedRowsError(Exception):
    """The warehouse does not take these rows: (partition, offset) each."""

    def __init__(self, rows: "list[tuple[Any, int]]") -> None:
        self.rows = rows
        super().__init__("refused rows")


@attrs.frozen
class Statement:
    """What is to be done in a session, given the cursor table as it was at arrival."""

    name: str
    run: Callable[[ServerSession, Cursors], Any]


@attrs.define(eq=False)
class _Call:
    """One statement under way. Without `reply` nobody waits for the answer."""

    statement: Statement
    session: ServerSession
    reply: Reply | None
    fault: Fault | None
    seen: Cursors
    over: bool = False
    waits: bool = False


@attrs.define
class Wire:
    """Carries one process's statements; `crash` ends that process."""

    scheduler: Scheduler
    weather: Weather
    warehouse: Warehouse
    history: History
    who: str
    crash: Callable[[Fault], None]
    down: Callable[[], bool]
    """Whether the warehouse answers nobody just now."""
    latency: tuple[float, float]
    ended_under: Callable[[str], None]
    """Told whose transaction was ended under its session."""
    _call: _Call | None = None

    def send(self, session: ServerSession, statement: Statement, reply: Reply) -> None:
        """Send a statement; `reply` gets its result or its error, or nothing ever."""
        commit = statement.name == "COMMIT"
        fault = self.weather.at_statement(commit=commit)
        if self.down():
            fault = Fault.UNSENT
        call = _Call(statement, session, reply, fault, {})
        self._call = call
        slow = LONG if fault is Fault.DELAYED else self.latency
        self.scheduler.after(self.scheduler.between(*slow), partial(self._arrive, call))

    def hang_up(self) -> None:
        """Stop listening: the client is gone, what it sent may still arrive."""
        call, self._call = self._call, None
        if call is not None and not call.over:
            call.reply = None
            if self.scheduler.chance(0.4):
                call.over = True  # it never left

    def _arrive(self, call: _Call) -> None:
        if call.over:
            return
        match call.fault:
            case Fault.UNSENT:
                self._lose(call)
            case Fault.REFUSED:
                self._answer(call, None, WireError("refused", cut=False))
            case Fault.CRASH_BEFORE:
                call.over = True
                self.crash(Fault.CRASH_BEFORE)
            case Fault.ARRIVED_LATE:
                reply, call.reply, call.fault = call.reply, None, None
                later = self.scheduler.between(*LONG)
                self.scheduler.after(later, partial(self._arrive, call))
                if call.statement.name == "COMMIT":
                    self.weather.count(Fault.COMMIT_LATE)
                self._note(call, "given up")
                if reply is not None:
                    reply(None, WireError("timed out", cut=True))
            case _:
                if call.fault is Fault.ENDED_BEFORE:
                    self._end(call)
                call.seen = self.warehouse.cursors
                self._execute(call)

    def _execute(self, call: _Call) -> None:
        """Let the server do it, waiting for the lock if need be."""
        if call.over or call.session.gone:
            return
        try:
            result = call.statement.run(call.session, call.seen)
        except BlockedError:
            self._block(call)
            return
        except WireError as error:
            self._answer(call, None, error)
            return
        except RefusedRowsError as error:
            self._answer(call, None, error)
            return
        match call.fault:
            case Fault.ANSWER_LOST:
                self._lose(call)
            case Fault.CRASH_AFTER:
                call.over = True
                self._note(call, "done, and")
                self.crash(Fault.CRASH_AFTER)
            case Fault.ENDED_AFTER:
                self._end(call)
                self._answer(call, result, None)
            case _:
                self._answer(call, result, None)

    def _block(self, call: _Call) -> None:
        self.warehouse.wait(partial(self._execute, call))
        if not call.waits:
            call.waits = True
            self.weather.count(Fault.LOCK_WAIT)
            self._note(call, "waits")
            self.scheduler.after(LOCK_TIMEOUT, partial(self._time_out, call))

    def _time_out(self, call: _Call) -> None:
        if not call.over:
            self.weather.count(Fault.LOCK_TIMEOUT)
            self._answer(call, None, WireError("lock timeout", cut=False))

    def _lose(self, call: _Call) -> None:
        if call.statement.name == "COMMIT":
            landed = call.fault is Fault.ANSWER_LOST
            which = Fault.COMMIT_LANDED if landed else Fault.COMMIT_FAILED
            self.weather.count(which)
        self._answer(call, None, WireError("cut off", cut=True))

    def _end(self, call: _Call) -> None:
        transaction = call.session.transaction
        if transaction is not None:
            owner = self.warehouse.end(transaction)
            self._note(call, "ended under")
            self.ended_under(owner or self.who)

    def _answer(self, call: _Call, result: object, error: Exception | None) -> None:
        call.over = True
        self._note(call, "" if error is None else f"! {error}")
        if call.reply is not None:
            self._call = None
            call.reply(result, error)

    def _note(self, call: _Call, how: str) -> None:
        self.history.note(self.scheduler.now, self.who, call.statement.name, how)
