"""What the ledger says of a slice: one row per log partition."""

import hashlib
from collections.abc import Iterator, Mapping

from winestream.records import LogPartition, Segment, Slice


def ledger_rows(
    piece: Slice,
    pipeline: str,
    epochs: Mapping[LogPartition, int],
    *,
    fingerprints: bool,
) -> Iterator[tuple[str | int | None, ...]]:
    """Yield the slice's ledger rows, in the order of `columns.LEDGER_COLUMNS`."""
    for partition, (start, stop) in piece.ranges.items():
        parts = piece.segments_of(partition)
        yield (
            piece.id,
            pipeline,
            partition.cluster_id,
            partition.topic_id,
            partition.topic,
            partition.partition,
            start,
            stop,
            sum(part.row_count for part in parts),
            sum(len(part.dead) for part in parts),
            sum(part.payload_bytes for part in parts),
            sum(map(fingerprint, parts)) if fingerprints else None,
            epochs[partition],
        )


def fingerprint(part: Segment) -> int:
    """Return the sum of the lower halves of the payloads' MD5 sums.

    The same as Snowflake's SUM(MD5_NUMBER_LOWER64(PAYLOAD)) over RAW rows. A checksum
    against accidents, not a signature.
    """
    return sum(
        int.from_bytes(hashlib.md5(payload, usedforsecurity=False).digest()[8:], "big")
        for rows in part.rows
        for payload in rows.payloads
    )
