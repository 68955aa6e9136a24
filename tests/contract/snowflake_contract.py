"""A world of `SnowflakeWriter`: a pipeline of its own in an embedded warehouse."""

import base64
import json
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC
from typing import Any, Self

import snowflake.connector

from winestream.local import EmbeddedWarehouse
from winestream.ports import Writer
from winestream.records import DeadLetter, Gap, LogPartition
from winestream.snowflake import ConnectionSettings, SnowflakeWriter
from winestream.testing.contract import LandedRow, WriterWorld

DATABASE = "WINE"

_LOG = "CLUSTER_ID, TOPIC_ID, TOPIC, KAFKA_PARTITION"


class SnowflakeWorld(WriterWorld):
    """Reads back in a session of its own, as an auditor would."""

    rival_slices = 4  # a claim takes a new session, and sessions are slow here

    def __init__(self, warehouse: EmbeddedWarehouse, name: str) -> None:
        self._warehouse = warehouse
        self._stack = ExitStack()
        self.cluster = name
        self._connection: Any = None

    def __enter__(self) -> Self:
        self._connection = self._stack.enter_context(
            snowflake.connector.connect(
                **self._warehouse.connection, database=DATABASE, autocommit=True
            )
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def writer(self) -> Writer:
        settings = ConnectionSettings.of(self._warehouse.connection, database=DATABASE)
        return SnowflakeWriter(settings, pipeline=self.cluster)

    def rows(self) -> Iterator[LandedRow]:
        for table in self.tables:
            found = self._select(
                f"{_LOG}, KAFKA_OFFSET, EVENT_ID, EVENT_TYPE, PAYLOAD, OCCURRED_AT, "
                "SCHEMA_VERSION, MESSAGE_KEY, MESSAGE_TIMESTAMP, SLICE_ID",
                f"RAW.{table}",
            )
            for row in found:
                yield LandedRow(
                    table,
                    LogPartition(*row[:3], int(row[3])),
                    int(row[4]),
                    row[5],
                    row[6],
                    row[7].encode(),
                    row[8].replace(tzinfo=UTC).timestamp(),
                    int(row[9]),
                    _bytes(row[10]),
                    _millis(row[11]),
                    row[12],
                )

    def dead_letters(self) -> Iterator[tuple[LogPartition, DeadLetter]]:
        found = self._select(
            f"{_LOG}, KAFKA_OFFSET, VALUE, MESSAGE_KEY, MESSAGE_TIMESTAMP, REASON, "
            "ERROR_PATH, HEADERS",
            "RAW.DEAD_LETTERS",
        )
        for row in found:
            letter = DeadLetter(
                offset=int(row[4]),
                value=_bytes(row[5]),
                key=_bytes(row[6]),
                timestamp=_millis(row[7]),
                reason=row[8],
                path=row[9],
                headers=_headers(_bytes(row[10])),
            )
            yield LogPartition(*row[:3], int(row[3])), letter

    def gaps(self) -> Iterator[tuple[LogPartition, Gap]]:
        found = self._select(
            f"{_LOG}, FROM_OFFSET, TO_OFFSET, REASON", "OPS.INGEST_GAPS"
        )
        for row in found:
            gap = Gap(int(row[4]), int(row[5]), row[6])
            yield LogPartition(*row[:3], int(row[3])), gap

    def _select(self, columns: str, table: str) -> list[tuple[Any, ...]]:
        cursor = self._connection.cursor()
        cursor.execute(
            f"SELECT {columns} FROM {table} WHERE CLUSTER_ID = '{self.cluster}'"
        )
        return list(cursor.fetchall())


def _bytes(value: Any) -> bytes | None:
    return None if value is None else bytes(value)


def _millis(value: Any) -> int:
    if value is None:
        return -1
    return round(value.replace(tzinfo=UTC).timestamp() * 1000)


def _headers(encoded: bytes | None) -> list[tuple[str, bytes | None]] | None:
    if encoded is None:
        return None
    return [
        (name, None if value is None else base64.b64decode(value))
        for name, value in json.loads(encoded)
    ]
