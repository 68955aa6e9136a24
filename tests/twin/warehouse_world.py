"""What tests of the writer share: a pipeline of its own, slices, and an auditor.

Every world has a pipeline and a cluster id nobody else uses, so that all of them can
live in one database. The auditor asks in sessions of its own.
"""

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack, closing
from datetime import timedelta
from typing import Any, Self

import snowflake.connector
from snowflake.connector.errors import DatabaseError

from winestream.local import EmbeddedWarehouse
from winestream.operations.deploy import deploy
from winestream.records import (
    Cursor,
    DeadLetter,
    Gap,
    LogPartition,
    Rows,
    Segment,
    Want,
)
from winestream.snowflake import ConnectionSettings, SnowflakeWriter
from winestream.snowflake.session import Row, Session

DATABASE = "WINE"
TABLES = ("RAW_ORDERS", "RAW_INVENTORY", "RAW_EVENTS")
OCCURRED = 1_769_876_400.123456
"""2026-01-31 16:20:00.123456 UTC."""

Hook = Callable[[str, str], None]
"""Called with `before` or `after` and the statement's step."""

_numbers = itertools.count(1)

_STEPS = {
    "PUT": "put",
    "ROLLBACK": "rollback",
    "BEGIN": "begin",
    "INSERT": "ledger",
    "COPY": "copy",
    "MERGE": "merge",
    "COMMIT": "commit",
    "REMOVE": "remove",
    "LIST": "list",
    "SELECT": "select",
    "SHOW": "show",
}


def step_of(sql: str) -> str:
    """Name the protocol's step that a statement is."""
    if "SET NEXT_OFFSET" in sql:
        return "compare"
    first = sql.split(None, 1)[0].upper()
    return "lock" if first == "UPDATE" else _STEPS[first]


def deployed(warehouse: EmbeddedWarehouse, database: str) -> None:
    """Deploy sql/ into a new database."""
    with closing(
        snowflake.connector.connect(**warehouse.connection, database=database)
    ) as connection:
        deploy(connection)


def settings_of(connection: Mapping[str, Any], **changes: Any) -> ConnectionSettings:
    """Return how to sign in to the database of all worlds."""
    limits = {"login_timeout": timedelta(seconds=10), **changes}
    return ConnectionSettings.of(dict(connection) | limits, database=DATABASE)


class HookedSession(Session):
    """A session that tells of each statement before and after it."""

    hook: Hook | None = None

    def _execute(self, sql: str, values: Sequence[Any]) -> list[Row]:
        step = step_of(sql)
        if self.hook:
            self.hook("before", step)
        rows = super()._execute(sql, values)
        if self.hook:
            self.hook("after", step)
        return rows


class HookedWriter(SnowflakeWriter):
    """A writer whose sessions are hooked."""

    hook: Hook | None = None
    sessions = 0

    def _connected(self) -> Session:
        if self._session is None:
            session = HookedSession.open(self._settings, self._pipeline, self._owner)
            session.hook = lambda when, step: self.hook and self.hook(when, step)
            self._session, self.sessions = session, self.sessions + 1
        return self._session


def rows_of(
    offsets: Sequence[int],
    *,
    table: str = "RAW_ORDERS",
    payload: str = '{"name": "Château Müller"}',
    event_id: str = "e",
) -> Rows:
    """Return rows at these offsets with all columns filled."""
    return Rows(
        table=table,
        offsets=list(offsets),
        event_ids=[f"{event_id}-{offset}" for offset in offsets],
        event_types=["ORDER_CREATED" for _ in offsets],
        occurred_at=[OCCURRED for _ in offsets],
        schema_versions=[1 for _ in offsets],
        payloads=[payload.encode() for _ in offsets],
        keys=[b"k\xff" if offset % 2 else None for offset in offsets],
        timestamps=[1_769_876_400_123 if offset % 2 else -1 for offset in offsets],
    )


def segment(
    partition: LogPartition,
    start: int,
    stop: int,
    *,
    dead: Iterable[DeadLetter] = (),
    gaps: Iterable[Gap] = (),
    **rows: Any,
) -> Segment:
    """Return a segment whose offsets are rows wherever they are nothing else."""
    dead, gaps = tuple(dead), tuple(gaps)
    taken = {letter.offset for letter in dead}
    for gap in gaps:
        taken.update(range(gap.start, gap.stop))
    offsets = [offset for offset in range(start, stop) if offset not in taken]
    parts = (rows_of(offsets, **rows),) if offsets else ()
    return Segment(partition, start, stop, parts, dead, gaps)


class World:
    """One pipeline, one cluster, any number of writers, and an auditor."""

    def __init__(self, warehouse: EmbeddedWarehouse) -> None:
        number = next(_numbers)
        self.warehouse = warehouse
        self.pipeline = f"caves-{number}"
        self.cluster = f"cluster-{number}"
        self._stack = ExitStack()
        self._auditor: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def partition(
        self, number: int = 0, *, topic: str = "wine.orders", topic_id: str = "id-1"
    ) -> LogPartition:
        """Name a log partition of this world."""
        return LogPartition(self.cluster, topic_id, topic, number)

    def unopened(
        self, connection: Mapping[str, Any] | None = None, **options: Any
    ) -> HookedWriter:
        """Make a writer that somebody else opens and closes."""
        return HookedWriter(
            settings_of(connection or self.warehouse.connection),
            pipeline=self.pipeline,
            fingerprints=True,
            **options,
        )

    def writer(
        self,
        hook: Hook | None = None,
        *,
        connection: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> HookedWriter:
        """Open a writer that is closed with the world."""
        writer = self.unopened(connection, **options)
        writer.open()
        self._stack.callback(writer.close)
        writer.hook = hook
        return writer

    def owned(
        self,
        hook: Hook | None = None,
        *partitions: LogPartition,
        owner: str = "me",
        **options: Any,
    ) -> tuple[HookedWriter, dict[LogPartition, int]]:
        """Open a writer that has taken these partitions, and return their epochs."""
        writer = self.writer(**options)
        wants = {p: Want(0) for p in partitions or (self.partition(),)}
        epochs = {p: c.epoch for p, c in writer.claim(owner, wants).items()}
        writer.hook = hook
        return writer, epochs

    def connect(self, **options: Any) -> Any:
        """Sign in beside the writers; closed with the world."""
        given = {"database": DATABASE, "paramstyle": "qmark", **options}
        connection = snowflake.connector.connect(**self.warehouse.connection, **given)
        self._stack.callback(connection.close)
        return connection

    def ask(self, sql: str, *values: Any) -> list[Row]:
        """Run one statement in a session of the auditor's."""
        if self._auditor is None:
            self._auditor = self.connect()
        try:
            cursor = self._auditor.cursor()
            cursor.execute(sql, values or None)
            return list(cursor.fetchall())
        except DatabaseError:
            self._auditor = None  # the warehouse may have been killed meanwhile
            raise

    # ------------------------------------------------------------------ the auditor

    def cursors(self) -> dict[LogPartition, Cursor]:
        """Return this pipeline's cursors; each must be there once."""
        found = self.ask(
            "SELECT CLUSTER_ID, TOPIC_ID, TOPIC, KAFKA_PARTITION, NEXT_OFFSET, "
            "FIRST_OFFSET, EPOCH FROM OPS.INGEST_CURSOR WHERE PIPELINE = ?",
            self.pipeline,
        )
        cursors = {LogPartition(*row[:4]): Cursor(*row[4:]) for row in found}
        assert len(cursors) == len(found), "two rows of one cursor"
        return cursors

    def offsets(self, partition: LogPartition) -> list[int]:
        """Return every offset that is a row, a dead letter or in a gap, sorted."""
        where = "WHERE CLUSTER_ID = ? AND TOPIC = ? AND KAFKA_PARTITION = ?"
        rows = " UNION ALL ".join(
            f"SELECT KAFKA_OFFSET FROM RAW.{table} {where}"
            for table in (*TABLES, "DEAD_LETTERS")
        )
        values = [partition.cluster_id, partition.topic, partition.partition]
        found = [row[0] for row in self.ask(rows, *values * 4)]
        for start, stop in self.ask(
            f"SELECT FROM_OFFSET, TO_OFFSET FROM OPS.INGEST_GAPS {where}", *values
        ):
            found += range(start, stop)
        return sorted(found)

    def ledger(self, *columns: str) -> list[Row]:
        """Return columns of this pipeline's ledger, by partition and offset."""
        return self.ask(
            f"SELECT {', '.join(columns)} FROM OPS.INGEST_LEDGER WHERE PIPELINE = ? "
            "ORDER BY CLUSTER_ID, TOPIC, KAFKA_PARTITION, FROM_OFFSET",
            self.pipeline,
        )

    def assert_exactly_once(self) -> None:
        """Check the invariants of every cursor of this pipeline."""
        cursors = self.cursors()
        for partition, cursor in cursors.items():
            wanted = list(range(cursor.first, cursor.position))
            assert self.offsets(partition) == wanted, str(partition)
        ends: dict[tuple[Any, ...], int] = {}
        places = ("CLUSTER_ID", "TOPIC_ID", "TOPIC", "KAFKA_PARTITION")
        for *where, start, stop in self.ledger(*places, "FROM_OFFSET", "TO_OFFSET"):
            cursor = cursors[LogPartition(*where)]
            assert start == ends.get(tuple(where), cursor.first), "the ledger tiles"
            ends[tuple(where)] = stop
        for partition, cursor in cursors.items():
            assert ends.get(tuple(partition), cursor.first) == cursor.position


def abort_transactions(world: World) -> int:
    """End this pipeline's open transactions from another session, as an admin can."""
    with closing(world.connect()) as connection:
        cursor = connection.cursor()
        found = cursor.execute("SHOW TRANSACTIONS").fetchall()
        names = [column.name.lower() for column in cursor.description]
        shown = [dict(zip(names, row, strict=True)) for row in found]
        wanted = f"winestream_{world.pipeline.replace('-', '_')}__".lower()
        ours = [row["id"] for row in shown if row["name"].lower().startswith(wanted)]
        for number in ours:
            cursor.execute(f"SELECT SYSTEM$ABORT_TRANSACTION({number})")
        return len(ours)
