"""What happened in a world, kept as values and put into words only when asked."""

from collections import Counter, deque
from collections.abc import Iterable
from enum import StrEnum
from typing import Any

import attrs

from winestream.records import Cursor, LogPartition, Slice

KEPT = 4000
"""So many of the last events are remembered; a history rarely has more."""


class Promise(StrEnum):
    """What must hold whatever happens."""

    TILES = "each offset lands once: as a row, a dead letter or in a gap"
    LEDGER = "the ledger's ranges tile, and say what landed"
    CONTENT = "a row, a dead letter, a gap is what the log holds there"
    ORDER = "a partition's rows land in order"
    ONE = "a partition has one cursor"
    OWNER = "a cursor moves by its owner and epoch only, and that never falls"
    KAFKA = "Kafka is told nothing that is not durable"
    BOUNDS = "what is held is bounded"
    DRAIN = "a drain ends at its deadline"
    ALONE = "nobody is fenced by himself"
    LIVES = "when the faults stop, all lands in bounded time"
    STOPS = "a stop in calm weather leaves nothing undone"
    GOES_ON = "no fault here is fatal"


class Violation(AssertionError):  # noqa: N818 — it is no error of the caller's
    """A promise was broken. `partition` is where, if it was in one place."""

    def __init__(
        self, promise: Promise, text: str, partition: LogPartition | None = None
    ) -> None:
        self.promise = promise
        self.partition = partition
        where = "" if partition is None else f"{partition}: "
        super().__init__(f"{where}{text} ({promise})")


@attrs.frozen
class Event:
    """One thing that happened; without `partitions` it concerns all of them."""

    at: float
    who: str
    what: str
    details: tuple[Any, ...]
    partitions: frozenset[LogPartition] | None

    def __str__(self) -> str:
        said = " ".join(_short(detail) for detail in self.details)
        return f"{self.at - 1000:9.3f}  {self.who:<10} {self.what:<12} {said}".rstrip()


@attrs.define
class History:
    """The last events of a world, and how often each fault struck."""

    faults: Counter[str] = attrs.field(factory=Counter)
    _events: deque[Event] = attrs.field(factory=lambda: deque(maxlen=KEPT))

    def note(
        self,
        at: float,
        who: str,
        what: str,
        *details: object,
        of: Iterable[LogPartition] | None = None,
    ) -> None:
        """Remember an event."""
        partitions = None if of is None else frozenset(of)
        self._events.append(Event(at, who, what, details, partitions))

    def tail(self, partition: LogPartition | None, last: int) -> list[str]:
        """Return the last events that concern the partition, as lines to read."""
        lines = [
            str(event)
            for event in self._events
            if partition is None
            or event.partitions is None
            or partition in event.partitions
        ]
        return lines[-last:]


def _short(detail: object) -> str:
    """Put a value into few words."""
    match detail:
        case Slice():
            ranges = ", ".join(f"{p} {a}-{b}" for p, (a, b) in detail.ranges.items())
            said = f"{detail.id} [{ranges}]"
        case dict():
            said = "{" + ", ".join(f"{k}: {_short(v)}" for k, v in detail.items()) + "}"
        case frozenset() | set():
            said = "{" + ", ".join(sorted(map(str, detail))) + "}"
        case Cursor(position, _, epoch):
            said = f"at {position} epoch {epoch}"
        case float():
            said = f"{detail:.3f}"
        case Exception():
            said = f"{type(detail).__name__}: {detail}"
        case _:
            said = str(detail)
    return said
