"""Mistakes in the writer's protocol: its statements, their order, their guards."""

from collections.abc import Mapping
from typing import Any

from planting import Patch

from winestream.errors import RetryableWriteError, UnknownOutcomeError, WriteError
from winestream.records import LogPartition, Slice, Want
from winestream.testing.world import protocol as module
from winestream.testing.world.loads import ledger_of, loads_of
from winestream.testing.world.protocol import Protocol
from winestream.testing.world.session import Session, Steps
from winestream.testing.world.tables import DEAD, CursorRow, LedgerRow, Load
from winestream.testing.world.wire import Statement

Epochs = Mapping[LogPartition, int]


def _moved(self: Protocol, session: Session, piece: Slice, epochs: Epochs) -> Steps:
    locked = yield from self.lock(session, piece.ranges)
    moved = yield from self.compare_and_set(session, piece, epochs)
    self.count(locked, moved, len(piece.ranges))


def commit_before_write(patch: Patch) -> None:
    """Move the cursor and commit, then bring the rows."""

    def mistake(
        self: Protocol, session: Session, piece: Slice, epochs: Epochs
    ) -> Steps:
        yield from self.insert_ledger(session, piece, epochs)
        yield from _moved(self, session, piece, epochs)
        yield from session.run(self.ending().commit)
        for load in loads_of(piece):
            yield from self.copy(session, load)

    patch.setattr(Protocol, "body", mistake)


def ledger_after_copy(patch: Patch) -> None:
    """Insert the ledger's rows last, so that an end before them goes unseen."""

    def mistake(
        self: Protocol, session: Session, piece: Slice, epochs: Epochs
    ) -> Steps:
        for load in loads_of(piece):
            yield from self.copy(session, load)
        yield from self.insert_ledger(session, piece, epochs)
        yield from _moved(self, session, piece, epochs)

    patch.setattr(Protocol, "body", mistake)


def no_row_count_check(patch: Patch) -> None:
    """Commit whatever the compare-and-set moved."""
    patch.setattr(Protocol, "count", lambda *_args: None)


def set_not_joined_to_the_ledger(patch: Patch) -> None:
    """Compare with what the client knows, not with the rows in the ledger."""

    def mistake(
        self: Protocol, session: Session, piece: Slice, epochs: Epochs
    ) -> Steps:
        rows = ledger_of(piece, epochs)

        def run(server: Any, seen: Any) -> int:
            warehouse = self.warehouse
            warehouse.lock(server, piece.ranges, seen)
            view = warehouse.select(server)
            return sum(
                warehouse.move(
                    server.transaction,
                    row.partition,
                    row.stop,
                    view,
                    lambda cursor, row=row: self.agrees(cursor, row),
                )
                for row in rows
            )

        return (yield from session.run(Statement("SET", run)))

    patch.setattr(Protocol, "compare_and_set", mistake)


def no_claim_in_set(patch: Patch) -> None:
    """Compare the position only, not whose claim is in force."""

    def mistake(_self: Protocol, cursor: CursorRow, row: LedgerRow) -> bool:
        return cursor.position == row.start

    patch.setattr(Protocol, "agrees", mistake)


def no_owner_in_set(patch: Patch) -> None:
    """Take an epoch for a proof of ownership: two may be told of the same."""

    def mistake(_self: Protocol, cursor: CursorRow, row: LedgerRow) -> bool:
        return (cursor.epoch, cursor.position) == (row.epoch, row.start)

    patch.setattr(Protocol, "agrees", mistake)


def no_from_in_set(patch: Patch) -> None:
    """Compare the claim only: owner and epoch."""

    def mistake(self: Protocol, cursor: CursorRow, row: LedgerRow) -> bool:
        return (cursor.owner, cursor.epoch) == (self.owner, row.epoch)

    patch.setattr(Protocol, "agrees", mistake)


def write_without_lock(patch: Patch) -> None:
    """Let the compare-and-set itself wait for the lock."""

    def mistake(
        self: Protocol, session: Session, piece: Slice, epochs: Epochs
    ) -> Steps:
        yield from self.insert_ledger(session, piece, epochs)
        for load in loads_of(piece):
            yield from self.copy(session, load)
        moved = yield from self.compare_and_set(session, piece, epochs)
        self.count(moved, moved, len(piece.ranges))

    patch.setattr(Protocol, "body", mistake)


def claim_without_lock(patch: Patch) -> None:
    """Let the MERGE itself wait for the lock."""
    lock = Protocol.lock

    def mistake(self: Protocol, session: Session, partitions: Any) -> Steps:
        if isinstance(next(iter(dict(partitions).values())), Want):
            return len(partitions)
        return (yield from lock(self, session, partitions))

    patch.setattr(Protocol, "lock", mistake)


def claim_does_not_look(patch: Patch) -> None:
    """Take what the MERGE left, one row or two, one's own or not."""
    patch.setattr(Protocol, "require_one_row_each", lambda *_args: None)


def a_keep_is_always_granted(patch: Patch) -> None:
    """Do not compare what was kept."""
    patch.setattr(Protocol, "granted", lambda _self, _row, _want: True)


def unknown_is_retryable(patch: Patch) -> None:
    """Take a COMMIT without an answer for one that failed."""
    transaction = Session.transaction

    def mistake(self: Session, *args: Any) -> Steps:
        try:
            return (yield from transaction(self, *args))
        except UnknownOutcomeError as error:
            raise RetryableWriteError(str(error)) from None

    patch.setattr(Session, "transaction", mistake)


def unknown_is_done(patch: Patch) -> None:
    """Take a COMMIT without an answer for one that was applied."""
    land = Protocol.land

    def mistake(self: Protocol, *args: Any) -> Steps:
        try:
            yield from land(self, *args)
        except UnknownOutcomeError:
            return

    patch.setattr(Protocol, "land", mistake)


def a_failed_copy_is_gone_on_from(patch: Patch) -> None:
    """Let one table's load fail, and commit the rest."""
    copy = Protocol.copy

    def mistake(self: Protocol, session: Session, load: Load) -> Steps:
        try:
            yield from copy(self, session, load)
        except WriteError:
            return

    patch.setattr(Protocol, "copy", mistake)


def dead_letters_are_not_written(patch: Patch) -> None:
    """Count what has no table as done."""

    def mistake(piece: Slice) -> list[Load]:
        return [load for load in loads_of(piece) if load.table != DEAD]

    patch.setattr(module, "loads_of", mistake)


def an_error_leaves_the_transaction_open(patch: Patch) -> None:
    """Neither roll back after an error nor before the next BEGIN."""

    def transaction(self: Session, begin: Any, end: Any, body: Any) -> Steps:
        yield from self.run(begin)
        result = yield from body
        try:
            yield self.server, end.commit
        except Exception as error:
            self.broken = True
            raise UnknownOutcomeError("COMMIT") from error
        return result

    patch.setattr(Session, "transaction", transaction)


def takeover_has_no_patience(patch: Patch) -> None:
    """End whoever holds the lock, busy or dead."""
    patch.setattr(module, "PATIENCE", 0.0)


def nothing_is_taken_over(patch: Patch) -> None:
    """Leave a dead owner's transaction to the server."""
    patch.setattr(Protocol, "end_stuck", lambda _self: None)
