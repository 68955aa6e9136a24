"""Setting cursors back: one transaction, a ledger row each, guarded like a write.

The epoch goes up with it, so that whoever held the partition is fenced, and what came
in above the new position under older epochs no longer counts.
"""

from collections.abc import Callable, Iterable, Sequence

import attrs

from winestream.errors import RetryableWriteError
from winestream.records import LogPartition
from winestream.snowflake.cursors import Held, lock, standing
from winestream.snowflake.session import Session
from winestream.snowflake.takeover import transaction_name
from winestream.snowflake.transaction import insert_ledger

_SET_BACK = """
UPDATE OPS.INGEST_CURSOR c
SET NEXT_OFFSET = l.TO_OFFSET, EPOCH = l.EPOCH, OWNER = ?, UPDATED_AT = SYSDATE()
FROM OPS.INGEST_LEDGER l
WHERE l.SLICE_ID = ? AND l.PIPELINE = ?
  AND c.PIPELINE = l.PIPELINE AND c.CLUSTER_ID = l.CLUSTER_ID
  AND c.TOPIC_ID = l.TOPIC_ID AND c.TOPIC = l.TOPIC
  AND c.KAFKA_PARTITION = l.KAFKA_PARTITION
  AND c.EPOCH + 1 = l.EPOCH AND c.NEXT_OFFSET = l.FROM_OFFSET
"""


@attrs.frozen
class Step:
    """One cursor on its way back, from `position` to `target`."""

    log: LogPartition
    first: int
    position: int
    target: int
    epoch: int
    """The cursor's before the step."""

    @property
    def again(self) -> int:
        """How many offsets will be read again."""
        return self.position - self.target


Steps = Sequence[Step]


def set_back(
    session: Session,
    pipeline: str,
    owner: str,
    logs: Iterable[LogPartition],
    steps_of: Callable[[Iterable[Held]], Steps],
) -> Steps:
    """Set cursors back as `steps_of` says of the rows under their lock; return that.

    Nothing is changed when it raises. Raises `WriteError`; after an
    `UnknownOutcomeError` or `RetryableWriteError` ask `is_noted`, and try again.
    """
    wanted = list(logs)
    with session.transaction(transaction_name(pipeline, owner)):
        lock(session, pipeline, wanted)  # so that nobody moves what is looked at
        steps = steps_of(standing(session, pipeline, wanted).values())
        insert_ledger(session, (_ledger_row(step, pipeline, owner) for step in steps))
        # Once more: had the server ended the transaction, this is another.
        locked = lock(session, pipeline, [step.log for step in steps])
        values = [owner, slice_id(owner), pipeline]
        moved = int(session.run(_SET_BACK, values)[0][0])
        if not locked == moved == len(steps):
            raise RetryableWriteError("the cursors moved meanwhile: try again")
    return steps


def is_noted(
    session: Session, pipeline: str, owner: str, logs: Iterable[LogPartition]
) -> bool:
    """Whether the ledger knows this owner's rewind. Waits for one still under way."""
    with session.transaction(transaction_name(pipeline, owner)):
        lock(session, pipeline, logs)
        found = session.run(
            "SELECT COUNT(*) FROM OPS.INGEST_LEDGER WHERE SLICE_ID = ? AND "
            "PIPELINE = ?",
            [slice_id(owner), pipeline],
        )
    return bool(found[0][0])


def slice_id(owner: str) -> str:
    """Return the slice id of this owner's only ledger rows."""
    return f"{owner}/1"


def _ledger_row(step: Step, pipeline: str, owner: str) -> tuple[str | int | None, ...]:
    """Return the row, in the order of `columns.LEDGER_COLUMNS`."""
    nothing = (0, 0, 0, None)  # rows, dead letters, bytes, fingerprint
    ends = (step.position, step.target)
    return (slice_id(owner), pipeline, *step.log, *ends, *nothing, step.epoch + 1)
