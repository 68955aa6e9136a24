"""Which faults there are, which of them a world has, and when one strikes.

Each world draws its own climate: about half of the kinds, each at a rate of its own. A
world with everything at once would hide what only shows where most things go well.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Final

from winestream.testing.world.scheduler import Scheduler


class Fault(StrEnum):
    """Everything that may go wrong. Those without a rate follow from others."""

    # On the wire, at any statement.
    UNSENT = "unsent"
    REFUSED = "refused"
    ANSWER_LOST = "answer-lost"
    ARRIVED_LATE = "arrived-late"
    DELAYED = "delayed"
    CRASH_BEFORE = "crash-before"
    CRASH_AFTER = "crash-after"
    ENDED_BEFORE = "ended-before"
    ENDED_AFTER = "ended-after"
    # What became of a COMMIT whose answer did not come, or meant nothing.
    COMMIT_LANDED = "commit-landed"
    COMMIT_LATE = "commit-late"
    COMMIT_FAILED = "commit-failed"
    FOR_NOTHING = "for-nothing"
    # In the warehouse.
    LOCK_WAIT = "lock-wait"
    LOCK_TIMEOUT = "lock-timeout"
    STALE_SNAPSHOT = "stale-snapshot"
    STALE_READ = "stale-read"
    DETACHED = "detached"
    TAKEOVER = "takeover"
    LATE_CLAIM = "late-claim"
    OUTAGE = "outage"
    REJECTED_ROWS = "rejected-rows"
    # By an operator.
    REWIND = "rewind"
    REWIND_IN_WRITE = "rewind-in-write"
    """Tried; it counts as a rewind besides if it was one."""
    ABORTED_HOLDER = "aborted-holder"
    # At the consumer.
    POLL_RAISED = "poll-raised"
    POLL_INTERRUPTED = "poll-interrupted"
    DESTROYED = "destroyed"
    DESTROYED_TAIL = "destroyed-tail"
    DESTROYED_SILENTLY = "destroyed-silently"
    ASK_FAILED = "ask-failed"
    COMMIT_REFUSED = "kafka-refused"
    # In the group.
    REBALANCE = "rebalance"
    REBALANCE_IN_CLAIM = "rebalance-in-claim"
    CLAIM_IN_DRAIN = "claim-in-drain"
    REVOKED = "revoked"
    LOST = "lost"
    LOST_IN_WRITE = "lost-in-write"
    ABANDONED = "abandoned"
    # In the log.
    COMPACTED = "compacted"
    MARKERS = "markers"
    RETENTION = "retention"
    NEW_LOG = "new-log"
    NEW_LOG_IN_WRITE = "new-log-in-write"
    # In a process.
    CRASH = "crash"
    CRASH_AT_SOURCE = "crash-at-source"
    CRASH_IN_DRAIN = "crash-in-drain"
    ZOMBIE = "zombie"
    ZOMBIE_READER = "zombie-reader"
    RESTART = "restart"


STATEMENT: Final[Mapping[Fault, float]] = {
    Fault.UNSENT: 0.008,
    Fault.REFUSED: 0.008,
    Fault.ANSWER_LOST: 0.010,
    Fault.ARRIVED_LATE: 0.006,
    Fault.DELAYED: 0.012,
    Fault.CRASH_BEFORE: 0.002,
    Fault.CRASH_AFTER: 0.002,
    Fault.ENDED_BEFORE: 0.006,
    Fault.ENDED_AFTER: 0.006,
}
"""The share of statements that each strikes, in a world that has it."""

ON_COMMIT: Final = 3.0
"""A COMMIT is where it hurts: these shares are so many times higher there."""

PASSING: Final[Mapping[Fault, float]] = {
    Fault.POLL_RAISED: 0.02,
    Fault.POLL_INTERRUPTED: 0.005,
    Fault.DESTROYED_SILENTLY: 0.06,
    Fault.ASK_FAILED: 0.08,
    Fault.COMMIT_REFUSED: 0.15,
    Fault.CRASH_AT_SOURCE: 0.003,
    Fault.CRASH_IN_DRAIN: 0.10,
    Fault.REBALANCE_IN_CLAIM: 0.90,
    Fault.NEW_LOG_IN_WRITE: 0.08,
    Fault.REWIND_IN_WRITE: 0.10,
    Fault.LOST_IN_WRITE: 0.05,
    Fault.STALE_READ: 0.20,
    Fault.STALE_SNAPSHOT: 0.50,
}
"""The same for what may strike at one kind of place: a poll, a read, a commit."""

CHAOS: Final[Mapping[Fault, float]] = {
    Fault.REWIND: 0.5,
    Fault.ABORTED_HOLDER: 0.5,
    Fault.OUTAGE: 0.3,
    Fault.REBALANCE: 1.2,
    Fault.LOST: 0.6,
    Fault.COMPACTED: 0.6,
    Fault.MARKERS: 0.8,
    Fault.RETENTION: 0.4,
    Fault.NEW_LOG: 0.15,
    Fault.CRASH: 0.6,
    Fault.ZOMBIE: 0.6,
    Fault.ZOMBIE_READER: 0.4,
    Fault.RESTART: 0.4,
}
"""How often each comes out of the blue, one against the other."""


class Weather:
    """One world's climate: draws what strikes, and counts it."""

    def __init__(self, scheduler: Scheduler, counts: Counter[str]) -> None:
        self._dice = scheduler
        self._counts = counts
        self.calm = False
        """Whether the faults have stopped."""
        harshness = scheduler.pick((0.0, 0.5, 1.0, 1.0, 2.0))
        share = scheduler.pick((0.3, 0.6, 1.0))
        self._statement = self._some(STATEMENT, share, harshness)
        self._passing = dict(self._some(PASSING, share, min(1.0, harshness)))
        self._chaos = self._some(CHAOS, share, 1.0)

    def count(self, fault: Fault) -> None:
        """Count a fault that followed from others."""
        self._counts[fault] += 1

    def strikes(self, fault: Fault) -> bool:
        """Whether the fault strikes here and now."""
        rate = self._passing.get(fault, 0.0)
        if self.calm or not rate or not self._dice.chance(rate):
            return False
        self._counts[fault] += 1
        return True

    def at_statement(self, *, commit: bool) -> Fault | None:
        """Return what strikes a statement, if anything."""
        if self.calm:
            return None
        drawn = self._dice.random.random() / (ON_COMMIT if commit else 1.0)
        for fault, rate in self._statement:
            drawn -= rate
            if drawn < 0:
                self._counts[fault] += 1
                return fault
        return None

    def chaos(self) -> Fault | None:
        """Return what comes out of the blue, if this world has anything of it."""
        if self.calm or not self._chaos:
            return None
        weights = [weight for _, weight in self._chaos]
        faults = [fault for fault, _ in self._chaos]
        return self._dice.random.choices(faults, weights)[0]

    def _some(
        self, rates: Mapping[Fault, float], share: float, harshness: float
    ) -> Sequence[tuple[Fault, float]]:
        return [
            (fault, rate * harshness)
            for fault, rate in rates.items()
            if self._dice.chance(share) and rate * harshness
        ]
