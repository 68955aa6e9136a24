"""The writer's protocol, statement by statement, as `winestream.snowflake` has it.

Write: files, BEGIN, ledger, COPY per table, lock, compare-and-set, count, COMMIT.
Claim: a new session, BEGIN, lock, MERGE, SELECT, look, COMMIT. Confirm: SELECT. The
order is the point; `docs/architecture.md` has the why. Each guard is a method of its
own, so that a test can take it away and see the simulation fail.
"""

from collections import Counter
from collections.abc import Iterable, Mapping

import attrs

from winestream.errors import (
    FatalWriteError,
    FencedError,
    NewLogError,
    RetryableWriteError,
    UnknownOutcomeError,
    WriteError,
)
from winestream.records import LogPartition, Slice, Want
from winestream.testing.world.connection import Connection, Found, cursor_of
from winestream.testing.world.faults import Fault
from winestream.testing.world.loads import ledger_of, loads_of, refused_in
from winestream.testing.world.session import Session, Steps
from winestream.testing.world.tables import (
    CursorRow,
    Cursors,
    LedgerRow,
    Load,
)
from winestream.testing.world.wire import RefusedRowsError, Statement

PATIENCE = 4.0
"""How long a lock must have been held before a claim ends its holder."""


class _CursorsDifferError(Exception):
    """The compare-and-set did not move every cursor."""


@attrs.define(eq=False)
class Protocol(Connection):
    """One writer's commands, as steps for the desk to take."""

    # ------------------------------------------------------------------ the commands

    def write(self, piece: Slice, epochs: Mapping[LogPartition, int]) -> Steps[None]:
        """Land the slice, or raise what a `Writer` may raise."""
        try:
            session = yield from self.connected()
            yield from session.run(Statement("PUT", lambda _session, _seen: None))
            yield from self.land(session, piece, epochs)
        finally:
            self.drop_broken_session()

    def claim(self, wants: Mapping[LogPartition, Want]) -> Steps[Found]:
        """Claim cursors in a session of its own."""
        self.hang_up()
        try:
            session = yield from self.connected()
            return (
                yield from session.transaction(
                    self.begin(), self.ending(), self.take(session, wants)
                )
            )
        except UnknownOutcomeError as error:
            raise RetryableWriteError(f"claim: {error}") from None
        except RetryableWriteError:
            yield from self.clear_the_way()
            raise
        finally:
            self.drop_broken_session()

    def read(self, partitions: Iterable[LogPartition]) -> Steps[Found]:
        """Return committed cursors."""
        try:
            session = yield from self.connected()
            yield from session.run(self.ending().rollback)
            held = yield from self.standing(session, partitions)
            return {p: cursor_of(row) for p, row in held.items()}
        finally:
            self.drop_broken_session()

    # ---------------------------------------------------------------------- the write

    def land(
        self, session: Session, piece: Slice, epochs: Mapping[LogPartition, int]
    ) -> Steps[None]:
        """Run the transaction, and say why if the cursors differ."""
        try:
            yield from session.transaction(
                self.begin(), self.ending(), self.body(session, piece, epochs)
            )
        except _CursorsDifferError:
            raise (yield from self.why(session, piece, epochs)) from None

    def body(
        self, session: Session, piece: Slice, epochs: Mapping[LogPartition, int]
    ) -> Steps[None]:
        """Do what belongs into the transaction, in this order."""
        yield from self.insert_ledger(session, piece, epochs)
        for load in loads_of(piece):
            yield from self.copy(session, load)
        locked = yield from self.lock(session, piece.ranges)
        moved = yield from self.compare_and_set(session, piece, epochs)
        self.count(locked, moved, len(piece.ranges))

    def insert_ledger(
        self, session: Session, piece: Slice, epochs: Mapping[LogPartition, int]
    ) -> Steps[None]:
        """Insert the slice's ledger rows."""
        rows = ledger_of(piece, epochs)
        yield from session.run(
            Statement("LEDGER", lambda s, _: self.warehouse.insert_ledger(s, rows))
        )

    def copy(self, session: Session, load: Load) -> Steps[None]:
        """Load one table's file and count the rows."""
        bad = refused_in(load)
        if bad:
            self.weather.count(Fault.REJECTED_ROWS)
            # The warehouse names none of them, some or all.
            named = bad[: self.warehouse.scheduler.below(len(bad) + 1)]
            yield from session.run(Statement("COPY", lambda _s, _seen: _refuse(named)))
        loaded = yield from session.run(
            Statement(f"COPY {load.table}", lambda s, _: self.warehouse.load(s, load))
        )
        if loaded != len(load.items):
            raise RetryableWriteError("COPY loaded other rows than were staged")

    def lock(self, session: Session, partitions: Iterable[LogPartition]) -> Steps[int]:
        """Lock the cursor rows; return how many there are."""
        wanted = tuple(partitions)
        locked: int = yield from session.run(
            Statement("LOCK", lambda s, seen: self.warehouse.lock(s, wanted, seen))
        )
        return locked

    def compare_and_set(
        self, session: Session, piece: Slice, epochs: Mapping[LogPartition, int]
    ) -> Steps[int]:
        """Move the cursors where ledger, epoch and position agree."""
        del epochs  # the ledger's rows have them
        moved: int = yield from session.run(
            Statement(
                "SET",
                lambda s, seen: self.warehouse.compare_and_set(
                    s, piece.id, seen, self.agrees
                ),
            )
        )
        return moved

    def agrees(self, cursor: CursorRow, row: LedgerRow) -> bool:
        """Whether a cursor may be moved by this ledger row."""
        mine = (cursor.owner, cursor.epoch) == (self.owner, row.epoch)
        return mine and cursor.position == row.start

    def count(self, locked: int, moved: int, wanted: int) -> None:
        """Require that every cursor was moved, and only they."""
        if not locked == moved == wanted:
            raise _CursorsDifferError

    def why(
        self, session: Session, piece: Slice, epochs: Mapping[LogPartition, int]
    ) -> Steps[WriteError]:
        """Look at the cursors: taken over, or the transaction was ended under us.

        Not where the ROLLBACK failed: the transaction may be open still, and would
        show its own changes.
        """
        if session.broken:
            return RetryableWriteError("the session broke before it could look")
        held = yield from self.standing(session, piece.ranges)
        fenced = [
            partition
            for partition, (start, _) in piece.ranges.items()
            if (row := held.get(partition)) is None
            or (row.owner, row.epoch, row.position)
            != (self.owner, epochs[partition], start)
        ]
        return FencedError(fenced) if fenced else RetryableWriteError("ended under us")

    # ---------------------------------------------------------------------- the claim

    def take(
        self, session: Session, wants: Mapping[LogPartition, Want]
    ) -> Steps[Found]:
        """Do what belongs into a claim's transaction; return what is ours."""
        yield from self.lock(session, wants)
        yield from session.run(
            Statement(
                "MERGE",
                lambda s, seen: self.warehouse.merge(s, self.owner, wants, seen),
            )
        )
        held: Cursors = yield from session.run(self.select())
        self.require_one_row_each(held, wants)
        self.require_no_namesake(held, wants)
        return {
            partition: cursor_of(held[partition][0])
            for partition, want in wants.items()
            if partition in held and self.granted(held[partition][0], want)
        }

    def granted(self, row: CursorRow, want: Want) -> bool:
        """Whether the row shows that this claim succeeded."""
        return row.owner == self.owner and want.keep_epoch in (None, row.epoch - 1)

    def require_one_row_each(
        self, held: Cursors, wants: Mapping[LogPartition, Want]
    ) -> None:
        """Refuse a partition without a row, with two, or with another's."""
        counts = Counter({p: len(held.get(p, ())) for p in wants})
        taken = [p for p, want in wants.items() if want.keep_epoch is None]
        if any(counts[p] == 0 for p in taken):
            raise RetryableWriteError("a cursor row was not born: claim again")
        doubled = {p for p, count in counts.items() if count > 1}
        young = {p for p in taken if any(row.epoch == 1 for row in held[p])}
        if doubled - young:
            raise FatalWriteError(f"two cursor rows for {sorted(doubled)}")
        if doubled or any(row.owner != self.owner for p in taken for row in held[p]):
            raise RetryableWriteError("another claim came in between: claim again")

    def require_no_namesake(
        self, held: Cursors, wants: Mapping[LogPartition, Want]
    ) -> None:
        """Refuse a birth beside a cursor of another log of the same name."""
        names = {p.partition for p in held if p not in wants}
        refused = [
            p
            for p, want in wants.items()
            if p.partition in names
            and not want.new_log
            and any(
                (row.epoch, row.owner) == (1, self.owner) for row in held.get(p, ())
            )
        ]
        if refused:
            raise NewLogError(refused)

    def clear_the_way(self) -> Steps[None]:
        """End what holds the cursors' lock and will never end by itself."""
        if self.session is None or self.session.broken:
            return
        try:
            yield from self.session.run(
                Statement("TAKEOVER", lambda _s, _seen: self.end_stuck())
            )
        except WriteError:
            return  # the next claim looks again

    def end_stuck(self) -> None:
        """End transactions that have held the lock for too long."""
        for transaction in self.warehouse.stuck(PATIENCE):
            owner = self.warehouse.end(transaction)
            self.weather.count(Fault.TAKEOVER)
            if owner is not None:
                self.wire.ended_under(owner)


def _refuse(named: list[tuple[LogPartition, int]]) -> None:
    raise RefusedRowsError(named)
