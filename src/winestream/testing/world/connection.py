"""A writer's connection: one session at most, and the statements both sides need."""

from collections.abc import Iterable

import attrs

from winestream.errors import FatalWriteError, WriteError
from winestream.records import Cursor, LogPartition
from winestream.testing.world.faults import Weather
from winestream.testing.world.session import Ending, Session, Steps
from winestream.testing.world.tables import CursorRow, Cursors
from winestream.testing.world.warehouse import Warehouse
from winestream.testing.world.wire import DETACHED, Statement, Wire

Found = dict[LogPartition, Cursor]


@attrs.define(eq=False)
class Connection:
    """At most one session, which a claim replaces."""

    warehouse: Warehouse
    wire: Wire
    weather: Weather
    owner: str
    session: Session | None = None

    # --------------------------------------------------------------------- statements

    def begin(self) -> Statement:
        """BEGIN TRANSACTION NAME."""
        return Statement("BEGIN", lambda s, _: self.warehouse.begin(s))

    def ending(self) -> Ending:
        """COMMIT or ROLLBACK."""
        return Ending(
            Statement("COMMIT", lambda s, _: self.warehouse.commit(s)),
            Statement("ROLLBACK", lambda s, _: self.warehouse.rollback(s)),
        )

    def select(self) -> Statement:
        """SELECT the cursors."""
        return Statement("SELECT", lambda s, _: self.warehouse.select(s))

    def standing(
        self, session: Session, partitions: Iterable[LogPartition]
    ) -> Steps[dict[LogPartition, CursorRow]]:
        """Read cursors outside a transaction. Two rows of one are fatal."""
        held: Cursors = yield from session.run(self.select())
        found = {p: held[p] for p in partitions if p in held}
        if any(len(rows) > 1 for rows in found.values()):
            raise FatalWriteError("a partition has two cursor rows")
        return {p: rows[0] for p, rows in found.items()}

    # -------------------------------------------------------------------- the session

    def connected(self) -> Steps[Session]:
        """Return the session, signing in if there is none."""
        if self.session is None:
            session = Session(self.warehouse.sign_in(self.owner))
            try:
                yield from session.run(Statement("SIGN IN", lambda _s, _seen: None))
            except WriteError:
                self.warehouse.abandon(session.server, 0.0)
                raise
            self.session = session
        return self.session

    def drop_broken_session(self) -> None:
        """Throw a session away whose answers do not come."""
        if self.session is not None and self.session.broken:
            self.hang_up()

    def hang_up(self) -> None:
        """Leave the session; what it has open stays behind for a while."""
        session, self.session = self.session, None
        if session is not None:
            seconds = self.warehouse.scheduler.between(*DETACHED)
            self.warehouse.abandon(session.server, seconds)


def cursor_of(row: CursorRow) -> Cursor:
    """Return the row without its owner."""
    return Cursor(row.position, row.first, row.epoch)
