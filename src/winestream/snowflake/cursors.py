"""`OPS.INGEST_CURSOR`: claiming, reading and locking its rows.

A claim is one transaction: lock the rows wanted, MERGE (born at the initial position
with epoch 1, or epoch + 1 and the owner changed), look at what is there now, COMMIT.
The first UPDATE also adopts rows born while the topic's id was unknown.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby, islice
from typing import Any, TypeVar

import attrs

from winestream.errors import FatalWriteError, NewLogError, RetryableWriteError
from winestream.records import UNKNOWN_TOPIC_ID, Cursor, LogPartition, Want
from winestream.snowflake.session import Row, Session

_T = TypeVar("_T")

CHUNK = 1000
"""Rows a VALUES list may have: it takes 16,384 expressions, and no row needs 16."""

_WANTED = (
    "CLUSTER_ID",
    "TOPIC_ID",
    "TOPIC",
    "KAFKA_PARTITION",
    "INITIAL",
    "KEEP_EPOCH",
)

_LOCK = """
UPDATE OPS.INGEST_CURSOR SET TOPIC_ID = ?, UPDATED_AT = SYSDATE()
WHERE PIPELINE = ? AND CLUSTER_ID = ? AND TOPIC_ID IN ({ids}) AND TOPIC = ?
  AND KAFKA_PARTITION IN ({numbers})
"""

_MERGE = """
MERGE INTO OPS.INGEST_CURSOR c
USING (SELECT ? AS PIPELINE, ? AS OWNER, {columns} FROM VALUES {values}) w
ON c.PIPELINE = w.PIPELINE AND c.CLUSTER_ID = w.CLUSTER_ID AND c.TOPIC_ID = w.TOPIC_ID
  AND c.TOPIC = w.TOPIC AND c.KAFKA_PARTITION = w.KAFKA_PARTITION
WHEN MATCHED AND (w.KEEP_EPOCH IS NULL OR c.EPOCH = w.KEEP_EPOCH) THEN
  UPDATE SET EPOCH = c.EPOCH + 1, OWNER = w.OWNER, UPDATED_AT = SYSDATE()
WHEN NOT MATCHED AND w.KEEP_EPOCH IS NULL THEN INSERT
  (PIPELINE, CLUSTER_ID, TOPIC_ID, TOPIC, KAFKA_PARTITION, FIRST_OFFSET, NEXT_OFFSET,
   EPOCH, OWNER, UPDATED_AT)
  VALUES (w.PIPELINE, w.CLUSTER_ID, w.TOPIC_ID, w.TOPIC, w.KAFKA_PARTITION, w.INITIAL,
   w.INITIAL, 1, w.OWNER, SYSDATE())
"""

_SELECT = """
SELECT CLUSTER_ID, TOPIC_ID, TOPIC, KAFKA_PARTITION, NEXT_OFFSET, FIRST_OFFSET, EPOCH,
  OWNER
FROM OPS.INGEST_CURSOR
WHERE PIPELINE = ? AND ({where})
"""


@attrs.frozen
class Held:
    """A cursor as it stands in the table, with its owner."""

    partition: LogPartition
    cursor: Cursor
    owner: str


def claim(
    session: Session,
    pipeline: str,
    owner: str,
    wants: Mapping[LogPartition, Want],
    transaction: str,
) -> Mapping[LogPartition, Cursor]:
    """Claim cursors; see `CursorStore.claim`.

    Also raises `UnknownOutcomeError`, upon which the same claim may be made again.
    """
    if not wants:
        return {}
    with session.transaction(transaction):
        lock(session, pipeline, wants, adopt=True)
        for some in chunks(wants.items()):
            _merge(session, pipeline, owner, dict(some))
        held = select(session, pipeline, wants)
        mine = {h.partition: h for h in held if h.partition in wants}
        _require_one_row_each(held, wants, owner)
        _require_no_namesake(held, wants, owner)
    return {
        partition: mine[partition].cursor
        for partition, want in wants.items()
        if partition in mine and _granted(mine[partition], want, owner)
    }


def lock(
    session: Session,
    pipeline: str,
    partitions: Iterable[LogPartition],
    *,
    adopt: bool = False,
) -> int:
    """Lock the rows by an UPDATE that changes nothing a reader looks at; count them.

    With `adopt` a row whose topic id was unknown gets the real one.
    """
    locked = 0
    by_log = groupby(sorted(partitions), key=lambda p: p[:3])
    for (cluster, topic_id, topic), members in by_log:
        numbers = [member.partition for member in members]
        ids = [topic_id, UNKNOWN_TOPIC_ID] if adopt else [topic_id]
        answer = session.run(
            _LOCK.format(ids=_marks(ids), numbers=_marks(numbers)),
            [topic_id, pipeline, cluster, *ids, topic, *numbers],
        )
        locked += int(answer[0][0])
    return locked


def standing(
    session: Session, pipeline: str, partitions: Iterable[LogPartition]
) -> dict[LogPartition, Held]:
    """Return the cursors of exactly these log partitions, with their owners.

    Raises `FatalWriteError` where a partition has two.
    """
    wanted = frozenset(partitions)
    held = [h for h in select(session, pipeline, wanted) if h.partition in wanted]
    found = {h.partition: h for h in held}
    if len(found) < len(held):
        counts = Counter(h.partition for h in held)
        raise _two_rows(p for p, count in counts.items() if count > 1)
    return found


def select(
    session: Session, pipeline: str, partitions: Iterable[LogPartition]
) -> list[Held]:
    """Return this pipeline's cursors of these topics and partitions, of any log."""
    conditions: list[str] = []
    values: list[Any] = [pipeline]
    names = sorted({(p.topic, p.partition) for p in partitions})
    if not names:
        return []
    for topic, members in groupby(names, key=lambda name: name[0]):
        numbers = [number for _, number in members]
        conditions.append(f"TOPIC = ? AND KAFKA_PARTITION IN ({_marks(numbers)})")
        values += [topic, *numbers]
    rows = session.run(_SELECT.format(where=" OR ".join(conditions)), values)
    return list(map(_held, rows))


def of_topic(session: Session, pipeline: str, topic: str) -> list[Held]:
    """Return this pipeline's cursors of a topic, of any log that had its name."""
    rows = session.run(_SELECT.format(where="TOPIC = ?"), [pipeline, topic])
    return list(map(_held, rows))


def _held(row: Row) -> Held:
    return Held(
        LogPartition(row[0], row[1], row[2], int(row[3])),
        Cursor(position=int(row[4]), first=int(row[5]), epoch=int(row[6])),
        row[7],
    )


def _merge(
    session: Session, pipeline: str, owner: str, wants: Mapping[LogPartition, Want]
) -> None:
    values: list[Any] = [pipeline, owner]
    for partition, want in wants.items():
        values += [*partition, want.initial, want.keep_epoch]
    columns = ", ".join(f"column{i} AS {n}" for i, n in enumerate(_WANTED, 1))
    rows = ", ".join([f"({_marks(_WANTED)})"] * len(wants))
    session.run(_MERGE.format(columns=columns, values=rows), values)


def _granted(held: Held, want: Want, owner: str) -> bool:
    if held.owner != owner:
        return False
    return want.keep_epoch is None or held.cursor.epoch == want.keep_epoch + 1


def _require_one_row_each(
    held: Iterable[Held], wants: Mapping[LogPartition, Want], owner: str
) -> None:
    rows = [h for h in held if h.partition in wants]
    counts = Counter(h.partition for h in rows)
    taken = [p for p, want in wants.items() if want.keep_epoch is None]
    if any(counts[p] == 0 for p in taken):
        raise RetryableWriteError("a cursor row was not born: claim again")
    doubled = {p for p, count in counts.items() if count > 1}
    # A row of epoch 1 beside another was born a moment ago, here or elsewhere: our own
    # may still be taken back. All others were there before.
    young = {h.partition for h in rows if h.partition in taken and h.cursor.epoch == 1}
    if doubled - young:
        raise _two_rows(doubled - young)
    if doubled or any(h.owner != owner for h in rows if h.partition in taken):
        raise RetryableWriteError("another owner's claim came in between: claim again")


def _two_rows(doubled: Iterable[LogPartition]) -> FatalWriteError:
    names = ", ".join(sorted(map(str, doubled)))
    return FatalWriteError(
        f"OPS.INGEST_CURSOR has two rows for {names}: nothing is written through "
        "that. Delete the one with the lower NEXT_OFFSET and start again"
    )


def _require_no_namesake(
    held: Iterable[Held], wants: Mapping[LogPartition, Want], owner: str
) -> None:
    """Refuse a birth beside a cursor of another log of the same name."""
    namesakes = {
        (h.partition.topic, h.partition.partition)
        for h in held
        if h.partition not in wants
    }
    refused = [
        h.partition
        for h in held
        if h.partition in wants
        and (h.cursor.epoch, h.owner) == (1, owner)
        and (h.partition.topic, h.partition.partition) in namesakes
        and not wants[h.partition].new_log
    ]
    if refused:
        raise NewLogError(refused)


def chunks(rows: Iterable[_T]) -> Iterator[list[_T]]:
    """Yield so many rows at a time as one VALUES list can take."""
    ahead = iter(rows)
    while some := list(islice(ahead, CHUNK)):
        yield some


def _marks(values: Iterable[Any]) -> str:
    return ", ".join("?" for _ in values)
