"""Who is signed in: one session per connection, one statement at a time in each."""

import itertools
import secrets
import threading
import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection
    from fakesnow.conn import FakeSnowflakeConnection

    from winestream.local.server.storage import Storage
    from winestream.local.server.transactions import Transaction


class Place(Protocol):
    """Where names that are not fully qualified are looked for."""

    @property
    def database(self) -> str | None:
        """The current database, if one is chosen."""

    @property
    def schema(self) -> str | None:
        """The current schema, if one is chosen."""


class Session:
    """One connection's state. `lock` is held while a statement of it runs."""

    def __init__(
        self,
        number: int,
        user: str,
        connection: "FakeSnowflakeConnection",
        *,
        autocommit: bool,
    ) -> None:
        self.number, self.user, self.autocommit = number, user, autocommit
        self.connection = connection
        self.token = secrets.token_urlsafe(32)
        self.lock = threading.RLock()
        self.transaction: Transaction | None = None
        self.last_query_id: str | None = None
        self.query_id = str(uuid.uuid4())  # of the statement that is running
        self.parameters: dict[str, str] = {}

    @property
    def duck(self) -> "DuckDBPyConnection":
        """This session's own DuckDB connection."""
        return self.connection._duck_conn  # noqa: SLF001 - fakesnow keeps it private

    @property
    def database(self) -> str | None:
        """The current database, if one is chosen."""
        database: str | None = self.connection.database
        return database

    @property
    def schema(self) -> str | None:
        """The current schema, if one is chosen."""
        schema: str | None = self.connection.schema
        return schema


class Sessions:
    """All sessions by token; safe to call from any thread."""

    def __init__(self, storage: "Storage") -> None:
        self._storage = storage
        self._lock = threading.Lock()
        self._by_token: dict[str, Session] = {}
        self._numbers = itertools.count(1)

    def open(
        self,
        user: str,
        database: str | None,
        schema: str | None,
        parameters: Mapping[str, Any],
    ) -> Session:
        """Sign in. A database or schema that does not exist yet is made."""
        # Connector 5 sends "false", which is true to anyone who does not look.
        autocommit = str(parameters.get("AUTOCOMMIT", True)).lower() != "false"
        with self._lock:
            connection = self._storage.connect(database, schema)
            session = Session(
                next(self._numbers), user, connection, autocommit=autocommit
            )
            self._by_token[session.token] = session
        return session

    def find(self, token: str) -> Session | None:
        """Find the session of a token; None once it has ended."""
        return self._by_token.get(token)

    def close(self, session: Session) -> None:
        """Sign out. The caller has rolled back what was open."""
        with self._lock:
            if self._by_token.pop(session.token, None):
                session.connection.close()
