"""One session with Snowflake: statements, transactions, and errors made ours."""

import itertools
import json
import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib.metadata import version
from typing import Any, Self

import snowflake.connector

from winestream.errors import UnknownOutcomeError, WriteError
from winestream.snowflake.faults import Kind, classify, translate
from winestream.snowflake.settings import ConnectionSettings

Row = tuple[Any, ...]

_LOGGER = "snowflake.connector"
_MAJOR = int(version("snowflake-connector-python").split(".", 1)[0])


def hush_connector() -> None:
    """Keep the connector quiet.

    Its loggers stay at WARNING, since at DEBUG they log bound values: each of them, as
    one with a level of its own does not ask its parent. And for its usage statistics it
    would ask the cloud's metadata service at every sign-in where it runs.
    """
    os.environ.setdefault("SNOWFLAKE_DISABLE_PLATFORM_DETECTION", "true")
    top = logging.getLogger(_LOGGER)
    if top.level == logging.NOTSET:  # it would go by the root's, now or later
        top.setLevel(logging.WARNING)
    for name in [_LOGGER, *logging.root.manager.loggerDict]:
        if name == _LOGGER or name.startswith(f"{_LOGGER}."):
            logger = logging.getLogger(name)
            if logging.NOTSET < logger.level < logging.WARNING:
                logger.setLevel(logging.WARNING)


class Session:
    """A connection with AUTOCOMMIT off and every limit set. Not thread-safe.

    After `broken` nobody knows what the server did: throw the session away.
    """

    def __init__(self, connection: Any) -> None:  # noqa: ANN401 — the vendor's, 4.x or 5.x
        self._connection = connection
        self._cursor = connection.cursor()
        self.broken = False

    @classmethod
    def open(cls, settings: ConnectionSettings, pipeline: str, owner: str) -> Self:
        """Sign in. Raises `RetryableWriteError` or `FatalWriteError`."""
        hush_connector()
        tag = json.dumps({"app": "winestream", "pipeline": pipeline, "owner": owner})
        try:
            return cls(
                snowflake.connector.connect(
                    **settings.sign_in(),
                    **settings.time_limits(_MAJOR),
                    session_parameters=settings.session_parameters(tag),
                    autocommit=False,
                    paramstyle="qmark",
                )
            )
        except Exception as error:  # noqa: BLE001 — the one seam for vendor errors
            raise translate(error, f"sign in as {settings.place}") from None

    def run(
        self, sql: str, values: Sequence[Any] = (), *, data: bool = False
    ) -> list[Row]:
        """Execute one statement with bound values and return its rows.

        Raises `WriteError`, named by the statement's first words; with `data`, for a
        statement that brings events in, a refused value is `RejectedWriteError`.
        """
        try:
            return self._execute(sql, values)
        except Exception as error:  # noqa: BLE001 — the one seam for vendor errors
            self.broken = self.broken or classify(error) is Kind.TRANSPORT
            raise translate(error, _verb(sql), data=data) from None

    def table(self, sql: str) -> list[dict[str, Any]]:
        """Run a statement without values; return its rows by lower-case column name."""
        rows = self.run(sql)
        names = [column[0].lower() for column in self._cursor.description]
        return [dict(zip(names, row, strict=True)) for row in rows]

    @contextmanager
    def transaction(self, name: str) -> Iterator[None]:
        """Run the body in a transaction and commit it, or roll back.

        What the body raises leaves after the ROLLBACK. An error of the COMMIT itself
        is `UnknownOutcomeError`: it may have been applied.
        """
        self.rollback()
        try:
            # Whatever was open is closed now, so BEGIN cannot join anything.
            self.run(f"BEGIN TRANSACTION NAME {name}")
            yield
        except BaseException:
            self._give_up()
            raise
        try:
            self._execute("COMMIT", ())
        except Exception as error:  # noqa: BLE001 — whatever it was, nobody knows
            self.broken = True
            code = getattr(error, "errno", None) or 0
            raise UnknownOutcomeError(
                f"COMMIT: {code:06d} {type(error).__name__}, it may have been applied"
            ) from None

    def _give_up(self) -> None:
        """Roll back, unless the session goes anyway and takes everything with it."""
        if not self.broken:
            try:
                self.rollback()
            except WriteError:
                self.broken = True

    def rollback(self) -> None:
        """End whatever transaction is open, if any."""
        self.run("ROLLBACK")

    def close(self) -> None:
        """Close the connection; a dead one is simply forgotten."""
        self.broken = True
        with suppress(Exception):
            self._connection.close()

    def _execute(self, sql: str, values: Sequence[Any]) -> list[Row]:
        self._cursor.execute(sql, list(values) if values else None)
        return list(self._cursor.fetchall())


def _verb(sql: str) -> str:
    """Name a statement by its first words, up to the first value in it.

    What stands in double quotes is a name, such as the table of a COPY.
    """
    first = sql.split()[:3]
    words = itertools.takewhile(lambda w: w[0].isalpha() or w[0] == '"', first)
    return " ".join(words).replace('"', "")
