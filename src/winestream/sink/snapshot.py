"""An immutable picture of a sink, safe to read from any thread."""

from collections.abc import Mapping
from typing import Literal

import attrs

from winestream.core import Core
from winestream.core.partitions import READING, Phase
from winestream.records import LogPartition, Pacing, Watermarks

State = Literal["starting", "running", "outage", "stopping", "stopped", "failed"]


@attrs.frozen
class PartitionStatus:
    """Where one partition stands. Positions are next offsets, None without a claim.

    `unread` and `lag` count offsets from `read` and from `written` to the log's end,
    None while that is unknown.
    """

    claimed: bool
    read: int | None
    written: int | None
    confirmed: int | None
    epoch: int
    unread: int | None
    lag: int | None


@attrs.frozen
class Snapshot:
    """What a sink was doing a moment ago (refreshed several times a second).

    `pacing` is None unless a `FreshnessPolicy` is at work.
    """

    state: State = "starting"
    partitions: Mapping[LogPartition, PartitionStatus] = attrs.field(factory=dict)
    held_messages: int = 0
    held_bytes: int = 0
    paused: bool = False
    pacing: Pacing | None = None

    @property
    def all_read(self) -> bool:
        """Whether all that the log held when we looked is read, written or not."""
        return bool(self.partitions) and all(
            status.unread == 0 for status in self.partitions.values()
        )


def snapshot_of(
    core: Core, state: State, ends: Mapping[LogPartition, Watermarks]
) -> Snapshot:
    """Take the picture. Reader thread only."""
    statuses = {}
    for partition, tracked in core.state.parts.items():
        end = ends.get(partition)
        # After being fenced, what was read is dropped and read again: nothing is known.
        known = tracked.phase in READING
        ahead = end.high if end and known else None
        statuses[partition] = PartitionStatus(
            claimed=tracked.phase is Phase.ACTIVE,
            read=tracked.expected if known else None,
            written=tracked.written if known else None,
            confirmed=tracked.confirmed if known else None,
            epoch=tracked.epoch,
            unread=None if ahead is None else max(0, ahead - tracked.expected),
            lag=None if ahead is None else max(0, ahead - tracked.written),
        )
    return Snapshot(
        state=state,
        partitions=statuses,
        held_messages=sum(part.message_count for part in core.state.buffer.segments()),
        held_bytes=sum(part.payload_bytes for part in core.state.buffer.segments()),
        paused=not core.room().free,
        pacing=core.state.buffer.pace.pacing,
    )
