"""The end of the chain: runs a tree on DuckDB through fakesnow's translation.

This is the one place for what fakesnow itself gets wrong. Each repair says what
would happen without it; delete one when fakesnow no longer needs it.
"""

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa
from fakesnow import statement_type
from fakesnow.cursor import FakeSnowflakeCursor
from sqlglot import exp

from winestream.local.server import variants
from winestream.local.server.functions import for_duckdb
from winestream.local.server.names import full_name
from winestream.local.server.sessions import Session
from winestream.local.server.sqlerrors import translate
from winestream.local.server.statements import (
    Answer,
    Statement,
    counts,
    marks,
    numbered,
)
from winestream.local.server.translations import Translation, Translations

_BARE = "sums no cast"  # where fakesnow is going to put one
_ONLY_DUCKDB = (exp.Select, exp.SetOperation, exp.Insert, exp.Merge)
# Marks of fakesnow's on a translated tree that mean more than running its text.
_WITH_EFFECTS = {"result_scan_sfqid", "seed"}
_TRANSLATIONS = Translations()


class _Cursor(FakeSnowflakeCursor):
    """fakesnow's cursor, given a tree instead of text."""

    def translated(
        self, tree: exp.Expr, values: list[Any] | dict[str, Any] | None
    ) -> list[exp.Expr]:
        """DuckDB's statements for a Snowflake tree; several for a few kinds."""
        tree = tree.copy()  # it may be shared, and fakesnow changes it in place
        self.check_db_and_schema(tree)
        # MERGE is handed to DuckDB whole. fakesnow would split it into statements
        # around a temporary table, which is not atomic and fails inside BEGIN.
        if isinstance(tree, exp.Merge):
            parts: list[exp.Expr] = [tree]
        else:
            parts = self._transform_explode(tree)
        _mark_bare_sums(tree)
        _shorten_assignments(tree)
        translated = [self._transform(part, values) for part in parts]
        return [for_duckdb(_exact_sums(part)) for part in translated]

    def run(self, tree: exp.Expr, values: list[Any] | dict[str, Any] | None) -> Answer:
        """Execute, and describe the result from what DuckDB says of it."""
        type_id = statement_type.statement_type_id(tree)
        upload = None
        for part in self.translated(tree, values):
            self._execute(part, _bound(part, values))
            upload = part.args.get("put_stage_data")
        table: pa.Table = self._arrow_table
        # Asking DuckDB is exact. fakesnow would plan `DESCRIBE <sql>` once more,
        # which fails for what cannot be described (MERGE … RETURNING).
        described = self._duck_conn.description or []
        types: list[str] | None = [str(column[1]) for column in described]
        if len(described) != table.num_columns:  # RESULT_SCAN answers from its cache
            types = None
        return Answer(
            table=table,
            types=types,
            type_id=type_id,
            query_id=str(self._sfqid),
            upload=upload,
        )

    def run_known(self, tree: exp.Expr, values: Any) -> Answer:  # noqa: ANN401 - as bound
        """Execute what is only DuckDB's work, translated once for each tree."""
        known = _TRANSLATIONS.get(tree, self._conn.database, self._conn.schema)
        if known is None:
            if _names_by_value(tree):
                return self.run(tree, values)
            parts = self.translated(tree, values)
            known = Translation(parts[0], parts[0].sql(dialect="duckdb"))
            usual = len(parts) == 1 and isinstance(parts[0], _ONLY_DUCKDB)
            if not usual or parts[0].args.keys() & _WITH_EFFECTS:
                return self.run(tree, values)
            _TRANSLATIONS.put(tree, self._conn.database, self._conn.schema, known)
        bound = _bound(known.tree, values)
        duck = self._duck_conn
        duck.execute(known.sql, bound)
        if isinstance(tree, exp.Insert):
            row = duck.fetchone()
            inserted = {"number of rows inserted": int(row[0]) if row else 0}
            return counts(statement_type.statement_type_id(tree), inserted)
        described = duck.description or []
        table: pa.Table = duck.to_arrow_table()
        answer = Answer(
            table=table,
            types=[str(column[1]) for column in described],
            type_id=statement_type.statement_type_id(tree),
        )
        # What RESULT_SCAN looks for, in fakesnow's own form.
        self._conn.results_cache[answer.query_id] = (
            table,
            table.num_rows,
            known.sql,
            bound,
            known.tree,
        )
        return answer


class Engine:
    """Runs one statement of a session; the last handler, so it has no next."""

    def run(self, statement: Statement, session: Session) -> Answer:
        """Execute; every failure leaves as `SqlError`."""
        tree = statement.tree
        assert tree is not None, "refused statements never get here"
        cursor = _Cursor(session.connection, session.duck)
        try:
            if isinstance(tree, _ONLY_DUCKDB) and statement.rows is None:
                return cursor.run_known(tree, statement.values)
            with _in_the_right_database(tree, session):
                if statement.rows is not None:
                    return _run_rows(cursor, tree, statement.rows)
                return cursor.run(tree, statement.values)
        except Exception as error:
            # Unmapped, it would become HTTP 500 and be sent again for seconds.
            raise translate(error) from error


def _names_by_value(tree: exp.Expr) -> bool:
    """Whether IDENTIFIER(?) is in it: fakesnow takes its value out of the others."""
    return any(
        isinstance(node, exp.DynamicIdentifier) or node.name.upper() == "IDENTIFIER"
        for node in tree.find_all(exp.DynamicIdentifier, exp.Anonymous)
    )


def _bound(
    part: exp.Expr, values: list[Any] | dict[str, Any] | None
) -> list[Any] | dict[str, Any] | None:
    """Pick what DuckDB is given for a part: it refuses a value without a mark."""
    found = marks(part)
    if not found:
        return None
    if isinstance(values, list) and numbered(part):
        return {mark.name: values[int(mark.name) - 1] for mark in found}
    return values


def _shorten_assignments(tree: exp.Expr) -> None:
    """Take the table's name off the left side of SET, where DuckDB allows none."""
    for update in tree.find_all(exp.Update):  # that of a MERGE as well
        for assignment in update.expressions:
            if isinstance(assignment.this, exp.Column):
                assignment.this.set("table", None)


def _mark_bare_sums(tree: exp.Expr) -> None:
    for total in tree.find_all(exp.Sum):
        if not isinstance(total.this, (exp.Cast, exp.TryCast)):
            total.meta[_BARE] = True


def _exact_sums(tree: exp.Expr) -> exp.Expr:
    """Take fakesnow's TRY_CAST(… AS DOUBLE) out of SUM again.

    It is there so that SUM takes text, as Snowflake's does. It would make money
    inexact and lose the low digits of a large number.
    """
    for total in tree.find_all(exp.Sum):
        if total.meta.get(_BARE) and isinstance(total.this, exp.TryCast):
            total.set("this", total.this.this)
    return tree


def _run_rows(cursor: _Cursor, tree: exp.Expr, rows: Sequence[Sequence[Any]]) -> Answer:
    """Run an array binding: translated once, executed row by row, one count.

    fakesnow would translate the statement again for each row (200 rows a second).
    """
    type_id = statement_type.statement_type_id(tree)
    parts = cursor.translated(tree, None)
    sql = ";".join(part.sql(dialect="duckdb") for part in parts)
    cursor._duck_conn.executemany(sql, rows)  # noqa: SLF001 - ours by inheritance
    return counts(type_id, {"number of rows inserted": len(rows)})


@contextlib.contextmanager
def _in_the_right_database(tree: exp.Expr, session: Session) -> Iterator[None]:
    """Make the target's database DuckDB's current one while a COPY runs.

    fakesnow looks its load history up without naming the database: without a
    current one COPY fails, and with another one it writes to two databases, which
    DuckDB refuses inside a transaction.
    """
    target = tree.find(exp.Table) if isinstance(tree, exp.Copy) else None
    if target is None:
        yield
        return
    with variants.loading(session.duck, full_name(target, session)):
        database = target.catalog.upper()
        if not database or database == session.database:
            yield
            return
        _set_schema(session, database, None)
        try:
            yield
        finally:
            if session.database:
                _set_schema(session, session.database, session.schema)


def _set_schema(session: Session, database: str, schema: str | None) -> None:
    session.duck.execute(f'SET schema = \'"{database}"."{schema or "main"}"\'')
