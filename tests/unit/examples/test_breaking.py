"""The breaker of a demo, on parts that are mere switches."""

import threading
import time
from collections.abc import Callable

from full_stack.breaking import REMEMBERED, Breaker, Events, Target


class Part:
    """Something that is up or down, and counts what it lets through."""

    def __init__(self) -> None:
        self.up = threading.Event()
        self.up.set()
        self._landed = 0

    def landed(self) -> int:
        """Count one more, if it is up."""
        self._landed += self.up.is_set()
        return self._landed

    def works(self) -> bool:
        """Answer only when it is up."""
        if not self.up.is_set():
            raise ConnectionError("down")
        return True


def breaker(part: Part, **options: object) -> Breaker:
    """Return one with a single part, `it`."""
    target = Target(
        broken="it is broken",
        back="it works again",
        breaks=part.up.clear,
        works=part.works,
        **options,  # type: ignore[arg-type]
    )
    return Breaker({"it": target}, part.landed, Events())


def said(broken: Breaker) -> list[str]:
    """Return what was noted, without how long it took."""
    return [event["what"].split(",")[0] for event in broken.state()["events"]]


def until(true: Callable[[], bool]) -> None:
    """Wait for another thread."""
    for _ in range(3000):
        if true():
            return
        time.sleep(0.01)
    raise AssertionError("never")


def test_a_break_is_told_from_its_beginning_to_its_end() -> None:
    """Broken, back, rows land again: in this order, and only when it is so."""
    part = Part()
    it = breaker(part)
    assert it.break_("it")
    until(lambda: said(it) == ["it is broken"])
    assert it.state()["broken"] == ["it"]
    assert not it.break_("it"), "it is not back yet"
    part.up.set()
    until(lambda: not it.broken)
    assert said(it) == ["it is broken", "it works again", "rows land again"]


def test_what_does_not_mend_itself_is_mended() -> None:
    """After its time, or as soon as the breaker closes."""
    part = Part()
    it = breaker(part, mend=part.up.set, lasts=0.01)
    it.break_("it")
    until(lambda: not it.broken)
    patient = breaker(part, mend=part.up.set, lasts=3600.0)
    patient.break_("it")
    until(lambda: not part.up.is_set())
    patient.close()
    assert part.up.is_set()
    assert not patient.break_("it"), "closed"


def test_a_break_that_fails_is_told_and_over() -> None:
    """The demo goes on; the part can be broken again."""

    def fail() -> None:
        raise OSError("no such process")

    target = Target("it is broken", "it works again", fail, lambda: True)
    it = Breaker({"it": target}, lambda: 0, Events())
    it.break_("it")
    until(lambda: not it.broken)
    assert said(it) == ["it is broken", "it: OSError: no such process"]


def test_events_are_few_and_each_is_told_once() -> None:
    """Old ones are forgotten; who has seen some asks for the rest."""
    events = Events()
    for number in range(REMEMBERED + 5):
        events.note(str(number))
    assert len(events.since(0)) == REMEMBERED
    assert [event.what for event in events.since(REMEMBERED + 3)] == ["203", "204"]
    assert events.since(REMEMBERED + 5) == ()
