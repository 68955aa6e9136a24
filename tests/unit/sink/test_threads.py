"""The writer thread and the signals, with real threads, processes and time."""

import gc
import os
import signal
import subprocess
import sys
import threading
import weakref
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import pytest
from sink_kit import A, OneTable, values

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
)
from winestream.records import Slice, Want
from winestream.sink import BatchingSink
from winestream.sink.desk import WriterThread
from winestream.testing import (
    MemoryMessage,
    MemorySource,
    MemoryWriter,
    strategies,
)

HERE = Path(__file__).parent


def writer_threads() -> list[str]:
    """Return the names of the writer threads alive."""
    return [t.name for t in threading.enumerate() if t.name.endswith("-writer")]


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    """Every test here leaves no writer thread behind."""
    yield
    assert writer_threads() == []


class Raising(MemoryWriter):
    """Raises `error` from whatever it is asked."""

    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self.error = error

    def _raise(self, *_: object) -> None:
        raise self.error

    write = claim = read = _raise


def memory_sink(writer: MemoryWriter) -> BatchingSink:
    """Return a sink of 200 messages with a thread of its own."""
    messages = [MemoryMessage(i, v) for i, v in enumerate(values(200))]
    source = MemorySource({A: messages})
    return BatchingSink(source, OneTable(), writer, pipeline="threads")


def test_run_leaves_no_thread_behind() -> None:
    """The writer thread is made by open and joined by close."""
    writer = MemoryWriter()
    sink = memory_sink(writer)
    with sink:
        assert writer_threads() == ["threads-writer"]
        sink.step(0.01)
    sink.close()
    assert writer_threads() == []


def test_a_sink_may_run_outside_the_main_thread() -> None:
    """Without signal handlers, and stopped from another thread."""
    writer = MemoryWriter()
    sink = memory_sink(writer)
    thread = threading.Thread(target=sink.run)
    thread.start()
    while not sink.snapshot.all_read:
        thread.join(0.01)
    sink.stop()
    thread.join(10)
    assert not thread.is_alive()
    assert len(writer.rows("ROWS")) == 200


def test_a_writer_that_cannot_open_ends_open_with_its_error() -> None:
    """open() raises it in the caller's thread, and close does nothing."""

    class Closed(MemoryWriter):
        def open(self) -> None:
            raise ConfigurationError("no such account")

    sink = memory_sink(Closed())
    with pytest.raises(ConfigurationError, match="account"):
        sink.open()
    sink.close()


def test_a_writer_that_breaks_its_contract_is_fatal() -> None:
    """An error of no known kind ends the sink and keeps its cause."""
    sink = memory_sink(Raising(ZeroDivisionError("bug")))
    with pytest.raises(FatalWriteError, match="ZeroDivisionError") as caught:
        sink.run()
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


COMMANDS = {
    "write": lambda: do.Write(strategies.slices().example(), {}, 1),
    "claim": lambda: do.Claim(7, {A: Want(0)}),
    "confirm": lambda: do.Confirm(9, frozenset({A})),
}


@pytest.mark.parametrize(
    ("command", "error", "answer"),
    [
        ("write", RetryableWriteError("x"), got.Retryable),
        ("write", RejectedWriteError("x", code="1"), got.Rejected),
        ("write", UnknownOutcomeError("x"), got.Unknown),
        ("write", FencedError([A]), got.Fenced),
        ("write", FatalWriteError("x"), got.Fatal),
        ("write", KeyboardInterrupt(), got.Fatal),
        ("claim", RetryableWriteError("x"), got.ClaimFailed),
        ("claim", UnknownOutcomeError("x"), got.ClaimFailed),
        ("claim", NewLogError([A]), got.NewLog),
        ("claim", FatalWriteError("x"), got.Fatal),
        ("confirm", RetryableWriteError("x"), got.ConfirmFailed),
        ("confirm", FatalWriteError("x"), got.Fatal),
        ("confirm", ConfigurationError("x"), got.Fatal),
    ],
)
@pytest.mark.filterwarnings("ignore::hypothesis.errors.NonInteractiveExampleWarning")
def test_what_a_writer_raises_becomes_an_answer(
    command: str, error: BaseException, answer: type
) -> None:
    """Each error of the contract has its answer; the thread goes on."""
    desk = WriterThread(Raising(error), "owner", "desk-writer")
    desk.open()
    for _ in range(2):
        desk.submit(COMMANDS[command]())
        said = desk.answer(5)
        assert said is not None
        assert isinstance(said.answer, answer)
    assert desk.answer(0) is None
    assert desk.close(5)


def run_until_signalled(*signals: int, hang: bool = False) -> tuple[int, str]:
    """Start a sink in a process of its own, signal it, and wait for its end."""
    script = dedent(
        f"""
        import sys, time
        sys.path.append({str(HERE)!r})
        from sink_kit import A, OneTable, values
        from winestream.sink import BatchingSink
        from winestream.testing import MemoryMessage, MemorySource, MemoryWriter
        writer = MemoryWriter(before_write=lambda _: time.sleep(60 * {hang}))
        source = MemorySource({{A: [MemoryMessage(0, b"x")]}})
        sink = BatchingSink(source, OneTable(), writer, pipeline="signals")
        def tell(value):
            if type(value).__name__ == "RunsPolled":
                print("ready", flush=True)
        sink._report._hooks.append(tell)
        sink.run()
        print("landed", len(writer.rows("ROWS")), flush=True)
        """
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "ready\n"
        for number in signals[:-1]:
            os.kill(process.pid, number)
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(0.5)
        os.kill(process.pid, signals[-1])
        return process.wait(20), process.stdout.read()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_gracefully(number: int) -> None:
    """What is held is written, and the exit code is 0."""
    assert run_until_signalled(number) == (0, "landed 1\n")


def test_a_second_signal_ends_at_once() -> None:
    """A stop that hangs does not keep the operator waiting."""
    code, out = run_until_signalled(signal.SIGTERM, signal.SIGTERM, hang=True)
    assert (code, out) == (-signal.SIGTERM, "")


class Built:
    """Something large that a writer made of its slice."""


class BuildingInVain(MemoryWriter):
    """Builds, fails, and is caught in a cycle by its vendor's error."""

    def __init__(self) -> None:
        super().__init__()
        self.built: list[weakref.ref[Built]] = []

    def write(self, *_: object) -> None:
        large = Built()
        self.built.append(weakref.ref(large))
        try:
            self._send()
        except OSError:
            raise RetryableWriteError("no answer") from None

    def _send(self) -> None:
        error = OSError("cut")
        kept = [error]  # as clients keep their last messages
        error.args = (kept,)
        raise error


def test_a_failed_attempt_leaves_nothing_behind() -> None:
    """What was built for it is gone at once, without the garbage collector.

    In an outage hardly anything else is made, so the collector does not run, and each
    attempt would add a slice to memory.
    """
    writer = BuildingInVain()
    desk = WriterThread(writer, "me", "building-writer")
    desk.open()
    gc.disable()
    try:
        for attempt in range(3):
            desk.submit(do.Write(Slice(f"me/{attempt}", ()), {}, attempt))
            answered = desk.answer(10)
            assert answered is not None
            assert isinstance(answered.answer, got.Retryable)
        assert [each() for each in writer.built] == [None] * 3
    finally:
        gc.enable()
        desk.close(10)
