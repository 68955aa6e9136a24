"""The writer thread: the only place that touches the writer, one command at a time.

Two queues and nothing shared. The thread turns what the writer raises into the answers
the core knows; it decides nothing.
"""

import time
import traceback
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Protocol, assert_never, cast

import attrs

from winestream.core import effects as do
from winestream.core import inputs as got
from winestream.errors import (
    ConfigurationError,
    FatalWriteError,
    FencedError,
    NewLogError,
    RejectedWriteError,
    RetryableWriteError,
    UnknownOutcomeError,
    WinestreamError,
    WriteError,
)
from winestream.ports import CursorStore, Writer

Command = do.Claim | do.Write | do.Confirm


@attrs.frozen
class Answered:
    """An answer, and how many seconds the command took."""

    answer: got.Answer
    seconds: float


class Desk(Protocol):
    """Where the reader hands commands in and takes answers out.

    `WriterThread` is the real one; a simulator brings its own.
    """

    def open(self) -> None:
        """Open the writer. Raises what it raises."""

    def submit(self, command: Command) -> None:
        """Hand a command in. The one before has been answered."""

    def answer(self, timeout: float) -> Answered | None:
        """Wait at most `timeout` seconds for an answer."""

    def close(self, timeout: float) -> bool:
        """Close the writer; False when it was still busy after `timeout` seconds."""


class WriterThread:
    """Runs a writer in a thread of its own, made by `open` and joined by `close`."""

    def __init__(self, writer: Writer, owner: str, name: str) -> None:
        self._writer = writer
        self._owner = owner
        self._commands: SimpleQueue[Command | None] = SimpleQueue()
        self._answers: SimpleQueue[Answered | BaseException | None] = SimpleQueue()
        # A daemon: a writer stuck in a hung call must not keep the process alive.
        self._thread = Thread(target=self._serve, name=name, daemon=True)

    def open(self) -> None:
        """Start the thread and wait until the writer is open, or raise its error."""
        self._thread.start()
        try:
            opened = self._answers.get()
        except BaseException:  # interrupted: let the thread close what it opens
            self._commands.put(None)
            raise
        if isinstance(opened, BaseException):
            self._thread.join()
            raise opened

    def submit(self, command: Command) -> None:
        """Queue a command."""
        self._commands.put(command)

    def answer(self, timeout: float) -> Answered | None:
        """Wait at most `timeout` seconds for an answer."""
        try:
            return cast("Answered", self._answers.get(timeout=max(0.0, timeout)))
        except Empty:
            return None

    def close(self, timeout: float) -> bool:
        """Let the thread finish its command and close the writer."""
        self._commands.put(None)
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _serve(self) -> None:
        try:
            self._writer.open()
        except BaseException as error:  # noqa: BLE001 — raised again by `open`
            self._answers.put(error)
            return
        self._answers.put(None)
        while (command := self._commands.get()) is not None:
            began = time.perf_counter()
            answer = self._answer_to(command)
            self._answers.put(Answered(answer, time.perf_counter() - began))
        self._writer.close()

    def _answer_to(self, command: Command) -> got.Answer:
        try:
            match command:
                case do.Write():
                    return self._write(command)
                case do.Claim():
                    return self._claim(command)
                case do.Confirm():
                    return self._confirm(command)
                case _:
                    assert_never(command)
        except (FatalWriteError, ConfigurationError) as error:
            return got.Fatal(error)
        except BaseException as error:  # noqa: BLE001 — ends the sink, not the thread
            return got.Fatal(_unexpected(error))

    def _write(self, command: do.Write) -> got.Answer:
        piece = command.piece
        try:
            self._writer.write(piece, command.epochs)
        except FatalWriteError:
            raise
        except WriteError as error:
            _let_go(error)
            return _refusal(piece.id, error)
        return got.Written(piece.id)

    def _claim(self, command: do.Claim) -> got.Answer:
        store = cast("CursorStore", self._writer)
        try:
            cursors = store.claim(self._owner, command.wants)
        except NewLogError as error:
            return got.NewLog(command.claim_id, error)
        except FatalWriteError:
            raise
        except WriteError as error:
            return got.ClaimFailed(command.claim_id, error)
        return got.Claimed(command.claim_id, cursors)

    def _confirm(self, command: do.Confirm) -> got.Answer:
        store = cast("CursorStore", self._writer)
        try:
            cursors = store.read(command.partitions)
        except FatalWriteError:
            raise
        except WriteError as error:
            return got.ConfirmFailed(command.confirm_id, error)
        return got.Confirmed(command.confirm_id, cursors)


def _refusal(slice_id: str, error: WriteError) -> got.Answer:
    match error:
        case RejectedWriteError():
            return got.Rejected(slice_id, error.offenders, error.code)
        case UnknownOutcomeError():
            return got.Unknown(slice_id, error)
        case FencedError():
            return got.Fenced(slice_id, error.partitions)
        case RetryableWriteError():
            return got.Retryable(slice_id, error)
        case _:
            raise error


def _let_go(error: BaseException) -> None:
    """Empty the frames that an error came through: they hold the slice as Arrow.

    A vendor's error is often part of a cycle, which only the collector undoes. In an
    outage so little else is made that it does not run, and every attempt would stay.
    """
    each: BaseException | None = error
    while each is not None:
        traceback.clear_frames(each.__traceback__)
        each = each.__context__


def _unexpected(error: BaseException) -> WinestreamError:
    wrapped = FatalWriteError(
        f"the writer raised {type(error).__name__}, which is none of the errors a "
        "writer may raise; whether the slice landed is not known"
    )
    wrapped.__cause__ = error
    return wrapped
