# ruff: noqa: S608 - names are quoted, and values are bound or quoted
"""Where streams are kept: a queue table per stream, in the database of its base.

A stream's queue holds the rows that were committed to its base and not consumed yet.
Rows enter it in the very DuckDB transaction that brings them into the base, and leave
it in the one that consumes them, so ROLLBACK and SIGKILL need no thought at all.

An offset into the base's row ids would cost less space, but DuckDB gives row ids a
second time after a DELETE at the table's end and renumbers rows when it compacts; a
sequence would not be in the order of commits. A queue depends on neither, and so the
base may be updated, deleted from or truncated, which append-only streams ignore.
"""

import datetime as dt
import secrets
from dataclasses import dataclass

import duckdb

from winestream.local.server.names import HIDDEN, quoted, text

# DuckDB numbers the rows of an open transaction from here on, and gives them their
# real numbers at COMMIT: "what this transaction brought in" is a simple comparison.
UNCOMMITTED = 36_028_797_018_960_000
ROW_ID = "METADATA$ROW_ID"
_REGISTRY = "_ws_streams"


@dataclass(slots=True)
class Stream:
    """One stream. `name` and `base` are stored names (`DB.SCHEMA.NAME`)."""

    name: str
    base: str
    queue: str
    comment: str
    created_on: dt.datetime
    stale: bool = False

    @property
    def registry(self) -> str:
        """The quoted name of the table that lists it."""
        return _registry(self.name.split(".")[0])

    @property
    def table(self) -> str:
        """The quoted name of its queue."""
        return quoted(f"{self.name.split('.')[0]}.{HIDDEN}.{self.queue}")


def _registry(database: str) -> str:
    return quoted(f"{database}.{HIDDEN}.{_REGISTRY}")


def load(duck: duckdb.DuckDBPyConnection) -> list[Stream]:
    """Every stream of every attached database."""
    databases = duck.execute(
        "SELECT database_name FROM duckdb_tables() "
        f"WHERE schema_name = {text(HIDDEN)} AND table_name = {text(_REGISTRY)}"
    ).fetchall()
    streams = []
    for (database,) in databases:
        rows = duck.execute(
            "SELECT name, base, queue, comment, created_on, stale "
            f"FROM {_registry(database)}"
        ).fetchall()
        streams += [Stream(*row) for row in rows]
    return streams


def create(
    duck: duckdb.DuckDBPyConnection,
    name: str,
    base: str,
    comment: str,
    *,
    initial_rows: bool,
) -> Stream:
    """Make a stream, or make it anew. The caller lets nobody commit meanwhile."""
    stream = Stream(
        name=name,
        base=base,
        queue=f"_ws_queue_{secrets.token_hex(8)}",
        comment=comment,
        created_on=dt.datetime.now(dt.UTC),
    )
    which = "" if initial_rows else " LIMIT 0"
    duck.execute("BEGIN TRANSACTION")
    try:
        duck.execute(
            f"CREATE TABLE IF NOT EXISTS {stream.registry} (name VARCHAR, "
            "base VARCHAR, queue VARCHAR, comment VARCHAR, created_on TIMESTAMPTZ, "
            "stale BOOLEAN, consumptions BIGINT)"
        )
        _forget(duck, stream)
        duck.execute(
            f"CREATE TABLE {stream.table} AS SELECT *, "
            f"md5({text(base)} || rowid) AS {quoted(ROW_ID)} FROM {quoted(base)}{which}"
        )
        duck.execute(
            f"INSERT INTO {stream.registry} VALUES (?, ?, ?, ?, ?, FALSE, 0)",
            [name, base, stream.queue, comment, stream.created_on],
        )
        duck.execute("COMMIT")
    except Exception:
        duck.execute("ROLLBACK")
        raise
    return stream


def drop(duck: duckdb.DuckDBPyConnection, stream: Stream) -> None:
    """Remove a stream and what is pending in it."""
    duck.execute("BEGIN TRANSACTION")
    try:
        _forget(duck, stream)
        duck.execute("COMMIT")
    except Exception:
        duck.execute("ROLLBACK")
        raise


def _forget(duck: duckdb.DuckDBPyConnection, stream: Stream) -> None:
    known = duck.execute(
        f"SELECT queue FROM {stream.registry} WHERE name = ?", [stream.name]
    ).fetchall()
    for (queue,) in known:
        table = quoted(f"{stream.name.split('.')[0]}.{HIDDEN}.{queue}")
        duck.execute(f"DROP TABLE IF EXISTS {table}")
    duck.execute(f"DELETE FROM {stream.registry} WHERE name = ?", [stream.name])


def note(duck: duckdb.DuckDBPyConnection, stream: Stream) -> None:
    """Store a comment, a new name of the base, or that the base is gone."""
    duck.execute(
        f"UPDATE {stream.registry} SET base = ?, comment = ?, stale = ? WHERE name = ?",
        [stream.base, stream.comment, stream.stale, stream.name],
    )


def columns(duck: duckdb.DuckDBPyConnection, table: str) -> list[tuple[str, str]]:
    """Name and type of a table's columns, in order; empty if there is no table."""
    database, schema, name = table.split(".")
    return duck.execute(
        "SELECT column_name, data_type FROM duckdb_columns() WHERE database_name = ? "
        "AND schema_name = ? AND table_name = ? ORDER BY column_index",
        [database, schema, name],
    ).fetchall()


def widen(duck: duckdb.DuckDBPyConnection, stream: Stream) -> None:
    """Give the queue the columns that its base has got meanwhile."""
    for name, kind in columns(duck, stream.base):
        duck.execute(
            f"ALTER TABLE {stream.table} ADD COLUMN IF NOT EXISTS "
            f"{quoted_column(name)} {kind}"
        )


def capture(
    duck: duckdb.DuckDBPyConnection, stream: Stream, names: list[str], number: int
) -> int:
    """Queue what the open transaction brought into the base; answers how many."""
    listed = ", ".join(quoted_column(name) for name in names)
    row = duck.execute(
        f"INSERT INTO {stream.table} ({listed}, {quoted(ROW_ID)}) "
        f"SELECT {listed}, md5('{number}:' || rowid) FROM {quoted(stream.base)} "
        f"WHERE rowid >= {UNCOMMITTED}"
    ).fetchone()
    return int(row[0]) if row else 0


def claim(duck: duckdb.DuckDBPyConnection, stream: Stream) -> None:
    """Touch the stream's row: whoever else consumes it now, or did, conflicts."""
    duck.execute(
        f"UPDATE {stream.registry} SET consumptions = consumptions + 1 WHERE queue = ?",
        [stream.queue],
    )


def consume(duck: duckdb.DuckDBPyConnection, stream: Stream) -> None:
    """Take out everything that the open transaction can see in the stream."""
    duck.execute(f"DELETE FROM {stream.table} WHERE rowid < {UNCOMMITTED}")


def reading(stream: Stream, names: list[str]) -> str:
    """Write the query that stands for the stream: its rows in one snapshot.

    Rows that the reading transaction has brought in itself are not in the queue yet.
    """
    listed = ", ".join(quoted_column(name) for name in names)
    return (
        f"SELECT {listed}, 'INSERT' AS \"METADATA$ACTION\", "
        f'FALSE AS "METADATA$ISUPDATE", {quoted(ROW_ID)} FROM {stream.table}'
    )


def quoted_column(name: str) -> str:
    """Put a column's name into quotes."""
    return '"' + name.replace('"', '""') + '"'
