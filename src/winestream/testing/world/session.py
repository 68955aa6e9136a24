"""A client's session: statements one by one, transactions, and errors made ours.

The counterpart of `winestream.snowflake.session`, as generators: each `yield` hands a
statement to the wire and gets its result or its error back.
"""

from collections.abc import Generator
from typing import Any, TypeVar

import attrs

from winestream.errors import (
    RejectedWriteError,
    RetryableWriteError,
    UnknownOutcomeError,
    WriteError,
)
from winestream.records import Offender
from winestream.testing.world.tables import ServerSession
from winestream.testing.world.wire import RefusedRowsError, Statement, WireError

_T = TypeVar("_T")

Steps = Generator[tuple[ServerSession, Statement], Any, _T]
"""A piece of the protocol: yields statements, returns what came of them."""


@attrs.define(eq=False)
class Session:
    """One session; `broken` once an answer did not come."""

    server: ServerSession
    broken: bool = False

    def run(self, statement: Statement) -> Steps[Any]:
        """Execute one statement. Raises `WriteError`."""
        try:
            return (yield self.server, statement)
        except WireError as error:
            self.broken = self.broken or error.cut
            raise RetryableWriteError(f"{statement.name}: {error}") from None
        except RefusedRowsError as error:
            offenders = [Offender(p, o, "100038") for p, o in error.rows]
            raise RejectedWriteError(
                "refused", code="100038", offenders=offenders
            ) from None

    def transaction(
        self, begin: Statement, end: "Ending", body: Steps[_T]
    ) -> Steps[_T]:
        """Run the body in a transaction and commit it, or roll back.

        An error of the COMMIT itself is `UnknownOutcomeError`.
        """
        yield from self.run(end.rollback)
        try:
            yield from self.run(begin)
            result = yield from body
        except Exception:
            yield from self.give_up(end)
            raise
        try:
            yield self.server, end.commit
        except WireError as error:
            self.broken = True
            raise UnknownOutcomeError(f"COMMIT: {error}") from None
        return result

    def give_up(self, end: "Ending") -> Steps[None]:
        """Roll back, unless the session goes anyway and takes everything with it."""
        if not self.broken:
            try:
                yield from self.run(end.rollback)
            except WriteError:
                self.broken = True


@attrs.frozen
class Ending:
    """The two ways a transaction ends."""

    commit: Statement
    rollback: Statement
