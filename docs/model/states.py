"""What a state of the model is, and which states must never be."""

from typing import NamedTuple

Verdict = str
TWICE, HOLE, EARLY, AHEAD = (
    "a row counts twice",
    "the cursor passed a row that is not there",
    "a row landed beyond the cursor",
    "Kafka is ahead of the cursor",
)


class Txn(NamedTuple):
    """What the server holds for a session: rows of [start, stop), uncommitted."""

    start: int
    stop: int
    epoch: int
    ledger: bool = False
    rows: int = 0
    locked: bool = False
    moved: bool = False
    sent: bool = False
    """Its session is gone, and its COMMIT may still be on the way."""


class Process(NamedTuple):
    """A consumer: unclaimed, ready, unsure, or the next statement of a write."""

    phase: str = "unclaimed"
    start: int = 0
    stop: int = 0
    epoch: int = 0
    confirmed: int = 0
    txn: Txn | None = None
    seen: tuple[int, int, bool] | None = None
    owns: bool = False
    """The cursor row names it as the owner."""


class World(NamedTuple):
    """The warehouse, Kafka and both processes."""

    processes: tuple[Process, ...]
    orphans: tuple[Txn, ...]
    cursor: int
    older: int
    epoch: int
    rows: tuple[int, ...]
    kafka: int
    rewind: tuple[int, int, int]
    """Its epoch, where it went to, where it came from; all 0 before there is one."""
    faults: int


def broken(world: World) -> Verdict | None:
    """Return the invariant that does not hold."""
    if max(world.rows) > 1:
        return TWICE
    if not all(world.rows[: world.cursor]):
        return HOLE
    if any(world.rows[world.cursor :]):
        return EARLY
    if world.kafka > max(world.cursor, world.rewind[2]):
        return AHEAD
    return None
