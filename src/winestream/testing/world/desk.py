"""The desk of a simulated process: the writer's commands as statements on the wire."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, assert_never

from winestream.core import effects as do
from winestream.records import Cursor, LogPartition, Slice, Want
from winestream.sink.desk import Answered, Command, WriterThread
from winestream.testing.world.history import History
from winestream.testing.world.protocol import Protocol
from winestream.testing.world.scheduler import Scheduler
from winestream.testing.world.session import Steps


class Outcome:
    """A writer whose outcome is known already, for the real desk to put into words."""

    def __init__(self) -> None:
        self.result: Mapping[LogPartition, Cursor] = {}
        self.error: Exception | None = None

    def open(self) -> None:
        """See `Writer`."""

    def close(self) -> None:
        """See `Writer`."""

    def write(self, piece: Slice, epochs: Mapping[LogPartition, int]) -> None:
        """See `Writer`."""
        del piece, epochs
        self._say()

    def claim(
        self, owner: str, wants: Mapping[LogPartition, Want]
    ) -> Mapping[LogPartition, Cursor]:
        """See `CursorStore`."""
        del owner, wants
        return self._say()

    def read(self, partitions: object) -> Mapping[LogPartition, Cursor]:
        """See `CursorStore`."""
        del partitions
        return self._say()

    def _say(self) -> Mapping[LogPartition, Cursor]:
        if self.error is not None:
            raise self.error
        return self.result


class SimDesk(WriterThread):
    """A desk without its thread: each statement is an act of the scheduler's.

    `wait` lets the world go on while the reader waits in a drain; everywhere else
    `answer` returns at once, as it may. `poke` wakes the reader; `frozen` is how long
    the process still stands still.
    """

    def __init__(  # noqa: PLR0913 — the parts of a process, wired once
        self,
        scheduler: Scheduler,
        history: History,
        protocol: Protocol,
        *,
        draining: Callable[[], bool],
        wait: Callable[[float, Callable[[], bool]], None],
        poke: Callable[[], None],
        enter: Callable[[], None],
        frozen: Callable[[], float],
    ) -> None:
        self._outcome = Outcome()
        super().__init__(self._outcome, protocol.owner, "simulated")
        self.writer = self._outcome
        self.protocol = protocol
        self.submitted: Callable[[Command], None] = lambda _command: None
        self.answered: Callable[[Command, object], None] = lambda _command, _answer: (
            None
        )
        self.wanted = 0.0
        """How long the reader would have waited for an answer."""
        self._scheduler, self._history = scheduler, history
        self._draining, self._wait = draining, wait
        self._poke, self._enter, self._frozen = poke, enter, frozen
        self._command: Command | None = None
        self._steps: Steps[Any] | None = None
        self._ready: Answered | None = None
        self._began = 0.0

    @property
    def busy(self) -> bool:
        """Whether a command is under way."""
        return self._command is not None

    def open(self) -> None:
        """See `Desk`. The writer signs in when it is needed."""

    def submit(self, command: Command) -> None:
        """See `Desk`."""
        self._enter()
        assert self._command is None, "two commands at once"
        self._command, self._began = command, self._scheduler.now
        self.submitted(command)
        match command:
            case do.Write(piece, epochs, attempt):
                self._note("write", piece, f"attempt {attempt}", of=piece.ranges)
                self._steps = self.protocol.write(piece, epochs)
            case do.Claim(_, wants):
                kind = {
                    p: "take" if w.keep_epoch is None else f"keep {w.keep_epoch}"
                    for p, w in wants.items()
                }
                self._note("claim", kind, of=wants)
                self._steps = self.protocol.claim(wants)
            case do.Confirm(_, partitions):
                self._note("confirm", partitions, of=partitions)
                self._steps = self.protocol.read(sorted(partitions))
            case _:
                assert_never(command)
        self._step(None, None)

    def answer(self, timeout: float) -> Answered | None:
        """See `Desk`."""
        self._enter()
        if self._ready is None and self._draining():
            self._wait(timeout, lambda: self._ready is not None)
            self._enter()
        elif self._ready is None:
            self.wanted = max(self.wanted, timeout)
        ready, self._ready = self._ready, None
        return ready

    def close(self, timeout: float) -> bool:
        """See `Desk`. What is under way goes on without anybody."""
        del timeout
        over = not self.busy
        self.vanish()
        return over

    def vanish(self) -> None:
        """Drop everything, as a process that dies does."""
        self._steps = self._command = self._ready = None
        self.protocol.wire.hang_up()
        self.protocol.hang_up()

    # -------------------------------------------------------------------- privately

    def _step(self, result: object, error: Exception | None) -> None:
        """Go on with the command until its next statement, or to its end."""
        steps, command = self._steps, self._command
        if steps is None or command is None:
            return
        frozen = self._frozen()
        if frozen > 0:
            later = partial(self._step, result, error)
            self._scheduler.after(frozen, later)
            return
        outcome = self._outcome
        outcome.result, outcome.error = {}, None
        try:
            session, statement = (
                steps.send(result) if error is None else steps.throw(error)
            )
        except StopIteration as end:
            outcome.result = end.value
        except Exception as raised:  # noqa: BLE001 — for the real desk to put into words
            outcome.error = raised
        else:
            self.protocol.wire.send(session, statement, self._step)
            return
        answer = self._answer_to(command)
        self._steps = self._command = None
        found: object = getattr(answer, "cursors", "")
        failure: object = getattr(answer, "error", "")
        self._note(
            "answer", type(answer).__name__, found, failure, of=_partitions(command)
        )
        self._ready = Answered(answer, self._scheduler.now - self._began)
        self.answered(command, answer)
        self._poke()

    def _note(self, what: str, *details: object, of: Any) -> None:  # noqa: ANN401
        self._history.note(
            self._scheduler.now, self.protocol.owner, what, *details, of=of
        )


def _partitions(command: Command) -> Any:  # noqa: ANN401 — any collection of them
    match command:
        case do.Write(piece):
            return piece.ranges
        case do.Claim(_, wants):
            return wants
        case do.Confirm(_, partitions):
            return partitions
