"""What live tests share: signing in, a pipeline and a schema of one's own, cleaning up.

Nothing is asked of the account before a test uses one of these.
"""

import os
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, Self

import pytest
import snowflake.connector
from snowflake.connector.errors import Error

from winestream.records import Cursor, LogPartition, Rows, Segment, Want
from winestream.snowflake import ConnectionSettings, SnowflakeWriter
from winestream.snowflake.session import Row, Session

NEEDED: Final = ("ACCOUNT", "USER", "KEY_FILE", "DATABASE", "WAREHOUSE", "ROLE")
OCCURRED: Final = 1_769_876_400.123456
"""2026-01-31 16:20:00.123456 UTC."""
ONE_ROLE: Final = "USE SECONDARY ROLES NONE"
"""By default a session has the rights of all of its user's roles."""

_OF_A_LOG: Final = ("RAW.RAW_EVENTS", "RAW.DEAD_LETTERS", "OPS.INGEST_GAPS")
_OF_A_PIPELINE: Final = ("OPS.INGEST_CURSOR", "OPS.INGEST_LEDGER", "OPS.INGEST_TABLES")


def variable(name: str) -> str:
    """Return the environment variable of a live setting."""
    return f"WINESTREAM_LIVE_{name}"


def settings(**changes: Any) -> ConnectionSettings:
    """Return how to sign in, by the environment."""
    given = {name: os.environ[variable(name)] for name in NEEDED}
    chosen: dict[str, Any] = {
        "account": given["ACCOUNT"],
        "user": given["USER"],
        "private_key_file": Path(given["KEY_FILE"]),
        "private_key_passphrase": os.environ.get(variable("KEY_PASSPHRASE")),
        "database": given["DATABASE"],
        "warehouse": given["WAREHOUSE"],
        "role": given["ROLE"],
        "host": os.environ.get(variable("HOST")),
    }
    return ConnectionSettings(**(chosen | changes))


def role_of(name: str) -> str:
    """Return a deployed role's name: LOADER, READER, AUDITOR."""
    default = f"WINESTREAM_{name}"
    return os.environ.get(variable(f"{name}_ROLE"), default)


class _ToldSession(Session):
    """A session that calls `tell` with each statement, before it is sent."""

    tell: Callable[[str], object] | None = None

    def _execute(self, sql: str, values: Sequence[Any]) -> list[Row]:
        if self.tell is not None:
            self.tell(sql)
        return super()._execute(sql, values)


class LiveWriter(SnowflakeWriter):
    """A writer that calls `before` with each statement of its sessions.

    With `one_role` its sessions have its role and none of the user's others.
    """

    before: Callable[[str], object] | None = None
    one_role = False

    def _connected(self) -> Session:
        if self._session is None:
            session = _ToldSession.open(self._settings, self._pipeline, self._owner)
            assert isinstance(session, _ToldSession)
            if self.one_role:
                session.run(ONE_ROLE)
            session.tell = lambda sql: self.before and self.before(sql)
            self._session = session
        return self._session


class Account:
    """A pipeline and a log nobody else uses, and sessions to look at them."""

    def __init__(self) -> None:
        self.pipeline = f"live-{uuid.uuid4().hex}"
        self.cluster = f"cluster-{self.pipeline}"
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._stack.close()  # first, since what is open may hold locks
        finally:
            self._clean()

    def partition(self, number: int = 0) -> LogPartition:
        """Name a log partition of this test."""
        return LogPartition(self.cluster, "id-1", "wine.live", number)

    def session(self, owner: str = "probe", **changes: Any) -> Session:
        """Open a session as the writer has them; closed with the account."""
        session = Session.open(settings(**changes), self.pipeline, owner)
        self._stack.callback(session.close)
        return session

    def as_role(self, name: str) -> Session:
        """Open a session with a deployed role, or skip: the user may not have it."""
        role = role_of(name)
        me = self.session()
        grants = me.table(f"SHOW GRANTS TO USER {_me(me)}")
        if role not in {str(row["role"]) for row in grants}:
            skip(f"grant role {role} to the user of these tests to check it")
        session = self.session(name.lower(), role=role)
        session.run(ONE_ROLE)
        return session

    def connect(self) -> Any:
        """Open a plain connection with AUTOCOMMIT on, as operations take it."""
        given = settings()
        connection = snowflake.connector.connect(
            **given.sign_in(),
            session_parameters=given.session_parameters("live"),
            autocommit=True,
        )
        self._stack.callback(connection.close)
        return connection

    def writer(self, *, role: str | None = None, **options: Any) -> LiveWriter:
        """Open a writer of this pipeline; closed with the account."""
        changes = {} if role is None else {"role": role}
        writer = LiveWriter(
            settings(lock_timeout=timedelta(seconds=10), **changes),
            pipeline=self.pipeline,
            fingerprints=True,
            **options,
        )
        writer.one_role = role is not None
        writer.open()
        self._stack.callback(writer.close)
        return writer

    def owned(
        self, *partitions: LogPartition, owner: str = "me", **options: Any
    ) -> tuple[LiveWriter, dict[LogPartition, int]]:
        """Open a writer that has taken these partitions, and return their epochs."""
        writer = self.writer(**options)
        claimed = writer.claim(owner, {p: Want(0) for p in partitions})
        return writer, {p: cursor.epoch for p, cursor in claimed.items()}

    def offsets(self) -> list[int]:
        """Return the offsets of this log's rows, in a new session."""
        found = self.session().run(
            "SELECT KAFKA_OFFSET FROM RAW.RAW_EVENTS WHERE CLUSTER_ID = ? ORDER BY 1",
            [self.cluster],
        )
        return [int(row[0]) for row in found]

    def cursors(self) -> Mapping[LogPartition, Cursor]:
        """Return this pipeline's cursors, in a new session."""
        rows = self.session().run(
            "SELECT CLUSTER_ID, TOPIC_ID, TOPIC, KAFKA_PARTITION, NEXT_OFFSET, "
            "FIRST_OFFSET, EPOCH FROM OPS.INGEST_CURSOR WHERE PIPELINE = ?",
            [self.pipeline],
        )
        return {LogPartition(*row[:4]): Cursor(*map(int, row[4:])) for row in rows}

    def _clean(self) -> None:
        session = Session.open(settings(), self.pipeline, "cleaner")
        try:
            with session.transaction("winestream_live_clean"):
                for table in _OF_A_LOG:
                    session.run(
                        f"DELETE FROM {table} WHERE CLUSTER_ID = ?", [self.cluster]
                    )
                for table in _OF_A_PIPELINE:
                    session.run(
                        f"DELETE FROM {table} WHERE PIPELINE = ?", [self.pipeline]
                    )
            session.run(f"REMOVE @RAW.INGEST_STAGE/{self.pipeline}/")
        finally:
            session.close()


class Scratch:
    """A schema of the test's own, with a stage and a Parquet format in it."""

    def __init__(self, account: Account) -> None:
        self.schema = f"WINESTREAM_LIVE_{uuid.uuid4().hex}".upper()
        self._account = account

    def __enter__(self) -> Self:
        self._session = self._account.session("scratch")
        self._session.run(
            f"CREATE SCHEMA {self.schema} DATA_RETENTION_TIME_IN_DAYS = 0"
        )
        return self

    def __exit__(self, *_: object) -> None:
        # A session of its own: the test may have broken or blocked the other.
        session = Session.open(settings(), self._account.pipeline, "cleaner")
        try:
            session.run(f"DROP SCHEMA IF EXISTS {self.schema} CASCADE")
        finally:
            session.close()

    def table(self, name: str, columns: str, *, kind: str = "") -> str:
        """Make a table and return its whole name."""
        whole = f"{self.schema}.{name}"
        self._session.run(f"CREATE {kind} TABLE {whole} ({columns})")
        return whole

    def run(self, sql: str) -> list[Row]:
        """Run a statement of the set-up, DDL for the most part."""
        return self._session.run(sql)

    def ask(self, sql: str) -> list[Row]:
        """Ask in a new session, which sees what is committed."""
        return self._account.session("auditor").run(sql)


def segment(
    where: LogPartition, start: int, stop: int, *, payload: str = '{"n": "Müller"}'
) -> Segment:
    """Return rows of RAW_EVENTS, which no stream watches, at these offsets."""
    offsets = list(range(start, stop))
    rows = Rows(
        table="RAW_EVENTS",
        offsets=offsets,
        event_ids=[f"live-{offset}" for offset in offsets],
        event_types=["LIVE_CHECK" for _ in offsets],
        occurred_at=[OCCURRED for _ in offsets],
        schema_versions=[1 for _ in offsets],
        payloads=[payload.encode() for _ in offsets],
        keys=[b"k\xff" if offset % 2 else None for offset in offsets],
        timestamps=[1_769_876_400_123 if offset % 2 else -1 for offset in offsets],
    )
    return Segment(where, start, stop, (rows,))


def transaction_of(session: Session) -> int:
    """Return the id of the session's open transaction."""
    return int(session.run("SELECT CURRENT_TRANSACTION()")[0][0])


def answer(question: Callable[[], object]) -> str:
    """Return what a statement answers, as text: its rows or its error's code."""
    try:
        return repr(question())
    except Error as error:
        return f"{error.errno} ({error.sqlstate})"


def skip(reason: str) -> None:
    """Skip the test, and print why."""
    print(reason)
    pytest.skip(reason)


def _me(session: Session) -> str:
    return '"' + str(session.run("SELECT CURRENT_USER()")[0][0]) + '"'
