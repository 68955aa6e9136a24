"""The order in which a statement passes its handlers.

Outermost first. A handler sees what those before it let through, and may change it
for those after it:

1. transactions: has to see every statement and every failure
2. catalog, no-ops, stages: answer by themselves, and reach no table
3. definitions of streams and tasks: answer by themselves, too
4. streams: become queries; noted is what COMMIT has to do for them
5. functions: rewrite calls, so that everything below sees plain SQL
6. strictness: rewrites calls that would be answered otherwise than by an account
7. row locks: ask which rows are going to be touched
8. refusals: run what is below and look at the rows that it brought in
9. merge: rewrites MERGE and counts
10. engine: DuckDB
"""

import uuid
from collections.abc import Sequence
from typing import Any

from fakesnow import statement_type
from sqlglot import exp

from winestream.local.server import merge, noops, stages, strict
from winestream.local.server.catalog import Catalog
from winestream.local.server.engine import Engine
from winestream.local.server.functions import Functions
from winestream.local.server.refusals import Refusals
from winestream.local.server.rowlocks import RowLocks
from winestream.local.server.sessions import Session
from winestream.local.server.statements import (
    Answer,
    Handler,
    Next,
    Statement,
    counts,
    read,
    status,
)
from winestream.local.server.storage import Storage
from winestream.local.server.streamddl import StreamDefinitions
from winestream.local.server.streams import Streams
from winestream.local.server.taskqueries import TaskQueries
from winestream.local.server.tasks import Tasks
from winestream.local.server.taskstore import TaskStore
from winestream.local.server.transactions import Transactions


class Chain:
    """Runs statements; safe to call from any thread, one at a time per session."""

    def __init__(self, storage: Storage) -> None:
        self.transactions = Transactions()
        self.streams = Streams(self.transactions, storage.cursor())
        self.tasks = Tasks(TaskStore(storage.cursor()))
        self.refusals = Refusals()
        self._engine = Engine()
        self._handlers: tuple[Handler, ...] = (
            self.transactions.handle,
            Catalog(self.transactions).handle,
            noops.handle,
            stages.handle,
            StreamDefinitions(self.streams).handle,
            self.tasks.handle,
            TaskQueries(self.tasks).handle,
            self.streams.handle,
            Functions(self.transactions).handle,
            strict.handle,
            RowLocks(self.transactions).handle,
            self.refusals.handle,
            merge.handle,
        )

    def run(
        self,
        session: Session,
        text: str,
        values: list[Any] | dict[str, Any] | None = None,
        rows: Sequence[Sequence[Any]] | None = None,
    ) -> Answer:
        """One statement. Raises SqlError and nothing else."""
        with session.lock:
            session.query_id = str(uuid.uuid4())
            variables = session.connection.variables
            if variables._variables:  # noqa: SLF001 - fakesnow has no other question
                # Without this guard a "$word" inside a text literal is refused.
                text = variables.inline_variables(text)
            answer = self._pass(read(text, values, rows), session, 0)
            session.last_query_id = answer.query_id
            return answer

    def describe(self, session: Session, text: str) -> tuple[Answer, int, bool]:
        """Columns without rows, the number of `?`, and whether it is an INSERT.

        A query is run for no rows at all; other statements are not run.
        """
        statement = read(text)
        if statement.refusal is not None:
            raise statement.refusal
        tree = statement.tree
        binds = len(list(tree.find_all(exp.Placeholder))) if tree else 0
        if isinstance(tree, exp.Insert):
            columns = {"number of rows inserted": 0}
            return counts(statement_type.INSERT, columns), binds, True
        if not isinstance(tree, exp.Query):
            return status(), binds, False
        # Nothing is bound yet, and NULL does not change the columns.
        unbound = tree.transform(
            lambda node: exp.null() if isinstance(node, exp.Placeholder) else node
        )
        assert isinstance(unbound, exp.Query), "only its placeholders were replaced"
        empty = exp.select("*").from_(unbound.subquery("described")).limit(0)
        answer = self.run(session, empty.sql(dialect="snowflake"))
        return answer, binds, False

    def _pass(self, statement: Statement, session: Session, at: int) -> Answer:
        if at == len(self._handlers):
            return self._engine.run(statement, session)

        def go_on(passed: Statement) -> Answer:
            return self._pass(passed, session, at + 1)

        next_handler: Next = go_on
        return self._handlers[at](statement, session, next_handler)
