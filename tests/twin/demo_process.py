"""The demo as a user starts it: a process, its progress, its verdict."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import psutil

RUN = Path(__file__).parents[2] / "examples" / "full_stack" / "run.py"
PATIENCE = 90.0

_PIDS = re.compile(r"consumer pid (\d+)  warehouse pid (\d+)")
_SLICES = re.compile(r"slices ([\d,]+)")
_PRODUCED = re.compile(r"produced ([\d,]+)")


class Demo:
    """`run.py` with these variables, in a process group of its own.

    A context manager: whatever it left running at the end is killed.
    """

    def __init__(self, **variables: object) -> None:
        # Wide, or a line of progress is broken in two.
        environment = {**os.environ, "HEADLESS": "1", "COLUMNS": "400"}
        environment |= {name: str(value) for name, value in variables.items()}
        self._process = subprocess.Popen(
            [sys.executable, RUN],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self._errors: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self._family: set[psutil.Process] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.family()
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait(10)
        for process in self.left_behind(0.0):
            process.kill()
        self._reader.join(10)
        for pipe in (self._process.stdout, self._process.stderr):
            assert pipe is not None
            pipe.close()

    def pids(self) -> tuple[int, int]:
        """Wait until it has told the consumer's and the warehouse's process ids."""
        found = self._wait_for(lambda: _PIDS.search(self.told), "its children")
        return int(found[1]), int(found[2])

    def wait_for_slices(self, count: int) -> None:
        """Wait until so many slices are written."""
        self._wait_for(lambda: self._most(_SLICES) >= count, f"{count} slices")

    def wait_for_produced(self, count: int) -> None:
        """Wait until so many messages are published."""
        self._wait_for(lambda: self._most(_PRODUCED) >= count, f"{count} messages")

    def interrupt(self) -> None:
        """Press Ctrl-C: everything in the terminal's group gets it."""
        self.family()
        os.killpg(self._process.pid, signal.SIGINT)

    def terminate(self) -> None:
        """Ask the demo alone to stop, as a service manager does."""
        self.family()
        self._process.terminate()

    def kill(self) -> None:
        """SIGKILL the demo alone."""
        self.family()
        self._process.kill()

    def verdict(self) -> tuple[int, dict[str, Any]]:
        """Wait for the end; return the exit code and the last line's object."""
        self.family()
        assert self._process.stdout is not None
        lines = self._process.stdout.read().splitlines()
        code = self._process.wait(PATIENCE)
        assert lines, self.told
        report: dict[str, Any] = json.loads(lines[-1])
        return code, report

    def family(self) -> set[psutil.Process]:
        """Return every process that was seen to descend from it."""
        try:
            parent = psutil.Process(self._process.pid)
            self._family.update(parent.children(recursive=True))
        except psutil.NoSuchProcess:
            pass
        return self._family

    def left_behind(self, timeout: float) -> list[psutil.Process]:
        """Return its processes that still live after so many seconds."""
        _, alive = psutil.wait_procs(list(self._family), timeout)
        return alive

    @property
    def told(self) -> str:
        """Its standard error so far."""
        return "".join(self._errors)

    def _read(self) -> None:
        assert self._process.stderr is not None
        self._errors.extend(self._process.stderr)

    def _most(self, figure: re.Pattern[str]) -> int:
        seen = figure.findall(self.told)
        return max((int(number.replace(",", "")) for number in seen), default=0)

    def _wait_for(self, look: Callable[[], Any], what: str) -> Any:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            found = look()
            if found:
                return found
            assert self._process.poll() is None, f"ended before {what}: {self.told}"
            time.sleep(0.05)
        raise AssertionError(f"no sign of {what}: {self.told}")
