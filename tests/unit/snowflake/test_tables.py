"""A slice as Arrow: what the columns of each file hold."""

import hashlib
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from winestream.records import DeadLetter, Gap, LogPartition, Rows, Segment, Slice
from winestream.snowflake.columns import (
    DEAD_LETTER_SCHEMA,
    GAP_SCHEMA,
    LEDGER_COLUMNS,
    RAW_SCHEMA,
)
from winestream.snowflake.ledger import ledger_rows
from winestream.snowflake.tables import Load, loads_of

HERE = LogPartition("c", "t", "wine.orders", 3)
THERE = HERE._replace(partition=4)
NOW = datetime(2026, 11, 23, 7, 0, 0, 123456, tzinfo=UTC)


def _rows(*offsets: int, table: str = "RAW_ORDERS", **columns: Any) -> Rows:
    given_columns: dict[str, Any] = {
        "event_ids": [f"e{offset}" for offset in offsets],
        "event_types": ["T" for _ in offsets],
        "occurred_at": [0.0 for _ in offsets],
        "schema_versions": [1 for _ in offsets],
        "payloads": [b"{}" for _ in offsets],
        "keys": [None for _ in offsets],
        "timestamps": [-1 for _ in offsets],
    }
    return Rows(table=table, offsets=list(offsets), **given_columns | columns)


def _loads(*parts: Segment) -> dict[str, Load]:
    return {load.table: load for load in loads_of(Slice("me/1", parts), NOW)}


def test_a_table_gets_one_file_over_all_partitions() -> None:
    """Runs of several segments are one load, in order, with their coordinates."""
    loads = _loads(
        Segment(HERE, 0, 2, (_rows(0), _rows(1, table="RAW_EVENTS"))),
        Segment(THERE, 7, 8, (_rows(7),)),
        Segment(HERE, 2, 3, (_rows(2),)),
    )
    assert loads.keys() == {"RAW_ORDERS", "RAW_EVENTS"}
    orders = loads["RAW_ORDERS"]
    assert (orders.schema, orders.data) == ("RAW", True)
    assert orders.rows.schema == RAW_SCHEMA
    assert orders.rows["KAFKA_OFFSET"].to_pylist() == [0, 7, 2]
    assert orders.rows["KAFKA_PARTITION"].to_pylist() == [3, 4, 3]
    assert set(orders.rows["SLICE_ID"].to_pylist()) == {"me/1"}
    assert set(orders.rows["LOADED_AT"].to_pylist()) == {NOW.replace(tzinfo=None)}


def test_dead_letters_and_gaps_are_files_of_their_own() -> None:
    """A refusal of these is never blamed on the events."""
    letter = DeadLetter(0, None, None, -1, "null-value", "$")
    loads = _loads(
        Segment(HERE, 0, 1, dead=(letter,)),
        Segment(THERE, 0, 9, gaps=(Gap(0, 9, "jump"),)),
    )
    assert loads["DEAD_LETTERS"].rows.schema == DEAD_LETTER_SCHEMA
    assert loads["INGEST_GAPS"].rows.schema == GAP_SCHEMA
    assert not any(load.data for load in loads.values())
    assert loads["INGEST_GAPS"].rows.to_pylist() == [
        {
            "SLICE_ID": "me/1",
            "CLUSTER_ID": "c",
            "TOPIC_ID": "t",
            "TOPIC": "wine.orders",
            "KAFKA_PARTITION": 4,
            "FROM_OFFSET": 0,
            "TO_OFFSET": 9,
            "REASON": "jump",
        }
    ]


def test_an_unknown_message_time_is_null() -> None:
    """Kafka's -1 is no moment in 1969."""
    rows = _rows(0, 1, timestamps=[-1, 1])
    times = _loads(Segment(HERE, 0, 2, (rows,)))["RAW_ORDERS"].rows["MESSAGE_TIMESTAMP"]
    assert times.to_pylist() == [None, datetime(1970, 1, 1, 0, 0, 0, 1000)]  # noqa: DTZ001 — NTZ


@given(
    st.datetimes(
        datetime(1901, 1, 1),  # noqa: DTZ001 — the zone is added below
        datetime(2105, 12, 31),  # noqa: DTZ001 — the zone is added below
    )
)
def test_microseconds_survive_being_seconds(moment: datetime) -> None:
    """A float of seconds is exact to the microsecond until 2106."""
    rows = _rows(0, occurred_at=[moment.replace(tzinfo=UTC).timestamp()])
    found = _loads(Segment(HERE, 0, 1, (rows,)))["RAW_ORDERS"].rows["OCCURRED_AT"]
    assert found.to_pylist() == [moment]


@given(st.lists(st.text().map(str.encode), min_size=1))
def test_payloads_are_the_same_bytes(payloads: list[bytes]) -> None:
    """Any UTF-8 is text as it is."""
    rows = _rows(*range(len(payloads)), payloads=payloads)
    loaded = _loads(Segment(HERE, 0, len(payloads), (rows,)))["RAW_ORDERS"].rows
    assert [text.encode() for text in loaded["PAYLOAD"].to_pylist()] == payloads
    assert loaded["PAYLOAD"].type == pa.string()


@pytest.mark.parametrize("fingerprints", [True, False])
def test_the_ledger_has_one_row_a_partition(*, fingerprints: bool) -> None:
    """Ranges join over segments; bytes count rows and dead letters, MD5s only rows."""
    letter = DeadLetter(1, b"xxx", None, -1, "malformed-json", "$")
    piece = Slice(
        "me/1",
        (
            Segment(HERE, 0, 2, (_rows(0, payloads=[b"abc"]),), (letter,)),
            Segment(THERE, 5, 6, (_rows(5),)),
            Segment(HERE, 2, 4, (_rows(2, 3),)),
        ),
    )
    rows = [
        dict(zip(LEDGER_COLUMNS, row, strict=True))
        for row in ledger_rows(
            piece, "caves", {HERE: 8, THERE: 9}, fingerprints=fingerprints
        )
    ]

    def lower(payload: bytes) -> int:
        digest = hashlib.md5(payload, usedforsecurity=False).hexdigest()
        return int(digest[16:], 16)

    assert rows[0] == {
        "SLICE_ID": "me/1",
        "PIPELINE": "caves",
        "CLUSTER_ID": "c",
        "TOPIC_ID": "t",
        "TOPIC": "wine.orders",
        "KAFKA_PARTITION": 3,
        "FROM_OFFSET": 0,
        "TO_OFFSET": 4,
        "ROW_COUNT": 3,
        "DEAD_COUNT": 1,
        "PAYLOAD_BYTES": 3 + 3 + 2 + 2,
        "PAYLOAD_FINGERPRINT": lower(b"abc") + 2 * lower(b"{}")
        if fingerprints
        else None,
        "EPOCH": 8,
    }
    assert [(row["KAFKA_PARTITION"], row["EPOCH"]) for row in rows] == [(3, 8), (4, 9)]
