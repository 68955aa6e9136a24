"""What an audit found, as values. They know no SQL, no broker and no terminal."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

import attrs

from winestream.records import LogPartition


class Check(StrEnum):
    """What was compared with what."""

    CURSOR = "cursor"
    """One cursor row per log partition, with an epoch no lower than its ledger's."""
    COVERAGE = "coverage"
    """Rows, dead letters and gaps are `[first, cursor)`, each offset exactly once."""
    LEDGER = "ledger"
    """The ledger's ranges are `[first, cursor)` without a hole or an overlap."""
    CONTENT = "content"
    """A slice has the rows, dead letters, bytes and fingerprint its ledger says."""
    STRAY = "stray"
    """Every row, dead letter and gap belongs to a slice of the ledger."""
    RETENTION = "retention"
    """Nothing was deleted from the log before it was read."""
    KAFKA = "kafka"
    """Kafka's committed position is not beyond the cursor, nor the log shorter."""


@attrs.frozen
class Finding:
    """Something that is off: offsets `[start, stop)` of a log partition, and why.

    `log` is None only where no log partition can be named.
    """

    check: Check
    log: LogPartition | None
    start: int
    stop: int
    detail: str
    slice_id: str | None = None

    def __str__(self) -> str:
        where = "?" if self.log is None else str(self.log)
        last = self.stop - 1
        offsets = (
            f"offset {self.start}"
            if last == self.start
            else f"offsets {self.start} to {last}"
            if last > self.start
            else f"at offset {self.start}"
        )
        slice_ = f" (slice {self.slice_id})" if self.slice_id else ""
        return f"{self.check}: {where} {offsets}: {self.detail}{slice_}"


@attrs.frozen
class Standing:
    """How Kafka sees a log partition: the group's position and the log's ends.

    `committed` is None when the group never committed.
    """

    committed: int | None
    low: int
    high: int


@attrs.frozen(kw_only=True)
class PartitionReport:
    """One log partition's numbers. `first` and `cursor` are None without a cursor row.

    `gaps` counts the offsets of every gap, `lost` those of them that retention took.
    `bytes` are the payloads' and dead letters' by the ledger.
    """

    log: LogPartition
    first: int | None = None
    cursor: int | None = None
    epoch: int | None = None
    slices: int = 0
    rows: int = 0
    dead_letters: int = 0
    gaps: int = 0
    lost: int = 0
    bytes: int = 0
    kafka: Standing | None = None

    @property
    def lag(self) -> int | None:
        """Offsets between the cursor and the log's end, None when nobody was asked."""
        if self.kafka is None or self.cursor is None:
            return None
        return max(0, self.kafka.high - self.cursor)


@attrs.frozen(kw_only=True)
class AuditReport:
    """The verdict on one pipeline.

    `findings` holds at most a bounded number of coordinates for each check; `offending`
    counts all that were seen. `not_made` says which checks were left out, and why.
    `accepted` are findings the caller chose to accept; they do not count as off.
    """

    pipeline: str
    tables: Sequence[str]
    partitions: Sequence[PartitionReport]
    findings: Sequence[Finding]
    accepted: Sequence[Finding] = ()
    unlisted: int = 0
    made: Sequence[str] = ()
    not_made: Mapping[str, str] = attrs.field(factory=dict)

    @property
    def ok(self) -> bool:
        """Whether nothing is off."""
        return self.offending == 0

    @property
    def offending(self) -> int:
        """How many things are off, listed or not."""
        return len(self.findings) + self.unlisted

    @property
    def lost(self) -> int:
        """Offsets that retention deleted before they were read."""
        return sum(part.lost for part in self.partitions)

    def as_json(self) -> dict[str, Any]:
        """Return the report as one JSON object."""
        return {
            "pipeline": self.pipeline,
            "ok": self.ok,
            "offending": self.offending,
            "tables": list(self.tables),
            "rows": sum(part.rows for part in self.partitions),
            "dead_letters": sum(part.dead_letters for part in self.partitions),
            "gaps": sum(part.gaps for part in self.partitions),
            "lost": self.lost,
            "checks_made": list(self.made),
            "checks_not_made": dict(self.not_made),
            "partitions": [_partition(part) for part in self.partitions],
            "findings": [_finding(found) for found in self.findings],
            "accepted": [_finding(found) for found in self.accepted],
        }


def _log(log: LogPartition | None) -> dict[str, Any]:
    if log is None:
        return {}
    return {
        "cluster_id": log.cluster_id,
        "topic_id": log.topic_id,
        "topic": log.topic,
        "partition": log.partition,
    }


def _partition(part: PartitionReport) -> dict[str, Any]:
    kafka = part.kafka
    return _log(part.log) | {
        "first": part.first,
        "cursor": part.cursor,
        "epoch": part.epoch,
        "slices": part.slices,
        "rows": part.rows,
        "dead_letters": part.dead_letters,
        "gaps": part.gaps,
        "lost": part.lost,
        "bytes": part.bytes,
        "kafka_committed": None if kafka is None else kafka.committed,
        "watermark": None if kafka is None else kafka.high,
        "lag": part.lag,
    }


def _finding(found: Finding) -> dict[str, Any]:
    return _log(found.log) | {
        "check": str(found.check),
        "from": found.start,
        "to": found.stop,
        "slice_id": found.slice_id,
        "detail": found.detail,
    }
