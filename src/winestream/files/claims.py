"""Claiming cursors: pure, from one state of the cursor file to the next."""

from collections.abc import Mapping

import attrs

from winestream.errors import NewLogError
from winestream.files.books import Owned
from winestream.records import UNKNOWN_TOPIC_ID, Cursor, LogPartition, Want

Cursors = Mapping[LogPartition, Owned]


def claimed(
    cursors: Cursors, owner: str, wants: Mapping[LogPartition, Want]
) -> tuple[Cursors, Mapping[LogPartition, Cursor]]:
    """Return all cursors after a claim, and those it got; see `CursorStore.claim`.

    Raises `NewLogError`, upon which nothing is claimed.
    """
    after = _adopted(cursors, wants)
    _require_no_namesake(after, wants)
    got: dict[LogPartition, Cursor] = {}
    for partition, want in wants.items():
        held = after.get(partition)
        if want.keep_epoch is None:
            before = held.cursor if held else Cursor(want.initial, want.initial, 0)
        elif held is not None and held.cursor.epoch == want.keep_epoch:
            before = held.cursor
        else:
            continue
        got[partition] = attrs.evolve(before, epoch=before.epoch + 1)
        after[partition] = Owned(got[partition], owner)
    return after, got


def _adopted(
    cursors: Cursors, wants: Mapping[LogPartition, Want]
) -> dict[LogPartition, Owned]:
    """Give cursors born while the topic's id was unknown the id it turned out to be."""
    after = dict(cursors)
    for partition in wants:
        nameless = partition._replace(topic_id=UNKNOWN_TOPIC_ID)
        if partition not in after and nameless in after:
            after[partition] = after.pop(nameless)
    return after


def _require_no_namesake(cursors: Cursors, wants: Mapping[LogPartition, Want]) -> None:
    """Refuse a birth beside a cursor of another log of the same name."""
    names = {(p.topic, p.partition) for p in cursors}
    refused = [
        partition
        for partition, want in wants.items()
        if partition not in cursors
        and want.keep_epoch is None
        and not want.new_log
        and (partition.topic, partition.partition) in names
    ]
    if refused:
        raise NewLogError(refused)
