"""Breaks a part of a running demo on purpose, and notes how it comes back.

It knows no broker and no warehouse: a `Target` says how to break, and how to tell that
it works. Each break is watched by a thread of its own, so nobody waits for it.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Final

import attrs

REMEMBERED: Final = 200
"""Events; a break makes four."""

LOOK_SECONDS: Final = 0.25
GIVE_UP_SECONDS: Final = 120.0
"""A group forgets a dead member after 6 s, an outage tries again after 60 s at most."""


@attrs.frozen
class Event:
    """Something that happened to the demo, and when."""

    at: datetime
    what: str


class Events:
    """What happened lately. Any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._events: deque[Event] = deque(maxlen=REMEMBERED)
        self._noted = 0

    def note(self, what: str) -> None:
        """Note that this happened now."""
        with self._lock:
            self._events.append(Event(datetime.now(UTC), what))
            self._noted += 1

    def since(self, number: int) -> tuple[Event, ...]:
        """Return those after the first `number`, oldest first, if still remembered."""
        with self._lock:
            fresh = self._noted - number
            return tuple(self._events)[-fresh:] if fresh > 0 else ()


@attrs.frozen
class Target:
    """A part that can be broken. What it calls comes from a thread of the breaker.

    `mend` is for what does not come back by itself: it is called after `lasts` seconds,
    or when the breaker closes. `works` may raise, which counts as no.
    """

    broken: str
    back: str
    breaks: Callable[[], None]
    works: Callable[[], bool]
    mend: Callable[[], None] | None = None
    lasts: float = 0.0


class Breaker:
    """Breaks one part at a time each, and notes when it works and rows land again.

    `landed` counts what has landed. Any thread; `close` mends, and waits for it.
    """

    def __init__(
        self, targets: Mapping[str, Target], landed: Callable[[], int], events: Events
    ) -> None:
        self.targets = targets
        self.events = events
        self._landed = landed
        self._lock = threading.Lock()
        self._broken: dict[str, threading.Thread] = {}
        self._closed = threading.Event()

    @property
    def broken(self) -> frozenset[str]:
        """The parts that were broken and have not come back for good."""
        with self._lock:
            return frozenset(self._broken)

    def break_(self, name: str) -> bool:
        """Break a part; False when it is broken already, or the demo is ending.

        Raises `KeyError` when there is no such part.
        """
        target = self.targets[name]
        thread = threading.Thread(
            target=self._break, args=(name, target), name=f"break-{name}", daemon=True
        )
        with self._lock:
            if self._closed.is_set() or name in self._broken:
                return False
            self._broken[name] = thread
            thread.start()
        return True

    def state(self) -> dict[str, Any]:
        """Return what the control serves: parts, events, and what is broken now."""
        return {
            "targets": list(self.targets),
            "broken": sorted(self.broken),
            "events": [
                {
                    "at": event.at.isoformat(timespec="microseconds"),
                    "what": event.what,
                }
                for event in self.events.since(0)
            ],
        }

    def close(self) -> None:
        """Mend what is broken and break nothing any more. Safe to call again."""
        self._closed.set()
        with self._lock:
            waiting = list(self._broken.values())
        for thread in waiting:
            thread.join()

    def _break(self, name: str, target: Target) -> None:
        began = time.monotonic()
        try:
            self.events.note(target.broken)
            target.breaks()
            if target.mend is not None:
                self._closed.wait(target.lasts)
                target.mend()
            self._await(target.works, began, target.back)
            there = self._landed()
            self._await(lambda: self._landed() > there, began, "rows land again")
        except Exception as error:  # noqa: BLE001 — the demo goes on, and says it
            self.events.note(f"{name}: {type(error).__name__}: {error}")
        finally:
            with self._lock:
                del self._broken[name]

    def _await(self, true: Callable[[], bool], began: float, what: str) -> None:
        while time.monotonic() - began < GIVE_UP_SECONDS:
            with suppress(Exception):  # it is broken: that it fails is no news
                if true():
                    after = time.monotonic() - began
                    self.events.note(f"{what}, {after:.1f} s after the break")
                    return
            if self._closed.wait(LOOK_SECONDS):
                return
        self.events.note(f"not yet after {GIVE_UP_SECONDS:.0f} s: {what}")
