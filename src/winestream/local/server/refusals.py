"""Rows that the warehouse refuses: VARCHAR lengths, and what a test asks for.

DuckDB ignores VARCHAR(n); Snowflake does not. The rows a statement has brought in
are looked at before it is committed, so that one bad row fails the whole statement.
Values changed by UPDATE are not looked at.
"""

import threading
from dataclasses import dataclass

from sqlglot import exp

from winestream.local.server.names import full_name
from winestream.local.server.sessions import Session
from winestream.local.server.sqlerrors import TOO_LONG, SqlError
from winestream.local.server.statements import Answer, Next, Statement
from winestream.local.server.streamstore import UNCOMMITTED

_QUOTED = 40  # characters of a refused value that the error may show
_BRINGS_ROWS_IN = (exp.Insert, exp.Copy, exp.Merge)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Rows of `table` whose `column` contains `marker`; names in upper case."""

    table: str
    column: str
    marker: str


class Refusals:
    """Checks the rows of a successful INSERT, COPY or MERGE; thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._asked: tuple[Refusal, ...] = ()

    def refuse(self, table: str, column: str, marker: str) -> None:
        """From now on; `table` may be qualified by schema and database."""
        with self._lock:
            refusal = Refusal(table.upper(), column.upper(), marker)
            self._asked = (*self._asked, refusal)

    def accept_all(self) -> None:
        """Forget every refusal; VARCHAR lengths stay."""
        with self._lock:
            self._asked = ()

    def handle(self, statement: Statement, session: Session, go_on: Next) -> Answer:
        """Run the statement, then look at what it brought in."""
        answer = go_on(statement)
        if not isinstance(statement.tree, _BRINGS_ROWS_IN):
            return answer
        target = statement.tree.this
        table = target.this if isinstance(target, exp.Schema) else target
        if isinstance(table, exp.Table):
            self._check(full_name(table, session), session)
        return answer

    def _check(self, table: str, session: Session) -> None:
        conditions = [
            (f"contains({_quoted(r.column)}::VARCHAR, {_literal(r.marker)})", r.column)
            for r in self._asked
            if f".{table}".endswith(f".{r.table}")
        ]
        conditions += [
            (f"length({_quoted(column)}) > {length}", column)
            for column, length in _lengths(table, session)
        ]
        if not conditions:
            return
        qualified = ".".join(_quoted(part) for part in table.split("."))
        anything = " OR ".join(condition for condition, _ in conditions)
        shown = " ".join(
            f"WHEN {condition} THEN {_quoted(column)}::VARCHAR"
            for condition, column in conditions
        )
        row = session.duck.execute(
            f"SELECT CASE {shown} END FROM {qualified} "  # noqa: S608 - names are quoted
            f"WHERE rowid >= {UNCOMMITTED} AND ({anything}) LIMIT 1"
        ).fetchone()
        if row is not None:
            value = str(row[0])
            short = value if len(value) <= _QUOTED else f"{value[:_QUOTED]}..."
            raise SqlError(
                TOO_LONG,
                "22000",
                f"String '{short}' is too long and would be truncated",
            )


def _lengths(table: str, session: Session) -> list[tuple[str, int]]:
    """List the columns of a table that were declared VARCHAR(n)."""
    return session.duck.execute(
        """
        SELECT ext_column_name, ext_character_maximum_length
        FROM _fs_global._fs_information_schema._fs_columns_ext
        JOIN duckdb_columns() c
          ON c.database_name = ext_table_catalog AND c.schema_name = ext_table_schema
          AND c.table_name = ext_table_name AND c.column_name = ext_column_name
          AND c.data_type = 'VARCHAR'
        WHERE ext_table_catalog || '.' || ext_table_schema || '.' || ext_table_name = ?
          AND ext_character_maximum_length < 16777216
        """,
        [table],
    ).fetchall()


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
