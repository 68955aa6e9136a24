"""The columns as deployed: the contract between the DDL and whoever writes."""

import pytest
from snowflake.connector import SnowflakeConnection

from winestream.operations.columns import deployed_columns
from winestream.operations.deploy import deploy

LOG = {
    "CLUSTER_ID": "TEXT",
    "TOPIC_ID": "TEXT",
    "TOPIC": "TEXT",
    "KAFKA_PARTITION": "NUMBER",
}
RAW_SHAPE = {
    "EVENT_ID": "TEXT",
    "EVENT_TYPE": "TEXT",
    "OCCURRED_AT": "TIMESTAMP_NTZ",
    "SCHEMA_VERSION": "NUMBER",
    **LOG,
    "KAFKA_OFFSET": "NUMBER",
    "MESSAGE_KEY": "BINARY",
    "MESSAGE_TIMESTAMP": "TIMESTAMP_NTZ",
    "SLICE_ID": "TEXT",
    "LOADED_AT": "TIMESTAMP_NTZ",
    "PAYLOAD": "TEXT",
}
DEAD_LETTERS = {
    "VALUE": "BINARY",
    "MESSAGE_KEY": "BINARY",
    "HEADERS": "BINARY",
    "REASON": "TEXT",
    "ERROR_PATH": "TEXT",
    **LOG,
    "KAFKA_OFFSET": "NUMBER",
    "MESSAGE_TIMESTAMP": "TIMESTAMP_NTZ",
    "SLICE_ID": "TEXT",
    "LOADED_AT": "TIMESTAMP_NTZ",
}
OPS = {
    "INGEST_CURSOR": {
        "PIPELINE": "TEXT",
        **LOG,
        "FIRST_OFFSET": "NUMBER",
        "NEXT_OFFSET": "NUMBER",
        "EPOCH": "NUMBER",
        "OWNER": "TEXT",
        "UPDATED_AT": "TIMESTAMP_NTZ",
    },
    "INGEST_LEDGER": {
        "SLICE_ID": "TEXT",
        "PIPELINE": "TEXT",
        **LOG,
        "FROM_OFFSET": "NUMBER",
        "TO_OFFSET": "NUMBER",
        "ROW_COUNT": "NUMBER",
        "DEAD_COUNT": "NUMBER",
        "PAYLOAD_BYTES": "NUMBER",
        "PAYLOAD_FINGERPRINT": "NUMBER",
        "EPOCH": "NUMBER",
        "COMMITTED_AT": "TIMESTAMP_NTZ",
    },
    "INGEST_GAPS": {
        "SLICE_ID": "TEXT",
        **LOG,
        "FROM_OFFSET": "NUMBER",
        "TO_OFFSET": "NUMBER",
        "REASON": "TEXT",
    },
    "INGEST_TABLES": {"PIPELINE": "TEXT", "TABLE_NAME": "TEXT"},
    "DEPLOY_HISTORY": {
        "VERSION": "NUMBER",
        "NAME": "TEXT",
        "CHECKSUM": "TEXT",
        "APPLIED_AT": "TIMESTAMP_NTZ",
        "APPLIED_BY": "TEXT",
    },
    "DEPLOY_REPEATABLES": {
        "NAME": "TEXT",
        "CHECKSUM": "TEXT",
        "APPLIED_AT": "TIMESTAMP_NTZ",
        "APPLIED_BY": "TEXT",
    },
}


@pytest.fixture
def deployed(connection: SnowflakeConnection) -> SnowflakeConnection:
    """Deploy and return the connection."""
    deploy(connection)
    return connection


def _in_order(columns: object) -> object:
    """Make the order of columns count: equal dicts may differ in it."""
    assert isinstance(columns, dict)
    return {table: list(types.items()) for table, types in columns.items()}


def test_every_raw_table_has_the_one_shape(deployed: SnowflakeConnection) -> None:
    """Names, order and types are the same for every table of rows."""
    wanted = dict.fromkeys(["RAW_EVENTS", "RAW_INVENTORY", "RAW_ORDERS"], RAW_SHAPE)
    wanted["DEAD_LETTERS"] = DEAD_LETTERS
    assert _in_order(deployed_columns(deployed, "raw")) == _in_order(wanted)


def test_the_protocols_tables_are_as_designed(deployed: SnowflakeConnection) -> None:
    """Cursor, ledger, gaps and tables hold what the delivery protocol names."""
    assert _in_order(deployed_columns(deployed, "OPS")) == _in_order(OPS)


def test_a_schema_that_is_not_there_has_no_columns(
    connection: SnowflakeConnection,
) -> None:
    """Before deploy nothing is found, and nothing raised."""
    assert deployed_columns(connection, "RAW") == {}


def test_any_offset_key_and_time_fits(deployed: SnowflakeConnection) -> None:
    """64-bit offsets, key bytes, micro- and milliseconds and any text come back."""
    cursor = deployed.cursor()
    cursor.execute(
        "INSERT INTO RAW.RAW_ORDERS (EVENT_ID, EVENT_TYPE, OCCURRED_AT, "
        "SCHEMA_VERSION, CLUSTER_ID, TOPIC_ID, TOPIC, KAFKA_PARTITION, KAFKA_OFFSET, "
        "MESSAGE_KEY, MESSAGE_TIMESTAMP, SLICE_ID, PAYLOAD) SELECT 'e', 'T', "
        "'2026-11-23 07:00:00.123456'::TIMESTAMP_NTZ, 9223372036854775807, 'c', 't', "
        "'wine.orders', 2147483647, 9223372036854775807, TO_BINARY('00FF', 'HEX'), "
        "'2026-11-23 07:00:00.123'::TIMESTAMP_NTZ, 's', '{\"é\": 1.10}'"
    )
    cursor.execute(
        "SELECT SCHEMA_VERSION, KAFKA_PARTITION, KAFKA_OFFSET, MESSAGE_KEY, "
        "TO_CHAR(OCCURRED_AT, 'YYYY-MM-DD HH24:MI:SS.FF6'), PAYLOAD, "
        "ABS(DATEDIFF('second', LOADED_AT, SYSDATE())) < 60 FROM RAW.RAW_ORDERS"
    )
    assert cursor.fetchall() == [
        (
            2**63 - 1,
            2**31 - 1,
            2**63 - 1,
            b"\x00\xff",
            "2026-11-23 07:00:00.123456",
            '{"é": 1.10}',
            True,
        )
    ]
