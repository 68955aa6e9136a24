"""The columns as the writer fills them, held against those that deploy makes."""

from collections.abc import Iterator

import pyarrow as pa
import pytest
import snowflake.connector
from snowflake.connector import SnowflakeConnection

from winestream.local import EmbeddedWarehouse
from winestream.operations.columns import deployed_columns
from winestream.operations.deploy import deploy
from winestream.snowflake import columns

TYPES = {
    pa.string(): "TEXT",
    pa.binary(): "BINARY",
    pa.int32(): "NUMBER",
    pa.int64(): "NUMBER",
    pa.timestamp("us"): "TIMESTAMP_NTZ",
    pa.timestamp("ms"): "TIMESTAMP_NTZ",
}
BY_THE_SERVER = {
    "INGEST_LEDGER": {"COMMITTED_AT"},
    "INGEST_CURSOR": {"UPDATED_AT"},
}
"""Columns that a default or the statement itself fills."""


@pytest.fixture(scope="module")
def deployed(warehouse: EmbeddedWarehouse) -> Iterator[SnowflakeConnection]:
    """Deploy into a database of this module's own."""
    with snowflake.connector.connect(
        **warehouse.connection, database="WRITER_COLUMNS"
    ) as connection:
        deploy(connection)
        yield connection


@pytest.mark.parametrize(
    ("schema", "table", "written"),
    [
        ("RAW", "RAW_ORDERS", columns.RAW_SCHEMA),
        ("RAW", "RAW_INVENTORY", columns.RAW_SCHEMA),
        ("RAW", "RAW_EVENTS", columns.RAW_SCHEMA),
        ("RAW", "DEAD_LETTERS", columns.DEAD_LETTER_SCHEMA),
        ("OPS", "INGEST_GAPS", columns.GAP_SCHEMA),
    ],
)
def test_files_have_the_tables_columns(
    deployed: SnowflakeConnection, schema: str, table: str, written: pa.Schema
) -> None:
    """COPY matches by name, and fills what a file lacks with NULL, silently."""
    found = deployed_columns(deployed, schema)[table]
    assert found == {field.name: TYPES[field.type] for field in written}


@pytest.mark.parametrize(
    ("schema", "table", "written"),
    [
        ("RAW", "RAW_ORDERS", columns.RAW_SCHEMA),
        ("RAW", "DEAD_LETTERS", columns.DEAD_LETTER_SCHEMA),
        ("OPS", "INGEST_GAPS", columns.GAP_SCHEMA),
    ],
)
def test_what_may_be_null_is_so_on_both_sides(
    deployed: SnowflakeConnection, schema: str, table: str, written: pa.Schema
) -> None:
    """A column the writer may leave empty is never NOT NULL in the table."""
    cursor = deployed.cursor()
    cursor.execute(
        "SELECT COLUMN_NAME, IS_NULLABLE FROM INFORMATION_SCHEMA.COLUMNS "
        f"WHERE TABLE_SCHEMA = '{schema}' AND TABLE_NAME = '{table}'"
    )
    found = {name: nullable == "YES" for name, nullable in cursor.fetchall()}
    assert found == {field.name: field.nullable for field in written}


@pytest.mark.parametrize(
    ("table", "written"),
    [
        ("INGEST_LEDGER", columns.LEDGER_COLUMNS),
        ("INGEST_CURSOR", columns.CURSOR_COLUMNS),
    ],
)
def test_statements_name_every_column(
    deployed: SnowflakeConnection, table: str, written: tuple[str, ...]
) -> None:
    """All but those that the server fills."""
    found = deployed_columns(deployed, "OPS")[table]
    assert set(found) == {*written, *BY_THE_SERVER[table]}
    assert len(written) == len(set(written))
