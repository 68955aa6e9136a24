"""Whether a consumer is alive and whether it does its work, judged from snapshots.

Pure: the time is an argument, and what must be remembered between two looks is a value.
"""

from collections.abc import Mapping

import attrs

from winestream.records import LogPartition
from winestream.sink.snapshot import PartitionStatus, Snapshot

_SHOWN = 3
"""Partitions named in a reason; a topic may have hundreds."""


@attrs.frozen
class Progress:
    """What the looks so far have shown.

    `since` has, per partition, its written position and when it was first seen there
    with messages left; partitions with nothing left are absent. `running` is when the
    sink was first seen running, `turned` when its reader last took a turn.
    """

    since: Mapping[LogPartition, tuple[int, float]] = attrs.field(factory=dict)
    running: float | None = None
    turned: float | None = None


@attrs.frozen
class Verdict:
    """`ok`, or the reasons why not, in words for an operator."""

    ok: bool
    reasons: tuple[str, ...] = ()


def look(before: Progress, snapshot: Snapshot, now: float) -> Progress:
    """Return what is known after one more look. Times in seconds of any clock."""
    since: dict[LogPartition, tuple[int, float]] = {}
    for partition, status in snapshot.partitions.items():
        if status.written is None or not status.lag:
            continue
        known = before.since.get(partition)
        moved = known is None or known[0] != status.written
        since[partition] = (status.written, now) if moved else known  # type: ignore[assignment] # known is set where not moved
    running = before.running
    if running is None and snapshot.state == "running":
        running = now
    return attrs.evolve(before, since=since, running=running)


def turned(before: Progress, now: float) -> Progress:
    """Note that the reader took a turn."""
    return attrs.evolve(before, turned=now)


def ready(
    progress: Progress, snapshot: Snapshot, now: float, stalled_after: float
) -> Verdict:
    """Say whether the consumer does its work.

    Not ready: not running (starting, outage, stopping, …); a partition not claimed; no
    partition at all for less than `stalled_after` seconds, since later it is a standby
    of a group with more processes than partitions; or a partition with messages left
    whose written position has not moved for `stalled_after` seconds.
    """
    if snapshot.state != "running":
        return Verdict(ok=False, reasons=(_STATES.get(snapshot.state, snapshot.state),))
    if not snapshot.partitions:
        since = now if progress.running is None else progress.running
        if now - since < stalled_after:
            return Verdict(ok=False, reasons=("no partition is assigned yet",))
        return Verdict(ok=True, reasons=("standing by: no partition is assigned",))
    reasons = [*_unclaimed(snapshot), *_stalled(progress, snapshot, now, stalled_after)]
    return Verdict(ok=not reasons, reasons=tuple(reasons))


def healthy(
    progress: Progress,
    snapshot: Snapshot,
    now: float,
    *,
    writer_alive: bool,
    turn_within: float,
) -> Verdict:
    """Say whether the process still works at all; where not, a restart is the cure.

    Not healthy: the sink failed, its writer thread is gone, or the reader has taken no
    turn for `turn_within` seconds (by then the group has given its partitions away).
    """
    if snapshot.state in ("starting", "stopping", "stopped"):
        return Verdict(ok=True)
    reasons = []
    if snapshot.state == "failed":
        reasons.append(_STATES["failed"])
    elif not writer_alive:
        reasons.append("the writer thread is gone")
    if progress.turned is not None and now - progress.turned >= turn_within:
        reasons.append(
            f"the reader has taken no turn for {now - progress.turned:.0f} s"
        )
    return Verdict(ok=not reasons, reasons=tuple(reasons))


_STATES = {
    "starting": "starting: not subscribed yet",
    "outage": "outage: the warehouse refuses or does not answer; writes are retried",
    "stopping": "stopping: writing what is held",
    "stopped": "stopped",
    "failed": "failed: see the log's last line",
}


def _unclaimed(snapshot: Snapshot) -> list[str]:
    names = [p for p, status in snapshot.partitions.items() if not status.claimed]
    return [f"not claimed yet: {_names(names)}"] if names else []


def _stalled(
    progress: Progress, snapshot: Snapshot, now: float, stalled_after: float
) -> list[str]:
    stuck = {
        partition: now - since
        for partition, (written, since) in progress.since.items()
        if now - since >= stalled_after
        and _still_at(snapshot.partitions.get(partition), written)
    }
    if not stuck:
        return []
    longest = max(stuck.values())
    return [f"no progress for {longest:.0f} s with messages left: {_names(stuck)}"]


def _still_at(status: PartitionStatus | None, written: int) -> bool:
    return status is not None and bool(status.lag) and status.written == written


def _names(partitions: "list[LogPartition] | Mapping[LogPartition, float]") -> str:
    ordered = sorted(map(str, partitions))
    more = len(ordered) - _SHOWN
    return ", ".join(ordered[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
