"""Transactions as Snowflake has them, on top of DuckDB's.

Decided here, and stricter than an account wherever the two differ:

- AUTOCOMMIT off: the first DML opens a transaction by itself. On: each DML is one.
- BEGIN inside a transaction is ignored, as the documentation says.
- DDL commits the open transaction first.
- **Any error aborts the transaction**, as under TRANSACTION_ABORT_ON_ERROR = TRUE,
  whether or not the session set it: DuckDB cannot keep what succeeded before. It is
  rolled back at once; until COMMIT or ROLLBACK every statement then fails, and
  COMMIT *fails too* and ends it. (What an account answers to that COMMIT is not
  documented; success for nothing would be the worst of the possible answers.)
- Nobody waits for a lock. An overlap answers 000625 at once.
- `SYSTEM$ABORT_TRANSACTION` of a living session's transaction rolls it back and
  tells that session nothing: its next DML opens another, whose COMMIT succeeds.
"""

import datetime as dt
import itertools
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field

import duckdb
from sqlglot import exp

from winestream.local.server.names import full_name
from winestream.local.server.sessions import Session
from winestream.local.server.sqlerrors import SqlError, locked, translate
from winestream.local.server.statements import (
    BEGIN,
    Answer,
    Kind,
    Next,
    Statement,
    status,
)

# A transaction whose client died stays open: without a bound, so would all this.
_CHANGES_KEPT = 1000
_PATIENCE = 10.0  # seconds to wait for an interrupted statement to let go


@dataclass(slots=True)
class Lock:
    """Held on a table from the first UPDATE, DELETE or MERGE until the end."""

    acquired_on: dt.datetime
    query_id: str


@dataclass(slots=True)
class Transaction:
    """An open transaction, or one that failed and waits for its ROLLBACK."""

    number: int
    name: str
    session: Session
    started_on: dt.datetime
    locks: dict[str, Lock] = field(default_factory=dict)
    merged: set[str] = field(default_factory=set)
    rows: dict[str, set[int]] = field(default_factory=dict)
    inserted: set[str] = field(default_factory=set)  # tables that streams are on
    consumed: set[str] = field(default_factory=set)  # streams, by their queues
    seen: int | None = None  # commits before its snapshot was taken
    failed: bool = False
    ended: bool = False  # by SYSTEM$ABORT_TRANSACTION
    committed: bool = False


class Transactions:
    """Every open transaction; the outermost handler of the chain."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: dict[int, Transaction] = {}
        self._numbers = itertools.count(time.time_ns())
        self._commits = 0
        self._last_merge: dict[str, int] = {}
        # (number of the commit, table, rows): as far back as an open snapshot is old
        self._changed: list[tuple[int, str, set[int]]] = []
        self._forgotten = 0  # the last commit that is not in there any more
        # What else has to happen in the same DuckDB transaction as the COMMIT.
        self.around_commit: Callable[[Transaction], AbstractContextManager[None]] = (
            lambda _: nullcontext()
        )

    def handle(self, statement: Statement, session: Session, go_on: Next) -> Answer:
        """Begin, end or fail the transaction around a statement."""
        if statement.kind is Kind.BEGIN:
            return self._begin(statement, session)
        if statement.kind is Kind.COMMIT:
            return self._commit_asked(session)
        if statement.kind is Kind.ROLLBACK:
            self.roll_back(session)
            return status()
        if session.transaction is not None and session.transaction.failed:
            raise _aborted()
        if statement.kind is Kind.DDL:
            self._commit(session)
        alone = False
        if statement.kind is Kind.DML and session.transaction is None:
            self._start(session, "")
            alone = session.autocommit
        try:
            self._enter(statement, session)
            answer = go_on(statement)
        except Exception as error:
            self._fail(session, alone=alone)
            raise translate(error) from error
        if alone:
            self._commit(session)
        return answer

    def alone(self, session: Session, work: Callable[[], Answer]) -> Answer:
        """Run `work` in a transaction of its own, whatever AUTOCOMMIT says."""
        self._commit(session)
        self._start(session, "")
        try:
            answer = work()
        except Exception as error:
            self._fail(session, alone=True)
            raise translate(error) from error
        self._commit(session)
        return answer

    def open_transactions(self) -> list[Transaction]:
        """Those that have not ended, oldest first."""
        with self._lock:
            return sorted(self._open.values(), key=lambda t: t.number)

    def abort(self, number: int) -> bool:
        """End a transaction of any session; False if there is none of that number.

        A statement that is running in it is interrupted and fails.
        """
        with self._lock:
            transaction = self._open.get(number)
        if transaction is None:
            return False
        victim = transaction.session
        deadline = time.monotonic() + _PATIENCE
        transaction.ended = True
        while not victim.lock.acquire(timeout=0.05):
            victim.duck.interrupt()
            if time.monotonic() > deadline:
                raise SqlError(1, "57014", f"Transaction {number} could not be ended")
        try:
            if victim.transaction is transaction:
                self.roll_back(victim)
        finally:
            victim.lock.release()
        return not transaction.committed  # it may have got there first

    def roll_back(self, session: Session) -> None:
        """Undo what is open, if anything; the session is outside afterwards."""
        transaction, session.transaction = session.transaction, None
        if transaction is not None and not transaction.failed:
            self._undo(transaction)

    def _begin(self, statement: Statement, session: Session) -> Answer:
        if session.transaction is not None:
            if session.transaction.failed:
                raise _aborted()
            return status()
        self._start(session, _name(statement))
        return status()

    def _start(self, session: Session, name: str) -> None:
        session.duck.execute("BEGIN TRANSACTION")
        number = next(self._numbers)
        transaction = Transaction(
            number=number,
            name=name or f"{number:x}",
            session=session,
            started_on=dt.datetime.now(dt.UTC),
        )
        session.transaction = transaction
        with self._lock:
            self._open[number] = transaction

    def _enter(self, statement: Statement, session: Session) -> None:
        """Note the snapshot's age and the table lock a statement takes."""
        if statement.refusal is not None:
            raise statement.refusal
        transaction = session.transaction
        if transaction is None:
            return
        with self._lock:
            if transaction.seen is None:
                transaction.seen = self._commits
            table = locked_table(statement.tree, session)
            if table is None:
                return
            if isinstance(statement.tree, exp.Merge):
                self._enter_merge(transaction, table)
            now = dt.datetime.now(dt.UTC)
            transaction.locks.setdefault(table, Lock(now, session.query_id))

    def _enter_merge(self, transaction: Transaction, table: str) -> None:
        # DuckDB finds two writers of one row, not two births of the same key, which
        # Snowflake's table lock makes impossible: refuse a MERGE beside another, and
        # one whose snapshot is older than the last one's commit.
        for other in self._open.values():
            if other is not transaction and table in other.merged:
                raise locked(f"{table} is locked by transaction {other.number}")
        if self._last_merge.get(table, 0) > (transaction.seen or 0):
            raise locked(f"{table} was merged into after this transaction began")
        transaction.merged.add(table)

    def lock_rows(self, transaction: Transaction, table: str, rows: set[int]) -> None:
        """Take the rows for a transaction. Raises 000625 if it cannot have them."""
        with self._lock:
            for other in self._open.values():
                if other is not transaction and rows & other.rows.get(table, set()):
                    raise locked(
                        f"rows of {table} are locked by transaction {other.number}"
                    )
            seen = transaction.seen or 0
            if seen < self._forgotten:
                raise locked("this transaction's snapshot is too old")
            for number, changed_table, changed in self._changed:
                newer = number > seen
                if newer and changed_table == table and rows & changed:
                    raise locked(f"rows of {table} changed after this one began")
            transaction.rows.setdefault(table, set()).update(rows)

    def _remember(self, transaction: Transaction) -> None:
        """Keep what the open snapshots must not overlook; under the lock."""
        if not transaction.locks:
            return
        self._commits += 1
        for table in transaction.merged:
            self._last_merge[table] = self._commits
        for table, rows in transaction.rows.items():
            self._changed.append((self._commits, table, rows))
        seen = [t.seen for t in self._open.values() if t.seen is not None]
        oldest = min(seen, default=self._commits)
        self._changed = [entry for entry in self._changed if entry[0] > oldest]
        for number, _, _ in self._changed[:-_CHANGES_KEPT]:
            self._forgotten = number
        del self._changed[:-_CHANGES_KEPT]

    def _commit_asked(self, session: Session) -> Answer:
        if session.transaction is not None and session.transaction.failed:
            session.transaction = None
            raise _aborted()
        self._commit(session)
        return status()

    def _commit(self, session: Session) -> None:
        transaction = session.transaction
        if transaction is None:
            return
        session.transaction = None
        try:
            with self.around_commit(transaction):
                session.duck.execute("COMMIT")
        except Exception as error:
            self._undo(transaction)
            raise translate(error) from error
        transaction.committed = True
        with self._lock:
            self._open.pop(transaction.number, None)
            self._remember(transaction)

    def _fail(self, session: Session, *, alone: bool) -> None:
        transaction = session.transaction
        if transaction is None:
            return
        self._undo(transaction)
        if alone or transaction.ended:
            session.transaction = None
        else:
            transaction.failed = True

    def _undo(self, transaction: Transaction) -> None:
        try:
            transaction.session.duck.execute("ROLLBACK")
        except duckdb.TransactionException:
            pass  # a failed COMMIT has rolled back by itself
        finally:
            with self._lock:
                self._open.pop(transaction.number, None)


def _aborted() -> SqlError:
    return SqlError(
        1,
        "25P02",
        "The transaction was aborted by an earlier error and nothing of it was "
        "kept; ROLLBACK before going on.",
    )


def _name(statement: Statement) -> str:
    match = BEGIN.match(statement.text)
    return (match["name"] or "").strip('"') if match else ""


def locked_table(tree: exp.Expr | None, session: Session) -> str | None:
    """Name the table that a statement locks, or None."""
    if not isinstance(tree, (exp.Update, exp.Delete, exp.Merge)):
        return None
    table = tree.this
    if not isinstance(table, exp.Table):
        return None
    return full_name(table, session)
