"""A core and the few values a scenario needs to talk to it."""

from datetime import timedelta
from typing import Any

from winestream.core import BatchPolicy, Core, CoreSettings, RetryPolicy, SafetyPolicy
from winestream.core import effects as do
from winestream.core import inputs as got
from winestream.records import Cursor, Gap, LogPartition, Rows, Segment

P, Q = (LogPartition("c", "t", "topic", i) for i in range(2))


def rows(start: int, stop: int, table: str = "T", size: int = 1) -> Rows:
    """Return rows with these offsets and payloads of `size` bytes."""
    n = stop - start
    return Rows(
        table=table,
        offsets=range(start, stop),
        event_ids=[""] * n,
        event_types=[""] * n,
        occurred_at=[0.0] * n,
        schema_versions=[1] * n,
        payloads=[b"x" * size] * n,
        keys=[None] * n,
        timestamps=[0] * n,
    )


def run(start: int, stop: int, where: LogPartition = P, size: int = 1) -> Segment:
    """Return a segment that holds a row at every offset."""
    return Segment(where, start, stop, (rows(start, stop, size=size),))


def gap(start: int, stop: int, where: LogPartition = P) -> Segment:
    """Return a segment that is a gap and nothing else."""
    return Segment(where, start, stop, gaps=(Gap(start, stop, "trailing"),))


class Scenario:
    """Feeds a core and collects what it wants, at a time of its own."""

    def __init__(self, *, cursors: bool = True, **policies: Any) -> None:
        batch = {"max_rows": 10, "linger": timedelta(seconds=2)}
        self.now = 100.0
        self.core = Core(
            CoreSettings(
                owner="me",
                jitter=lambda: 0.5,
                cursors=cursors,
                batch=policies.pop("batch", BatchPolicy(**batch)),
                retry=policies.pop("retry", RetryPolicy()),
                safety=policies.pop("safety", SafetyPolicy()),
            )
        )

    def feed(self, *items: got.Input) -> list[do.Effect]:
        """Tell the core and return what it wants now."""
        for item in items:
            self.core.feed(item, self.now)
        return self.effects()

    def wait(self, seconds: float) -> list[do.Effect]:
        """Let time pass and return what the core wants then."""
        self.now += seconds
        return self.effects()

    def effects(self) -> list[do.Effect]:
        """Return what the core wants until it wants nothing."""
        wanted = []
        while (effect := self.core.next_effect(self.now)) is not None:
            wanted.append(effect)
            assert len(wanted) < 100
        wake = self.core.wake_at()
        assert wake is None or wake > self.now
        return wanted

    def own(self, *partitions: LogPartition, position: int = 0) -> "Scenario":
        """Assign and claim partitions."""
        partitions = partitions or (P,)
        wanted = self.feed(got.Assigned(dict.fromkeys(partitions, position)))
        (claim,) = [effect for effect in wanted if isinstance(effect, do.Claim)]
        cursors = dict.fromkeys(partitions, Cursor(position, position, 1))
        self.feed(got.Claimed(claim.claim_id, cursors))
        return self

    def write(self, *segments: Segment) -> do.Write:
        """Fetch these, let the slice fall due, and return its write."""
        self.feed(*map(got.Fetched, segments))
        return one(do.Write, self.wait(60))


def one(kind: type, effects: list[do.Effect]) -> Any:
    """Return the only effect of its kind."""
    (found,) = [effect for effect in effects if isinstance(effect, kind)]
    return found


def none(kind: type, effects: list[do.Effect]) -> bool:
    """Whether no effect is of this kind."""
    return not any(isinstance(effect, kind) for effect in effects)
