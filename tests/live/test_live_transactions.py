"""Transactions that are ended, waited for and shown: what the guards are there for.

Where the protocol leans on no answer, the answer is printed and recorded.
"""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from live_account import Account, Scratch, answer, segment, transaction_of

from winestream.errors import RetryableWriteError, WriteError
from winestream.records import Slice
from winestream.snowflake.takeover import end_stuck, transaction_name

Record = Callable[[str, object], None]
HOLD = 4.0
"""Seconds a lock is held while somebody waits for it."""


def _tell(record: Record, question: str, said: object) -> None:
    record(question, said)
    print(f"{question}: {said}")


def _abort(account: Account, number: int) -> None:
    account.session("admin").run(f"SELECT SYSTEM$ABORT_TRANSACTION({number})")


def test_what_commit_answers_after_an_abort(
    account: Account, scratch: Scratch, record_property: Record
) -> None:
    """The rows from before the abort are gone, whatever COMMIT says; it is recorded."""
    table = scratch.table("T", "N NUMBER(19, 0)")
    session = account.session()
    session.rollback()
    session.run("BEGIN TRANSACTION NAME live_aborted")
    session.run(f"INSERT INTO {table} VALUES (1)")
    _abort(account, transaction_of(session))
    insert = f"INSERT INTO {table} VALUES (2)"
    next_one = answer(lambda: session._execute(insert, ()))
    _tell(record_property, "the next statement after an abort", next_one)
    commit = answer(lambda: session._execute("COMMIT", ()))
    _tell(record_property, "COMMIT after an abort", commit)
    landed = {int(row[0]) for row in scratch.ask(f"SELECT N FROM {table}")}
    _tell(record_property, "what landed of 1 (before) and 2 (after)", sorted(landed))
    assert 1 not in landed


@pytest.mark.parametrize("step", ["COPY", "UPDATE", "SET NEXT_OFFSET"])
def test_a_write_notices_that_its_transaction_was_ended(
    account: Account, step: str
) -> None:
    """Ended before the data, the lock or the compare-and-set: nothing lands."""
    here = account.partition()
    writer, epochs = account.owned(here)
    todo = [step]

    def end(sql: str) -> None:
        if todo and todo[0] in sql and writer._session is not None:
            todo.clear()
            found = account.session("admin").table("SHOW TRANSACTIONS")
            name = transaction_name(account.pipeline, "me").lower()
            for row in found:
                if str(row["name"]).lower() == name:
                    _abort(account, int(row["id"]))

    writer.before = end
    with pytest.raises(RetryableWriteError):
        writer.write(Slice("me/1", (segment(here, 0, 3),)), epochs)
    assert not todo
    assert account.offsets() == []
    assert account.cursors()[here].position == 0
    writer.write(Slice("me/2", (segment(here, 0, 3),)), epochs)
    assert account.offsets() == [0, 1, 2]


def test_whether_an_update_that_waited_looks_again(
    account: Account, scratch: Scratch, record_property: Record
) -> None:
    """It waits; what it then matches is recorded; the statement after it sees all."""
    table = scratch.table("C", "ID NUMBER(19, 0), PLACE NUMBER(19, 0)")
    first, second = account.session("first"), account.session("second")
    with first.transaction("live_birth"):
        first.run(f"INSERT INTO {table} VALUES (1, 0)")
    move = f"UPDATE {table} SET PLACE = PLACE + 10 WHERE ID = 1 AND PLACE = 0"
    counts: list[int] = []
    waited: list[float] = []
    refused: list[str] = []

    def wait() -> None:
        began = time.monotonic()
        try:
            counts.append(int(second.run(move)[0][0]))
        except WriteError as error:
            refused.append(str(error))
        waited.append(time.monotonic() - began)

    first.run("BEGIN TRANSACTION NAME live_holder")
    first.run(move)
    second.rollback()
    second.run("BEGIN TRANSACTION NAME live_waiter")
    waiter = threading.Thread(target=wait, daemon=True)
    waiter.start()
    time.sleep(HOLD)
    still_waiting = waiter.is_alive()
    first.run("COMMIT")
    waiter.join(60)
    assert still_waiting, f"nobody waits for a lock here: {refused or counts}"
    assert not refused
    said = "yes, it matches nothing" if counts == [0] else f"no, it moves {counts[0]}"
    _tell(record_property, "an UPDATE that waited looks again", said)
    _tell(record_property, "seconds it waited", round(waited[0], 1))
    again = int(second.run(move)[0][0])
    second.rollback()
    assert again == 0, "a second statement does not see what was committed before it"


def test_transactions_and_locks_are_shown_as_the_takeover_reads_them(
    account: Account,
) -> None:
    """Names, ids, the locked table, HOLDING, and since when by a clock with a zone."""
    here = account.partition()
    account.owned(here, owner="dead")
    holder, looker = account.session("dead"), account.session("looker")
    name = transaction_name(account.pipeline, "dead")
    holder.rollback()
    holder.run(f"BEGIN TRANSACTION NAME {name}")
    holder.run(
        "UPDATE OPS.INGEST_CURSOR SET OWNER = OWNER WHERE PIPELINE = ?",
        [account.pipeline],
    )
    number = transaction_of(holder)
    shown = {int(row["id"]): row for row in looker.table("SHOW TRANSACTIONS")}
    assert str(shown[number]["name"]).lower() == name.lower()
    locks = [
        row for row in looker.table("SHOW LOCKS") if int(row["transaction"]) == number
    ]
    print(f"SHOW LOCKS: {locks}")
    (lock,) = [row for row in locks if "INGEST_CURSOR" in str(row["resource"]).upper()]
    assert str(lock["resource"]).upper().endswith(".OPS.INGEST_CURSOR")
    assert str(lock["status"]).upper() == "HOLDING"
    assert isinstance(lock["acquired_on"], datetime)
    assert lock["acquired_on"].tzinfo is not None
    assert abs(lock["acquired_on"].astimezone(UTC) - datetime.now(UTC)) < timedelta(
        minutes=5
    )


def test_a_dead_owners_transaction_is_ended_and_no_other(account: Account) -> None:
    """Patience decides; a sibling that holds no lock of the cursors stays."""
    here = account.partition()
    account.owned(here, owner="dead")
    holder, sibling = account.session("dead"), account.session("sibling")
    for session, owner in ((holder, "dead"), (sibling, "sibling")):
        session.rollback()
        name = transaction_name(account.pipeline, owner)
        session.run(f"BEGIN TRANSACTION NAME {name}")
    sibling.run("SELECT COUNT(*) FROM OPS.INGEST_LEDGER")
    holder.run(
        "UPDATE OPS.INGEST_CURSOR SET OWNER = OWNER WHERE PIPELINE = ?",
        [account.pipeline],
    )
    alive = transaction_of(sibling)
    heir = account.session("heir")
    assert end_stuck(heir, account.pipeline, timedelta(hours=1)) == 0
    assert end_stuck(heir, account.pipeline, timedelta(0)) == 1
    assert transaction_of(sibling) == alive
    _, epochs = account.owned(here, owner="heir")
    assert epochs == {here: 2}
