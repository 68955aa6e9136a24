"""What the core knows of one assigned partition."""

from enum import Enum, auto

import attrs

from winestream.records import LogPartition


class Phase(Enum):
    """How sure we are that the partition's cursor is ours."""

    FENCED = auto()
    """Somebody took it; wait for a completed poll that still shows it assigned."""
    UNCLAIMED = auto()
    """To be taken. Nothing is held of it."""
    TAKING = auto()
    """A take is under way."""
    ACTIVE = auto()
    """Ours: read and write."""
    UNSURE = auto()
    """A write's outcome is unknown: to be kept. What is held stays, reading goes on."""
    KEEPING = auto()
    """A keep is under way."""


READING = frozenset({Phase.ACTIVE, Phase.UNSURE, Phase.KEEPING})


@attrs.define
class Tracked:
    """One partition for the time of one assignment (its `term`).

    All positions are next offsets: `expected` of reading, `written` by the warehouse's
    word, `confirmed` by a later look at the cursor, `asked` and `told` of Kafka.
    """

    partition: LogPartition
    term: int
    initial: int
    phase: Phase = Phase.UNCLAIMED
    not_before: float = 0.0
    epoch: int = 0
    expected: int = 0
    written: int = 0
    written_at: float = 0.0
    confirmed: int = -1
    asked: int = -1
    told: int = -1
    ask_again_at: float = 0.0
    suspect: int | None = None
    """Where a gap was seen and is being read once more."""
    trusted: bool = False
    """This log has shown that its gaps are legal."""
    restart: bool = False
    """Reading must begin again at `expected`; until then what comes is ignored."""
    deadline: float | None = None
    """Draining: it leaves then at the latest."""

    @property
    def reading(self) -> bool:
        """Whether messages of it are wanted."""
        return self.phase in READING and self.deadline is None

    @property
    def settled(self) -> bool:
        """Whether nothing about its cursor is open."""
        if self.phase is Phase.ACTIVE:
            return self.confirmed >= self.written
        return self.phase in (Phase.FENCED, Phase.UNCLAIMED)

    def leave(self, deadline: float, *, cursors: bool) -> None:
        """Note that the partition goes at `deadline` at the latest."""
        self.deadline = deadline
        if not cursors:
            # Kafka's answers to asynchronous commits come only with the next poll,
            # after the partition is gone: what is open is asked again, and awaited.
            self.asked = self.told

    def owned_at(self, position: int, epoch: int, *, reread: bool) -> None:
        """Note that the cursor is ours and where it stands.

        With `reread` reading begins again there. That the cursor stands there is
        certain, even where the claim turns out to be for nothing; only a birth (epoch
        1) would be for nothing too: Kafka hears of that partition with its first rows.
        """
        self.phase, self.epoch = Phase.ACTIVE, epoch
        self.written = self.confirmed = position
        if reread:
            self.expected, self.restart, self.suspect = position, True, None
            # A rewind is told too.
            self.asked = self.told = position if epoch == 1 else -1
