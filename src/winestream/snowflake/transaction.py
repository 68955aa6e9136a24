"""The write: one transaction that lands a slice, guarded on every side.

Order matters (docs/explanation has the why): ledger rows first, then the data, by COPY
from staged files or, for small loads, by INSERT, then the cursor's lock, as late as
possible because it excludes everybody, then the compare-and-set as a statement of its
own, joined to the ledger rows of this slice. If the server ended the transaction in
between, those ledger rows are gone and the compare-and-set finds nothing.
"""

from collections.abc import Iterable, Mapping

import attrs

from winestream.errors import FencedError, RetryableWriteError
from winestream.records import LogPartition, Slice
from winestream.snowflake.columns import LEDGER_COLUMNS
from winestream.snowflake.cursors import chunks, lock, standing
from winestream.snowflake.inserts import insert
from winestream.snowflake.session import Session
from winestream.snowflake.staging import STAGE, Staged
from winestream.snowflake.tables import Load
from winestream.snowflake.takeover import transaction_name

_COMPARE_AND_SET = """
UPDATE OPS.INGEST_CURSOR c
SET NEXT_OFFSET = l.TO_OFFSET, UPDATED_AT = SYSDATE()
FROM OPS.INGEST_LEDGER l
WHERE l.SLICE_ID = ? AND l.PIPELINE = ?
  AND c.PIPELINE = l.PIPELINE AND c.CLUSTER_ID = l.CLUSTER_ID
  AND c.TOPIC_ID = l.TOPIC_ID AND c.TOPIC = l.TOPIC
  AND c.KAFKA_PARTITION = l.KAFKA_PARTITION
  AND c.EPOCH = l.EPOCH AND c.OWNER = ? AND c.NEXT_OFFSET = l.FROM_OFFSET
"""


@attrs.frozen
class Contents:
    """What a transaction brings in: the ledger's rows, files staged, small loads."""

    ledger: Iterable[tuple[str | int | None, ...]]
    files: Iterable[Staged] = ()
    small: Iterable[Load] = ()


def land(
    session: Session,
    pipeline: str,
    owner: str,
    piece: Slice,
    epochs: Mapping[LogPartition, int],
    contents: Contents,
) -> None:
    """Run the transaction. Raises as `Writer.write` does."""
    try:
        with session.transaction(transaction_name(pipeline, owner)):
            insert_ledger(session, contents.ledger)
            for file in contents.files:
                _copy(session, file)
            for load in contents.small:
                insert(session, load)
            _move_cursors(session, pipeline, owner, piece)
    except _CursorsDifferError:
        raise _why(session, pipeline, owner, piece, epochs) from None


class _CursorsDifferError(Exception):
    """The compare-and-set did not move every cursor."""


def _move_cursors(session: Session, pipeline: str, owner: str, piece: Slice) -> None:
    """Lock, compare and set. Two rows of one cursor show in the lock's count."""
    locked = lock(session, pipeline, piece.ranges)
    values = [piece.id, pipeline, owner]
    moved = int(session.run(_COMPARE_AND_SET, values)[0][0])
    if not locked == moved == len(piece.ranges):
        raise _CursorsDifferError


def insert_ledger(
    session: Session, ledger: Iterable[tuple[str | int | None, ...]]
) -> None:
    """Insert ledger rows, whose values are in the order of `LEDGER_COLUMNS`."""
    marks = ", ".join("?" for _ in LEDGER_COLUMNS)
    into = f"INSERT INTO OPS.INGEST_LEDGER ({', '.join(LEDGER_COLUMNS)})"
    for rows in chunks(ledger):
        values = ", ".join([f"({marks})"] * len(rows))
        session.run(f"{into} VALUES {values}", [value for row in rows for value in row])


def _copy(session: Session, file: Staged) -> None:
    result = session.run(
        f"COPY INTO {file.into} FROM @{STAGE}/{file.path} "
        "FILE_FORMAT = (FORMAT_NAME = 'RAW.INGEST_PARQUET') "
        "MATCH_BY_COLUMN_NAME = CASE_INSENSITIVE ON_ERROR = ABORT_STATEMENT",
        data=file.data,
    )
    # file, status, rows_parsed, rows_loaded, …
    loaded = sum(int(row[3]) for row in result if len(row) > 3)  # noqa: PLR2004
    if loaded != file.rows:
        raise RetryableWriteError(
            f"COPY loaded {loaded} of {file.rows} rows into {file.into}"
        )


def _why(
    session: Session,
    pipeline: str,
    owner: str,
    piece: Slice,
    epochs: Mapping[LogPartition, int],
) -> FencedError | RetryableWriteError:
    """Look at the cursors: taken over, or the transaction was ended under us.

    Not where the ROLLBACK failed: the transaction may be open still, and would show
    the cursors that it moved itself as another's.
    """
    if session.broken:
        return RetryableWriteError("the session broke before it could look")
    held = standing(session, pipeline, piece.ranges)
    fenced = [
        partition
        for partition, (start, _) in piece.ranges.items()
        if (it := held.get(partition)) is None
        or (it.owner, it.cursor.epoch, it.cursor.position)
        != (owner, epochs[partition], start)
    ]
    if fenced:
        return FencedError(fenced)
    return RetryableWriteError("the server ended the transaction under the session")
