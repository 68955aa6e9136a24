"""A small pipeline's warehouse, written by the real writer, to audit and damage."""

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

import attrs
from snowflake.connector import SnowflakeConnection, connect

from winestream.local import EmbeddedWarehouse
from winestream.operations.deploy import deploy, register_tables
from winestream.records import (
    DeadLetter,
    Gap,
    LogPartition,
    Rows,
    Segment,
    Slice,
    Want,
)
from winestream.snowflake import ConnectionSettings, SnowflakeWriter

PIPELINE = "caves-albert"
TABLES = ("RAW_ORDERS", "RAW_INVENTORY", "RAW_EVENTS")
ORDERS = LogPartition("cluster", "orders-id", "wine.orders", 0)
MORE_ORDERS = ORDERS._replace(partition=1)
STOCK = LogPartition("cluster", "stock-id", "wine.inventory", 0)
FIRST = 10


def payload(log: LogPartition, offset: int) -> bytes:
    """Return what the message at an offset said; a château's bytes are not its text."""
    text = json.dumps({"wine": "Château", "at": [str(log), offset]}, ensure_ascii=False)
    return text.encode()


def rows_of(table: str, log: LogPartition, offsets: Sequence[int]) -> Rows:
    """Make rows of one table."""
    count = len(offsets)
    return Rows(
        table=table,
        offsets=offsets,
        event_ids=[f"{log}-{offset}" for offset in offsets],
        event_types=["ORDER_CREATED"] * count,
        occurred_at=[1_700_000_000.5] * count,
        schema_versions=[1] * count,
        payloads=[payload(log, offset) for offset in offsets],
        keys=[b"key"] * count,
        timestamps=[1_700_000_000_000] * count,
    )


def segment(
    log: LogPartition,
    start: int,
    stop: int,
    *,
    dead: Iterable[int] = (),
    gaps: Iterable[Gap] = (),
    other: Iterable[int] = (),
) -> Segment:
    """Make a segment: rows, but for dead letters, gaps and rows of RAW_EVENTS."""
    gaps = tuple(gaps)
    missing = {o for gap in gaps for o in range(gap.start, gap.stop)}
    dead, other = set(dead), set(other)
    table = "RAW_ORDERS" if log.topic == "wine.orders" else "RAW_INVENTORY"
    kept = [o for o in range(start, stop) if o not in missing | dead | other]
    parts = [(table, kept), ("RAW_EVENTS", sorted(other))]
    letters = [
        DeadLetter(o, b"\xff\xfe broken", b"k", 1, "malformed-json", "$")
        for o in sorted(dead)
    ]
    return Segment(
        log,
        start,
        stop,
        rows=tuple(rows_of(name, log, some) for name, some in parts if some),
        dead=tuple(letters),
        gaps=gaps,
    )


@attrs.frozen
class World:
    """A database of the embedded warehouse with a pipeline of its own."""

    warehouse: EmbeddedWarehouse
    database: str

    def connect(self, *, autocommit: bool = True) -> SnowflakeConnection:
        """Open a new session."""
        return connect(
            **self.warehouse.connection, database=self.database, autocommit=autocommit
        )

    def create(self) -> None:
        """Deploy and register the tables."""
        with connect(**self.warehouse.connection, autocommit=True) as connection:
            cursor = connection.cursor()
            cursor.execute(f"CREATE DATABASE {self.database}")
            cursor.execute(f"USE DATABASE {self.database}")
            deploy(connection)
            register_tables(connection, PIPELINE, TABLES)

    def writer(
        self, pipeline: str = PIPELINE, *, fingerprints: bool = True
    ) -> SnowflakeWriter:
        """Return the real writer."""
        settings = ConnectionSettings.of(
            self.warehouse.connection, database=self.database
        )
        return SnowflakeWriter(
            settings,
            pipeline=pipeline,
            fingerprints=fingerprints,
            now=lambda: datetime(2026, 1, 1, tzinfo=UTC),
        )

    def write(
        self,
        owner: str,
        *slices: Sequence[Segment],
        pipeline: str = PIPELINE,
        fingerprints: bool = True,
    ) -> None:
        """Claim what the slices need and write them in order."""
        logs = {part.partition for parts in slices for part in parts}
        writer = self.writer(pipeline, fingerprints=fingerprints)
        writer.open()
        try:
            claimed = writer.claim(
                owner, {log: Want(FIRST, new_log=True) for log in logs}
            )
            epochs = {log: cursor.epoch for log, cursor in claimed.items()}
            for number, parts in enumerate(slices):
                writer.write(Slice(f"{owner}/{number}", tuple(parts)), epochs)
        finally:
            writer.close()

    def write_demo(self, *, fingerprints: bool = True) -> None:
        """Write two owners' slices: three log partitions, every kind of content."""
        self.write(
            "one",
            [
                segment(ORDERS, 10, 20, dead=[13, 14], other=[17]),
                segment(STOCK, 10, 14),
            ],
            [segment(ORDERS, 20, 30, gaps=[Gap(22, 25, "jump")])],
            [segment(MORE_ORDERS, 10, 15)],
            fingerprints=fingerprints,
        )
        self.write(
            "two",
            [
                segment(ORDERS, 30, 40),
                segment(STOCK, 14, 20, gaps=[Gap(19, 20, "trailing")]),
            ],
            fingerprints=fingerprints,
        )

    def rewind(self, log: LogPartition, position: int) -> None:
        """Move a cursor back as an operator does: epoch raised, and a ledger row.

        By hand, in plain SQL; `winestream rewind` is tested for itself.
        """
        where = (
            f"PIPELINE = '{PIPELINE}' AND TOPIC = '{log.topic}' "
            f"AND TOPIC_ID = '{log.topic_id}' AND KAFKA_PARTITION = {log.partition}"
        )
        with self.connect() as connection:
            cursor = connection.cursor()
            cursor.execute(
                "INSERT INTO OPS.INGEST_LEDGER (SLICE_ID, PIPELINE, CLUSTER_ID, "
                "TOPIC_ID, TOPIC, KAFKA_PARTITION, FROM_OFFSET, TO_OFFSET, ROW_COUNT, "
                "DEAD_COUNT, PAYLOAD_BYTES, EPOCH) "
                "SELECT 'rewind/' || EPOCH, PIPELINE, CLUSTER_ID,"
                f" TOPIC_ID, TOPIC, KAFKA_PARTITION, NEXT_OFFSET, {position}, 0, 0, 0,"
                f" EPOCH + 1 FROM OPS.INGEST_CURSOR WHERE {where}"
            )
            cursor.execute(
                f"UPDATE OPS.INGEST_CURSOR SET NEXT_OFFSET = {position}, "
                f"EPOCH = EPOCH + 1 WHERE {where}"
            )
