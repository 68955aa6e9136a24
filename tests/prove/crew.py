"""Consumer processes from outside: started by the nursery, watched by their diaries."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any, Self

import attrs

NURSERY = Path(__file__).with_name("nursery.py")
PATIENCE = 60.0
LOOK_SECONDS = 0.002

DEFAULTS: dict[str, Any] = {
    "protocol": "consumer",
    "session_timeout": None,
    "max_poll_interval": None,
    "max_rows": 60,
    "max_bytes": 64_000_000,
    "linger": 0.1,
    "first": 0.05,
    "outage_cap": 1.0,
    # A dead predecessor's transaction is ended so soon; a living one that is slower
    # only notices at its compare-and-set.
    "patience": 0.2,
    "request_timeout": 10.0,
    "insert_below": 0,
    "steps": True,
}


class FailedError(Exception):
    """A process did what it must not, or did not do what it must."""


class CrashedError(FailedError):
    """A process ended with a segmentation fault: native code's, so not ours.

    Seen once in some 800 cut COMMITs; in whose code is not known. To the protocol it is
    a kill like any other.
    """


@attrs.define(eq=False)
class Member:
    """One consumer process. Its diary is read in order, a line at a time."""

    number: int
    diary: Path
    log: Path
    lines: list[str] = attrs.field(factory=list)
    pid: int | None = None
    code: int | None = None
    known: threading.Event = attrs.field(factory=threading.Event)
    over: threading.Event = attrs.field(factory=threading.Event)
    _read: int = 0
    _rest: bytes = b""

    def look(self) -> list[str]:
        """Return the diary's lines since the last look."""
        with suppress(FileNotFoundError), self.diary.open("rb") as file:
            file.seek(self._read)
            more = file.read()
            self._read += len(more)
            *whole, self._rest = (self._rest + more).split(b"\n")
            fresh = [line.decode() for line in whole]
            self.lines += fresh
            return fresh
        return []

    def wait_for(
        self, wanted: Callable[[str], object], what: str, seconds: float = PATIENCE
    ) -> str:
        """Return the next line that is wanted. Raises `FailedError` if none comes."""
        give_up = time.monotonic() + seconds
        while True:
            over = self.over.is_set()
            for line in self.look():
                if wanted(line):
                    return line
            if over:
                kind = CrashedError if self.code == -signal.SIGSEGV else FailedError
                raise kind(f"ended with {self.code} before {what}: {self.said}")
            if time.monotonic() > give_up:
                raise FailedError(f"{what}: not within {seconds} s: {self.said}")
            time.sleep(LOOK_SECONDS)

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        self.signal(signal.SIGKILL)
        self.wait()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal, unless it has ended."""
        if not self.known.wait(PATIENCE):
            raise FailedError("the nursery does not answer")
        if not self.over.is_set() and self.pid is not None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def wait(self, seconds: float = PATIENCE) -> int:
        """Return its exit code. Raises `FailedError` if it does not end."""
        if not self.over.wait(seconds) or self.code is None:
            raise FailedError(f"did not end within {seconds} s: {self.said}")
        self.look()
        return self.code

    @property
    def said(self) -> str:
        """The end of what it wrote down and printed."""
        self.look()
        log = self.log.read_text(errors="replace") if self.log.exists() else ""
        told = [line for line in self.lines if not line.startswith(("progress", "<"))]
        return "\n".join([*told[-20:], log[-1500:]])


class Nursery:
    """A context manager; every member it still has at the end is killed."""

    def __init__(self, folder: Path, **defaults: Any) -> None:
        self._folder = folder
        self._defaults = DEFAULTS | defaults
        self._numbers = count()
        self._members: dict[int, Member] = {}
        self._lock = threading.Lock()
        self._process = subprocess.Popen(
            [sys.executable, str(NURSERY)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        if self._process.stdout.readline() != "ready\n":
            raise FailedError("the nursery did not start")
        self._reader = threading.Thread(target=self._listen, daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(10)
        self._reader.join(10)
        assert self._process.stdout is not None
        self._process.stdout.close()

    def start(self, **told: Any) -> Member:
        """Fork a consumer with these settings."""
        number = next(self._numbers)
        diary, log = (self._folder / f"{number}.{kind}" for kind in ("diary", "log"))
        member = Member(number, diary, log)
        self._members[number] = member
        paths = {"diary": str(diary), "log": str(log), "number": number}
        line = json.dumps(self._defaults | told | paths)
        with self._lock:
            assert self._process.stdin is not None
            self._process.stdin.write(line + "\n")
            self._process.stdin.flush()
        return member

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            word, number, value = line.split()
            member = self._members[int(number)]
            if word == "born":
                member.pid = int(value)
            else:
                member.code = int(value)
                member.over.set()
            member.known.set()


def any_of(*starts: str) -> Callable[[str], bool]:
    """Return what wants a line that begins so."""
    return lambda line: line.startswith(starts)


def counted(lines: Sequence[str], start: str) -> int:
    """Count the lines that begin so."""
    return sum(line.startswith(start) for line in lines)
