"""A warehouse with the manners the delivery protocol has to live with.

READ COMMITTED statements; a table lock on the cursors, for which one waits; sessions
whose transaction the server may end without a word, so that the next statement opens
another and a COMMIT answers "done" for nothing; transactions that outlive their client
and keep their lock.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import partial

import attrs

from winestream.records import LogPartition, Want
from winestream.testing.world.faults import Fault, Weather
from winestream.testing.world.scheduler import Act, Scheduler
from winestream.testing.world.tables import (
    CursorRow,
    Cursors,
    LedgerRow,
    Load,
    ServerSession,
    Transaction,
)


class BlockedError(Exception):
    """Another transaction has the lock; the statement waits for it."""


@attrs.define
class Warehouse:
    """The server. `on_commit` looks at every transaction as it becomes durable."""

    scheduler: Scheduler
    weather: Weather
    on_commit: Callable[[Transaction], None]
    cursors: Cursors = attrs.field(factory=dict)
    ledger: dict[str, list[LedgerRow]] = attrs.field(factory=dict)
    """The committed ledger rows by slice id."""
    loads: list[Load] = attrs.field(factory=list)
    holder: Transaction | None = None
    sessions: list[ServerSession] = attrs.field(factory=list)
    _queue: list[Act] = attrs.field(factory=list)
    _before: tuple[float, Cursors, ServerSession] | None = None
    """The last commit: when, the cursor table before it, and whose it was."""
    _numbers: int = 0

    # ---------------------------------------------------------------- transactions

    def sign_in(self, owner: str) -> ServerSession:
        """Open a session."""
        session = ServerSession(owner, self.scheduler.now)
        self.sessions.append(session)
        return session

    def begin(self, session: ServerSession) -> None:
        """Open a transaction; one that is open already is gone on with."""
        if session.transaction is None:
            self._numbers += 1
            session.transaction = Transaction(session.owner, self._numbers)

    def commit(self, session: ServerSession) -> bool:
        """Make durable what is open; without a transaction say "done" all the same."""
        done = session.transaction
        if done is None:
            self.weather.count(Fault.FOR_NOTHING)
            return False
        session.transaction = None
        if done.cursors:
            self._before = (self.scheduler.now, self.cursors, session)
            self.cursors = {**self.cursors, **done.cursors}
        for row in done.ledger:
            self.ledger.setdefault(row.slice_id, []).append(row)
        self.loads += done.loads
        self._unlock(done)
        self.on_commit(done)
        return True

    def rollback(self, session: ServerSession) -> None:
        """Undo what is open, if anything."""
        gone, session.transaction = session.transaction, None
        if gone is not None:
            self._unlock(gone)

    def abandon(self, session: ServerSession, seconds: float) -> None:
        """Note that the client is gone; what is open ends after so long by itself."""
        if session.transaction is not None:
            self.weather.count(Fault.DETACHED)
        self.scheduler.after(seconds, lambda: self._forget(session))

    def end(self, transaction: Transaction) -> str | None:
        """End a transaction under its session, as the server or an operator may.

        Returns whose it was, None when it was over already.
        """
        for session in self.sessions:
            if session.transaction is transaction:
                self.rollback(session)
                return session.owner
        return None

    # ------------------------------------------------------------------ statements

    def insert_ledger(self, session: ServerSession, rows: Iterable[LedgerRow]) -> None:
        """INSERT INTO INGEST_LEDGER."""
        self._in(session).ledger.extend(rows)

    def load(self, session: ServerSession, load: Load) -> int:
        """COPY one table's part of a slice; return the rows loaded."""
        self._in(session).loads.append(load)
        return len(load.items)

    def lock(
        self, session: ServerSession, partitions: Iterable[LogPartition], seen: Cursors
    ) -> int:
        """UPDATE the rows so that nothing changes; return how many there are.

        An UPDATE that finds no row locks nothing.
        """
        transaction = self._in(session)
        if not any(partition in seen for partition in partitions):
            return 0
        self._take_lock(transaction)
        seen = self._now_or(seen, transaction)
        return sum(len(seen.get(partition, ())) for partition in partitions)

    def compare_and_set(
        self,
        session: ServerSession,
        slice_id: str,
        seen: Cursors,
        agrees: Callable[[CursorRow, LedgerRow], bool],
    ) -> int:
        """UPDATE INGEST_CURSOR … FROM INGEST_LEDGER; return the rows moved."""
        transaction = self._in(session)
        self._take_lock(transaction)
        seen = self._now_or(seen, transaction)
        known = [row for row in transaction.ledger if row.slice_id == slice_id]
        moved = 0
        for row in (*self.ledger.get(slice_id, ()), *known):
            fits = partial(_fits, agrees, row)
            moved += self.move(transaction, row.partition, row.stop, seen, fits)
        return moved

    def move(
        self,
        transaction: Transaction,
        partition: LogPartition,
        position: int,
        seen: Cursors,
        where: Callable[[CursorRow], bool],
    ) -> int:
        """Set NEXT_OFFSET of one partition's rows; return how many were moved."""
        chosen = [i for i, row in enumerate(seen.get(partition, ())) if where(row)]
        rows = list(self.view(transaction).get(partition, ()))
        for index in chosen:
            rows[index] = attrs.evolve(rows[index], position=position)
        if chosen:
            transaction.cursors[partition] = tuple(rows)
        return len(chosen)

    def merge(
        self,
        session: ServerSession,
        owner: str,
        wants: Mapping[LogPartition, Want],
        seen: Cursors,
    ) -> None:
        """MERGE the claim: raise the epochs wanted, give birth to what is missing."""
        transaction = self._in(session)
        self._take_lock(transaction)
        seen = self._now_or(seen, transaction)
        for partition, want in wants.items():
            rows = list(self.view(transaction).get(partition, ()))
            matched = seen.get(partition, ())
            if not matched and want.keep_epoch is None:
                rows.append(CursorRow(want.initial, want.initial, 1, owner))
            for index, row in enumerate(matched):
                if want.keep_epoch in (None, row.epoch):
                    epoch = row.epoch + 1
                    rows[index] = attrs.evolve(rows[index], epoch=epoch, owner=owner)
            transaction.cursors[partition] = tuple(rows)

    def select(self, session: ServerSession) -> Cursors:
        """SELECT the cursor table: what is committed, and one's own changes.

        Outside a transaction an old session may not yet see what another committed a
        moment ago.
        """
        if session.transaction is not None:
            return self.view(session.transaction)
        if self._before is not None:
            at, before, whose = self._before
            old = session.opened_at < at and session is not whose
            if old and self.weather.strikes(Fault.STALE_READ):
                return before
        return self.cursors

    def stuck(self, patience: float) -> list[Transaction]:
        """SHOW LOCKS joined to SHOW TRANSACTIONS: who has held it for so long."""
        holder = self.holder
        if holder is None or holder.locked_at is None:
            return []
        return [holder] if holder.locked_at <= self.scheduler.now - patience else []

    def view(self, transaction: Transaction) -> Cursors:
        """Return the cursor table as the transaction sees it."""
        if not transaction.cursors:
            return self.cursors
        return {**self.cursors, **transaction.cursors}

    def wait(self, act: Act) -> None:
        """Let `act` happen when the lock is free again."""
        self._queue.append(act)

    # -------------------------------------------------------------------- privately

    def _in(self, session: ServerSession) -> Transaction:
        self.begin(session)
        assert session.transaction is not None
        return session.transaction

    def _take_lock(self, transaction: Transaction) -> None:
        if self.holder is not None and self.holder is not transaction:
            raise BlockedError
        self.holder = transaction
        if transaction.locked_at is None:
            transaction.locked_at = self.scheduler.now

    def _unlock(self, transaction: Transaction) -> None:
        if self.holder is transaction:
            self.holder = None
            queue, self._queue = self._queue, []
            for act in queue:
                self.scheduler.after(0.0, act)

    def _now_or(self, seen: Cursors, transaction: Transaction) -> Cursors:
        """Return what an UPDATE evaluates, once it has the lock.

        No page says that one that waited looks again; `seen` is from before.
        """
        if seen is self.cursors:
            return self.view(transaction)
        if self.weather.strikes(Fault.STALE_SNAPSHOT):
            return {**seen, **transaction.cursors}
        return self.view(transaction)

    def _forget(self, session: ServerSession) -> None:
        self.rollback(session)
        session.gone = True
        self.sessions.remove(session)


def _fits(
    agrees: Callable[[CursorRow, LedgerRow], bool], row: LedgerRow, cursor: CursorRow
) -> bool:
    return agrees(cursor, row)
