"""What streams do: rows appear in them, are read, and are consumed by a COMMIT.

Append-only streams on tables. A DML that reads a stream, wherever in the statement,
claims it at once (a rival gets 000625) and empties it at the COMMIT of its
transaction, filtered rows included. Inside a transaction a stream shows the same rows
however often it is read. Rows that one's own transaction brings in show after COMMIT.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import duckdb
import sqlglot
from sqlglot import exp

from winestream.local.server import streamstore
from winestream.local.server.names import full_name, stored_name
from winestream.local.server.sessions import Session
from winestream.local.server.sqlerrors import GENERIC, UNSUPPORTED, SqlError
from winestream.local.server.statements import Answer, Kind, Next, Statement
from winestream.local.server.streamnames import (
    HAS_DATA,
    is_asking,
    is_cte,
    plain_name,
    schema_of,
    target_of,
    unqualify,
)
from winestream.local.server.streamstore import Stream
from winestream.local.server.transactions import Transaction, Transactions

_BRINGS_ROWS_IN = (exp.Insert, exp.Copy, exp.Merge)
_CONSUMES = (exp.Insert, exp.Merge, exp.Update, exp.Delete, exp.MultitableInserts)


class Streams:
    """All streams of all databases; thread-safe.

    `changed` is called after a COMMIT that has brought rows into a stream.
    """

    def __init__(
        self, transactions: Transactions, duck: duckdb.DuckDBPyConnection
    ) -> None:
        self._transactions = transactions
        # Held while a COMMIT fills and empties queues, and while streams are defined:
        # so a row is either there when its stream is made, or is queued.
        self.lock = threading.RLock()
        self.by_name = {stream.name: stream for stream in streamstore.load(duck)}
        self.changed: Callable[[], None] = lambda: None
        self._columns: dict[str, list[str]] = {}
        for base in self.bases():
            self.learn(base, duck)
        transactions.around_commit = self._around_commit

    def find(self, name: str) -> Stream:
        """Find a stream by its stored name. Raises SqlError if there is none."""
        stream = self.by_name.get(name)
        if stream is None:
            raise SqlError(
                2003, "02000", f"Stream '{name}' does not exist or not authorized."
            )
        return stream

    def handle(self, statement: Statement, session: Session, go_on: Next) -> Answer:
        """Put queries in the place of streams; note what a COMMIT has to do."""
        if not self.by_name or statement.tree is None:
            return go_on(statement)
        tree, read = self._resolved(statement.tree, session)
        if read and isinstance(tree, exp.Create):
            return self._create(statement.with_tree(tree), tree, read, session, go_on)
        transaction = session.transaction
        if transaction is not None and isinstance(tree, _CONSUMES):
            for stream in read:
                if stream.queue not in transaction.consumed:
                    streamstore.claim(session.duck, stream)
                    transaction.consumed.add(stream.queue)
        answer = go_on(statement.with_tree(tree))
        self._note(tree, session)
        return answer

    def has_data(self, name: str, duck: duckdb.DuckDBPyConnection) -> bool:
        """Whether a stream has rows that nobody has consumed."""
        stream = self.find(name)
        self._check(stream)
        query = f"SELECT 1 FROM {stream.table} LIMIT 1"  # noqa: S608 - it is quoted
        return bool(duck.execute(query).fetchall())

    # ------------------------------------------------------------------- reading

    def _resolved(
        self, tree: exp.Expr, session: Session
    ) -> tuple[exp.Expr, list[Stream]]:
        """Put queries for streams into the tree; tell the streams it reads."""
        known = {name.split(".")[2] for name in self.by_name}
        named = any(plain_name(table) in known for table in tree.find_all(exp.Table))
        asked = any(is_asking(call) for call in tree.find_all(exp.Anonymous))
        if not named and not asked:
            return tree, []
        tree = tree.copy()
        target = target_of(tree)
        read: dict[str, Stream] = {}
        for table in list(tree.find_all(exp.Table)):
            stream = self.by_name.get(full_name(table, session))
            if stream is None or is_cte(table):
                continue
            if table is target:
                raise SqlError(GENERIC, "42601", f"{stream.name} is a stream")
            self._check(stream)
            read[stream.name] = stream
            table.replace(self._reading(stream, table))
        if read:
            unqualify(tree, set(read), session)
        for call in list(tree.find_all(exp.Anonymous)):
            if is_asking(call):
                call.replace(self._asking(call, session))
        return tree, list(read.values())

    def _reading(self, stream: Stream, table: exp.Table) -> exp.Expr:
        names = self._columns[stream.base]
        query = sqlglot.parse_one(streamstore.reading(stream, names), read="snowflake")
        assert isinstance(query, exp.Query), "it is a SELECT"
        subquery = query.subquery(copy=False)
        for key, value in table.args.items():
            if key not in ("this", "db", "catalog", "alias") and value:
                subquery.set(key, value)
        alias = table.args.get("alias")
        if alias is None:
            alias = exp.TableAlias(this=table.this.copy())
        subquery.set("alias", alias)
        return subquery

    def _asking(self, call: exp.Anonymous, session: Session) -> exp.Expr:
        argument = call.expressions[0] if len(call.expressions) == 1 else None
        if not isinstance(argument, exp.Literal) or not argument.is_string:
            raise SqlError(GENERIC, "42000", f"{HAS_DATA} takes one name in quotes")
        name = stored_name(argument.name, session)
        answer = exp.convert(self.has_data(name, session.duck))
        if isinstance(call.parent, exp.Select):
            return exp.alias_(answer, call.sql(dialect="snowflake"), quoted=True)
        return answer

    def _check(self, stream: Stream) -> None:
        if stream.stale:
            raise SqlError(
                GENERIC,
                "02000",
                f"Base table '{stream.base}' dropped, cannot read from stream "
                f"'{stream.name}'.",
            )

    # ----------------------------------------------------------------- consuming

    def _create(
        self,
        statement: Statement,
        tree: exp.Create,
        read: list[Stream],
        session: Session,
        go_on: Next,
    ) -> Answer:
        """CREATE TABLE … AS: made without rows, since it cannot be part of both."""
        if tree.kind != "TABLE" or not isinstance(tree.expression, exp.Query):
            raise SqlError(
                UNSUPPORTED, "0A000", f"a {tree.kind} cannot be made from a stream here"
            )
        query = tree.expression
        empty = tree.copy()
        empty.set("expression", exp.select("*").from_(query.subquery("q")).limit(0))
        answer = go_on(replace(statement, tree=empty, values=None))
        table = tree.this.this if isinstance(tree.this, exp.Schema) else tree.this
        filling = replace(
            statement, tree=exp.insert(query, into=table.copy()), kind=Kind.DML
        )

        def fill() -> Answer:
            transaction = session.transaction
            assert transaction is not None, "`alone` has just begun one"
            for stream in read:
                streamstore.claim(session.duck, stream)
                transaction.consumed.add(stream.queue)
            return go_on(filling)

        try:
            self._transactions.alone(session, fill)
        except SqlError:
            go_on(replace(statement, tree=exp.Drop(this=table.copy(), kind="TABLE")))
            raise
        return answer

    def _note(self, tree: exp.Expr | None, session: Session) -> None:
        """Remember what a statement has done to the base of a stream."""
        if isinstance(tree, _BRINGS_ROWS_IN):
            target = target_of(tree)
            name = full_name(target, session) if target is not None else ""
            if session.transaction is not None and name in self.bases():
                session.transaction.inserted.add(name)
        elif isinstance(tree, (exp.Create, exp.Drop, exp.Alter)):
            with self.lock:
                self._definition_changed(tree, session)

    def bases(self) -> set[str]:
        """List the stored names of all tables that streams are on."""
        return {stream.base for stream in tuple(self.by_name.values())}

    def _definition_changed(self, tree: exp.Expr, session: Session) -> None:
        table = tree.this.this if isinstance(tree.this, exp.Schema) else tree.this
        if not isinstance(table, exp.Table):
            return
        name = full_name(table, session)
        if str(tree.args.get("kind")).upper() == "SCHEMA":
            if isinstance(tree, exp.Drop):
                self._schema_dropped(schema_of(table, session), session)
            return
        on_it = [stream for stream in self.by_name.values() if stream.base == name]
        for stream in on_it:
            if isinstance(tree, exp.Alter):
                for action in tree.args.get("actions") or ():
                    if isinstance(action, exp.AlterRename):
                        stream.base = full_name(action.this, session)
                streamstore.widen(session.duck, stream)
            elif isinstance(tree, exp.Drop) or tree.args.get("replace"):
                stream.stale = True
            streamstore.note(session.duck, stream)
            self.learn(stream.base, session.duck)

    def _schema_dropped(self, schema: str, session: Session) -> None:
        for stream in tuple(self.by_name.values()):
            if stream.name.startswith(schema + "."):
                streamstore.drop(session.duck, stream)
                del self.by_name[stream.name]
            elif stream.base.startswith(schema + "."):
                stream.stale = True
                streamstore.note(session.duck, stream)

    def learn(self, base: str, duck: duckdb.DuckDBPyConnection) -> None:
        """Look a base's columns up, when it is made known or has changed."""
        self._columns[base] = [name for name, _ in streamstore.columns(duck, base)]

    @contextmanager
    def _around_commit(self, transaction: Transaction) -> Iterator[None]:
        """Move rows into queues and out of them, then let the COMMIT happen."""
        if not transaction.consumed and not transaction.inserted:
            yield
            return
        duck, captured = transaction.session.duck, 0
        with self.lock:
            by_queue = {stream.queue: stream for stream in self.by_name.values()}
            for queue in transaction.consumed:
                if queue not in by_queue:
                    raise SqlError(625, "57014", "The stream was replaced meanwhile")
                streamstore.consume(duck, by_queue[queue])
            for stream in by_queue.values():
                if stream.base in transaction.inserted and not stream.stale:
                    names = self._columns[stream.base]
                    captured += streamstore.capture(
                        duck, stream, names, transaction.number
                    )
            yield
        if captured:
            self.changed()
