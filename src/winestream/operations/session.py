"""Runs an operation's statements on a connection, whatever driver it comes from.

The driver's errors stop here: each becomes one `DeployError` that says what was being
done. The two protocols are all that operations use of a DB-API connection.
"""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Protocol

from winestream.errors import ConfigurationError, WinestreamError


class Cursor(Protocol):
    """The part of a DB-API cursor that operations use."""

    def execute(self, command: str, /) -> object:
        """Run one statement."""

    def fetchall(self) -> Sequence[Any]:
        """Return the last statement's rows."""

    @property
    def description(self) -> Any:  # noqa: ANN401 — the driver's own type
        """The last statement's columns, the name first in each."""

    def close(self) -> object:
        """Give the cursor back."""


class Connection(Protocol):
    """The part of a DB-API connection that operations use.

    `snowflake.connector.connect` returns one. Its session's current database counts.
    """

    def cursor(self) -> Cursor:
        """Return a new cursor."""

    def commit(self) -> object:
        """Commit, where there is something to commit."""

    def rollback(self) -> object:
        """Give up what is not committed."""


class DeployError(WinestreamError):
    """The warehouse refused a statement; the message says where and why.

    What ran before it stays. Deploy again once the reason is gone: it goes on there.
    """


def sql_text(value: str) -> str:
    """Return an SQL string literal. Snowflake reads backslashes as escapes."""
    escaped = value.replace("\\", "\\\\").replace("'", "''")
    return f"'{escaped}'"


class Session:
    """One connection. `place` is what an error says about where it happened."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def current_database(self) -> str:
        """Return its name. Raises `ConfigurationError` when there is none."""
        rows = self.rows("SELECT CURRENT_DATABASE()", "the session")
        name = rows[0][0] if rows else None
        if not name:
            raise ConfigurationError(
                "the session has no current database: name an existing one that the "
                "role may use (setting `database`)."
            )
        return str(name)

    def run(self, statement: str, place: str) -> None:
        """Run one statement. Raises `DeployError` after a ROLLBACK."""
        self.rows(statement, place)

    def rows(self, statement: str, place: str) -> Sequence[Any]:
        """Run one query and return its rows. Raises as `run` does."""
        return self._asked(statement, place)[0]

    def records(self, statement: str, place: str) -> list[dict[str, Any]]:
        """Run one query; its rows by column name in lower case. Raises as `run` does.

        For SHOW, whose columns are told by name rather than by place.
        """
        rows, names = self._asked(statement, place)
        return [dict(zip(names, row, strict=True)) for row in rows]

    def _asked(self, statement: str, place: str) -> tuple[Sequence[Any], list[str]]:
        cursor = self._connection.cursor()
        try:
            cursor.execute(statement)
            columns = getattr(cursor, "description", None) or ()
            return cursor.fetchall(), [str(column[0]).lower() for column in columns]
        except Exception as error:
            with suppress(Exception):  # the first error is the one to report
                self._connection.rollback()
            raise DeployError(f"{place}: {error}") from error
        finally:
            cursor.close()

    def commit(self, place: str) -> None:
        """Commit what ran; changes nothing after DDL or with AUTOCOMMIT on."""
        try:
            self._connection.commit()
        except Exception as error:
            raise DeployError(f"{place}, the commit: {error}") from error
