"""The genuine writer on the embedded warehouse, its statements noted as they go."""

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any, Final

import snowflake.connector

from benchmarks.economics.slices import WHERE, slice_of
from winestream.local import EmbeddedWarehouse
from winestream.operations.deploy import deploy
from winestream.records import Want
from winestream.snowflake import ConnectionSettings, SnowflakeWriter
from winestream.snowflake.session import Row, Session

DATABASE: Final = "ECONOMICS"
NO_COMPUTE: Final = frozenset({"PUT", "ROLLBACK", "BEGIN", "COMMIT", "REMOVE"})
"""Cloud services do these; they wake no warehouse."""


class NotedSession(Session):
    """A session that notes each statement."""

    noted: list[str]

    def _execute(self, sql: str, values: Sequence[Any]) -> list[Row]:
        self.noted.append(name_of(sql))
        return super()._execute(sql, values)


class NotedWriter(SnowflakeWriter):
    """A writer whose sessions note their statements in `noted`."""

    def __init__(
        self, settings: ConnectionSettings, *, pipeline: str, insert_below: int
    ) -> None:
        super().__init__(settings, pipeline=pipeline, insert_below=insert_below)
        self.noted: list[str] = []
        self.position = 0
        self._epoch = 0

    def _connected(self) -> Session:
        if self._session is None:
            session = NotedSession.open(self._settings, self._pipeline, self._owner)
            session.noted = self.noted
            self._session = session
        return self._session

    def take(self) -> None:
        """Claim the partition all slices are of."""
        cursor = self.claim("me", {WHERE: Want(0)})[WHERE]
        self.position, self._epoch = cursor.position, cursor.epoch

    def land(self, rows: int, tables: int = 1) -> list[str]:
        """Write the next slice of so many rows; return its statements."""
        piece = slice_of(rows, self.position, f"me/{self.position}", tables)
        self.noted.clear()
        self.write(piece, {WHERE: self._epoch})
        self.position += rows
        return list(self.noted)


def name_of(sql: str) -> str:
    """Name a statement by its verb, and by its table where that tells more."""
    words = sql.split()
    verb = words[0].upper()
    if verb == "INSERT":
        return "INSERT ledger" if "INGEST_LEDGER" in sql else "INSERT rows"
    if verb == "UPDATE":
        return "UPDATE compare-and-set" if "SET NEXT_OFFSET" in sql else "UPDATE lock"
    return verb


@contextmanager
def warehouse() -> Iterator[ConnectionSettings]:
    """Start an embedded warehouse with the tables of sql/."""
    with EmbeddedWarehouse.start() as embedded:
        with closing(
            snowflake.connector.connect(**embedded.connection, database=DATABASE)
        ) as connection:
            deploy(connection)
        yield ConnectionSettings.of(embedded.connection, database=DATABASE)


@contextmanager
def writer(
    settings: ConnectionSettings, pipeline: str, insert_below: int
) -> Iterator[NotedWriter]:
    """Open a writer that owns the partition."""
    made = NotedWriter(settings, pipeline=pipeline, insert_below=insert_below)
    made.open()
    try:
        made.take()
        yield made
    finally:
        made.close()


def statements(settings: ConnectionSettings) -> dict[str, list[str]]:
    """Return the statements of one slice, by way in and tables."""
    found = {}
    for way, below in (("COPY", 0), ("INSERT", 1_000)):
        with writer(settings, f"count-{way.lower()}", below) as made:
            made.land(10)  # the first may tidy up after a claim
            for tables in (1, 2, 3):
                found[f"{way}, {tables} tables"] = made.land(30, tables)
    return found


def confirm_statements(settings: ConnectionSettings) -> list[str]:
    """Return the statements of reading a cursor, as an idle partition needs it."""
    with writer(settings, "count-confirm", 0) as made:
        made.land(10)
        made.noted.clear()
        made.read([WHERE])
        return list(made.noted)
