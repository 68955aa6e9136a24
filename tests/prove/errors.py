"""Which of a broker's errors are answered to which request, and when in a sink's life.

A request that is not made in a phase cannot fail there: nobody joins a group while a
slice is written. Those that another error brings about say which one.
"""

from collections.abc import Iterable, Iterator
from typing import Final

import attrs
from confluent_kafka import KafkaError as E

ASSIGNING: Final = "before the assignment"
FILLING: Final = "while filling"
WRITING: Final = "while writing"
REBALANCING: Final = "during a rebalance"
STOPPING: Final = "at the stop"

FETCH, LIST_OFFSETS, METADATA, OFFSET_COMMIT = 1, 2, 3, 8
FIND_COORDINATOR, JOIN, HEARTBEAT, LEAVE, SYNC = 10, 11, 12, 13, 14
GROUP_HEARTBEAT = 68
NAMES: Final = {
    FETCH: "Fetch",
    LIST_OFFSETS: "ListOffsets",
    METADATA: "Metadata",
    OFFSET_COMMIT: "OffsetCommit",
    FIND_COORDINATOR: "FindCoordinator",
    JOIN: "JoinGroup",
    HEARTBEAT: "Heartbeat",
    LEAVE: "LeaveGroup",
    SYNC: "SyncGroup",
    GROUP_HEARTBEAT: "ConsumerGroupHeartbeat",
}
DISCONNECT: Final = E._TRANSPORT
"""No answer: the broker closes the connection."""
FENCED_MEMBER_EPOCH, STALE_MEMBER_EPOCH = 110, 113

COORDINATOR = (
    E.COORDINATOR_NOT_AVAILABLE,
    E.NOT_COORDINATOR,
    E.COORDINATOR_LOAD_IN_PROGRESS,
)
MEMBERSHIP = (E.ILLEGAL_GENERATION, E.UNKNOWN_MEMBER_ID, E.REBALANCE_IN_PROGRESS)
READING = (
    E.NOT_LEADER_FOR_PARTITION,
    E.LEADER_NOT_AVAILABLE,
    E.REQUEST_TIMED_OUT,
    E.UNKNOWN_TOPIC_OR_PART,
    E.KAFKA_STORAGE_ERROR,
    E.FENCED_LEADER_EPOCH,
    E.UNKNOWN_LEADER_EPOCH,
    E.OFFSET_NOT_AVAILABLE,
    E.OFFSET_OUT_OF_RANGE,
    E.UNKNOWN,
    DISCONNECT,
)
LIVING = (FILLING, WRITING, REBALANCING, STOPPING)


@attrs.frozen
class Cell:
    """One error, once, in one phase."""

    protocol: str
    api: int
    code: int
    phase: str
    provoked_by: tuple[int, int] | None = None
    """The request and the error that make the client ask this at all."""

    def __str__(self) -> str:
        error = E(self.code).name() if self.code < STALE_MEMBER_EPOCH else ""
        name = {
            FENCED_MEMBER_EPOCH: "FENCED_MEMBER_EPOCH",
            STALE_MEMBER_EPOCH: "STALE_MEMBER_EPOCH",
        }.get(self.code, error)
        return f"broker: {NAMES[self.api]} {name} {self.phase} ({self.protocol})"


def _cells(
    protocol: str,
    api: int,
    codes: Iterable[int],
    phases: Iterable[str],
    provoked_by: tuple[int, int] | None = None,
) -> Iterator[Cell]:
    for code in codes:
        for phase in phases:
            by = None if phase == ASSIGNING else provoked_by
            yield Cell(protocol, api, code, phase, by)


def every() -> list[Cell]:
    """Return the whole table."""
    old, new = "classic", "consumer"
    moved = HEARTBEAT, E.NOT_COORDINATOR
    groups = (*COORDINATOR, E.UNKNOWN_MEMBER_ID, FENCED_MEMBER_EPOCH, DISCONNECT)
    commits = (*COORDINATOR, *MEMBERSHIP, E.REQUEST_TIMED_OUT, DISCONNECT)
    joins = (E.NOT_COORDINATOR, E.COORDINATOR_LOAD_IN_PROGRESS, E.UNKNOWN_MEMBER_ID)
    coming = (ASSIGNING, REBALANCING)
    return [
        *_cells(old, FIND_COORDINATOR, COORDINATOR[::2], (ASSIGNING, FILLING), moved),
        *_cells(old, FIND_COORDINATOR, COORDINATOR[::2], (WRITING, REBALANCING), moved),
        *_cells(old, JOIN, (*joins, DISCONNECT), coming),
        *_cells(old, SYNC, (*MEMBERSHIP, E.NOT_COORDINATOR), coming),
        *_cells(old, HEARTBEAT, (*MEMBERSHIP, *COORDINATOR, DISCONNECT), LIVING),
        *_cells(old, OFFSET_COMMIT, commits, LIVING),
        *_cells(old, FETCH, READING, (FILLING, WRITING, REBALANCING)),
        *_cells(old, LIST_OFFSETS, (*READING[:3], DISCONNECT), (ASSIGNING,)),
        *_cells(old, METADATA, (E.LEADER_NOT_AVAILABLE, DISCONNECT), (ASSIGNING,)),
        *_cells(old, LEAVE, (E.UNKNOWN_MEMBER_ID, DISCONNECT), (STOPPING,)),
        *_cells(new, GROUP_HEARTBEAT, groups, (ASSIGNING, *LIVING)),
        *_cells(new, OFFSET_COMMIT, (STALE_MEMBER_EPOCH, *commits[:3]), LIVING),
        *_cells(new, FETCH, READING[:1], (FILLING, WRITING, REBALANCING)),
    ]


def a_few() -> list[Cell]:
    """Return some of them: each phase, under both protocols, and every request."""
    few: dict[tuple[str, str, int], Cell] = {}
    for cell in every():
        few.setdefault((cell.protocol, cell.phase, 0), cell)
        few.setdefault(("", "", cell.api), cell)
    return list(dict.fromkeys(few.values()))
