"""A child process of a demo, ours or a foreign program."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Final, Self

from full_stack.child import CHILD

STOP_SECONDS: Final = 45
"""A consumer's own stop takes at most 30 s; then a margin."""


class Process:
    """A child of ours, with its output in a file and its input a pipe of ours.

    A context manager: it is stopped at the end. Whatever kills us ends it too, since
    then the pipe ends, which `full_stack.child` watches.
    """

    def __init__(
        self,
        module: str,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        log: Path,
    ) -> None:
        self.module = module
        self._command = [sys.executable, "-m", module, *arguments]
        self._environment = environment
        self._log = log
        self.lines: list[str] = []
        self._start()

    def _start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 — our own module
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env=self._environment,
                # A Ctrl-C in the terminal is for the demo, which stops in order.
                start_new_session=True,
            )
        self._reader = threading.Thread(
            target=self._read, args=(self._process.stdout,), daemon=True
        )
        self._reader.start()

    def _read(self, stream: IO[str]) -> None:
        self.lines.extend(line.strip() for line in stream)

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """How it ended; None while it runs."""
        return self._process.poll()

    def tell(self, line: str) -> None:
        """Write a line to its pipe."""
        with suppress(OSError, ValueError):
            if self._process.stdin:
                self._process.stdin.write(line + "\n")
                self._process.stdin.flush()

    def kill(self) -> None:
        """SIGKILL, as a crash would; it is gone then. One that has ended stays so."""
        self._process.kill()
        self._process.wait(STOP_SECONDS)

    def restart(self) -> None:
        """Start it again, as `restart: unless-stopped` would."""
        self._close()
        self._start()

    def stop(self) -> int:
        """SIGTERM, wait, and SIGKILL only if that takes too long."""
        with suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
        return self._close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _close(self) -> int:
        code = self._process.wait()
        self._reader.join(1)
        for pipe in (self._process.stdin, self._process.stdout):
            with suppress(OSError):
                if pipe:
                    pipe.close()
        return code


def ours(
    name: str, arguments: Sequence[str], variables: Mapping[str, str], log: Path
) -> Process:
    """Start a module of this example, `variables` beside our own environment."""
    examples = str(Path(__file__).parent.parent)
    path = os.pathsep.join(filter(None, [examples, os.environ.get("PYTHONPATH")]))
    environment = {**os.environ, **variables, CHILD: "1", "PYTHONPATH": path}
    return Process(f"full_stack.{name}", arguments, environment, log)


def foreign(
    command: Sequence[str], log: Path, variables: Mapping[str, str] | None = None
) -> Process:
    """Start a program that knows nothing of the demo; it ends with us, too."""
    return ours("leash", command, variables or {}, log)
