"""The parent's half: a subprocess that holds something for as long as it is wanted.

Standard library only, so that `import winestream.local` stays light.
"""

import collections
import contextlib
import json
import queue
import subprocess
import sys
import threading
from datetime import timedelta
from typing import IO, Any

from winestream.errors import ConfigurationError, WinestreamError

_START = timedelta(seconds=60)  # imports take 2 s; two busy cores a few times that
_ANSWER = timedelta(seconds=30)
_STOP = timedelta(seconds=10)
_TAIL = 40  # lines of the holder's error output kept for a message


class Holder:
    """A running child process. Safe to call from any thread; every call is bounded."""

    def __init__(self, module: str, settings: dict[str, Any]) -> None:
        self._module = module
        self._lock = threading.Lock()
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._tail: collections.deque[str] = collections.deque(maxlen=_TAIL)
        self._process = subprocess.Popen(  # noqa: S603 - our own module
            [sys.executable, "-m", module, json.dumps(settings)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
        )
        self._threads = [
            threading.Thread(target=self._read_answers, daemon=True),
            threading.Thread(target=self._read_errors, daemon=True),
        ]
        for thread in self._threads:
            thread.start()
        try:
            self.ready: dict[str, Any] = self._answer(_START, "start")
        except BaseException:
            self.kill()
            raise

    @property
    def pid(self) -> int:
        """The child's process id."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether the child is still running."""
        return self._process.poll() is None

    def ask(self, operation: str, **arguments: Any) -> Any:  # noqa: ANN401 - any JSON
        """One operation's result. Raises WinestreamError if it failed or is gone."""
        return self.ask_within(_ANSWER, operation, **arguments)

    def ask_within(
        self,
        bound: timedelta,
        operation: str,
        /,
        **arguments: Any,  # noqa: ANN401 - any JSON
    ) -> Any:  # noqa: ANN401 - any JSON
        """Ask for what may take longer, or is wanted sooner, than most operations.

        Past the bound the process is ended, since its answers would be out of step.
        """
        with self._lock:
            request = json.dumps({"operation": operation, **arguments})
            try:
                stdin = self._pipe(self._process.stdin)
                stdin.write(request + "\n")
                stdin.flush()
            except (OSError, ValueError) as error:
                raise WinestreamError(self._gone(operation)) from error
            return self._answer(bound, operation)

    def kill(self) -> None:
        """SIGKILL, and wait until the process is gone."""
        self._process.kill()
        self._finish()

    def close(self) -> None:
        """End the input, which is how the child is asked to stop; then insist."""
        with contextlib.suppress(OSError, ValueError):  # already gone
            self._pipe(self._process.stdin).close()
        try:
            self._process.wait(_STOP.total_seconds())
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._finish()

    def _finish(self) -> None:
        self._process.wait(_STOP.total_seconds())
        for thread in self._threads:
            thread.join(_STOP.total_seconds())
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            # What was still unsent has no reader.
            with contextlib.suppress(OSError, ValueError):
                self._pipe(pipe).close()

    def _answer(self, within: timedelta, what: str) -> Any:  # noqa: ANN401 - any JSON
        try:
            line = self._lines.get(timeout=within.total_seconds())
        except queue.Empty:
            # The pipe's order is lost once an answer is overdue: start anew.
            self._process.kill()
            raise WinestreamError(
                f"{self._module} did not answer '{what}' within "
                f"{within.total_seconds():.0f} s.{self._errors()}"
            ) from None
        if line is None:
            raise WinestreamError(self._gone(what))
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            kind = (
                ConfigurationError if answer.get("configuration") else WinestreamError
            )
            raise kind(str(answer["error"]))
        return answer["result"]

    def _gone(self, what: str) -> str:
        return f"{self._module} ended before it answered '{what}'.{self._errors()}"

    def _errors(self) -> str:
        self._threads[1].join(0.5)  # so that the last words are in
        return " Its last output:\n" + "".join(self._tail) if self._tail else ""

    def _read_answers(self) -> None:
        for line in self._pipe(self._process.stdout):
            self._lines.put(line)
        self._lines.put(None)

    def _read_errors(self) -> None:
        self._tail.extend(self._pipe(self._process.stderr))

    @staticmethod
    def _pipe(pipe: IO[str] | None) -> IO[str]:
        assert pipe is not None, "all three pipes are asked for"
        return pipe
