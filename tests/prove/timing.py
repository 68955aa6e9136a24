"""How far the proof is, on stderr."""

import sys
import time
from typing import Any

TELL_SECONDS = 30.0

_told: dict[str, float] = {}


def say(line: str) -> None:
    """Say a line, at once."""
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def say_now_and_then(part: str, about: object) -> None:
    """Say how far a part is, every half minute."""
    now = time.monotonic()
    if now >= _told.setdefault(part, now) + TELL_SECONDS:
        _told[part] = now
        say(f"{part}: {about}")


def timed(part: str, work: Any, *arguments: Any) -> Any:
    """Do a part's work, and say when it began and ended."""
    began = time.monotonic()
    say(f"{part}: begins")
    try:
        return work(*arguments)
    finally:
        say(f"{part}: ended after {time.monotonic() - began:.0f} s")
