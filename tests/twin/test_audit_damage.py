"""`audit` against the embedded warehouse: it finds every planted defect, no other.

Each defect is planted in an open transaction, audited there, and rolled back.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from snowflake.connector import SnowflakeConnection

from winestream.local import EmbeddedWarehouse
from winestream.operations.audit import audit
from winestream.operations.audit_report import AuditReport, Check
from winestream.records import LogPartition

# Tests are no package: what they share is found by its folder.
sys.path.append(str(Path(__file__).parent))

from audit_world import MORE_ORDERS, ORDERS, PIPELINE, STOCK, World

pytestmark = pytest.mark.timeout(120)

AT = "TOPIC = 'wine.orders' AND KAFKA_PARTITION = 0 AND KAFKA_OFFSET = {}"
CURSOR = "OPS.INGEST_CURSOR"
LEDGER_TABLE = "OPS.INGEST_LEDGER"
P0 = "TOPIC = 'wine.orders' AND KAFKA_PARTITION = 0"
Found = tuple[Check, LogPartition, int, int]
COVERAGE, LEDGER, CONTENT, STRAY = (
    Check.COVERAGE,
    Check.LEDGER,
    Check.CONTENT,
    Check.STRAY,
)


def again(table: str, where: str) -> str:
    """Return the statement that inserts rows once more."""
    return f"INSERT INTO {table} SELECT * FROM {table} WHERE {where}"


DEFECTS: dict[str, tuple[str, set[Found]]] = {
    "a row deleted": (
        f"DELETE FROM RAW.RAW_ORDERS WHERE {AT.format(27)}",
        {(COVERAGE, ORDERS, 27, 28), (CONTENT, ORDERS, 20, 30)},
    ),
    "the last row deleted": (
        f"DELETE FROM RAW.RAW_ORDERS WHERE {AT.format(39)}",
        {(COVERAGE, ORDERS, 39, 40), (CONTENT, ORDERS, 30, 40)},
    ),
    "the first row deleted": (
        f"DELETE FROM RAW.RAW_ORDERS WHERE {AT.format(10)}",
        {(COVERAGE, ORDERS, 10, 11), (CONTENT, ORDERS, 10, 20)},
    ),
    "a row of the table for unknown types deleted": (
        f"DELETE FROM RAW.RAW_EVENTS WHERE {AT.format(17)}",
        {(COVERAGE, ORDERS, 17, 18), (CONTENT, ORDERS, 10, 20)},
    ),
    "a row doubled": (
        again("RAW.RAW_ORDERS", AT.format(31)),
        {(COVERAGE, ORDERS, 31, 32), (CONTENT, ORDERS, 30, 40)},
    ),
    "a slice loaded twice": (
        again("RAW.RAW_ORDERS", "SLICE_ID = 'two/0'"),
        {(COVERAGE, ORDERS, 30, 40), (CONTENT, ORDERS, 30, 40)},
    ),
    "a row altered": (
        f"UPDATE RAW.RAW_ORDERS SET PAYLOAD = '{{}}' WHERE {AT.format(12)}",
        {(CONTENT, ORDERS, 10, 20)},
    ),
    "a row altered at equal length": (
        (
            "UPDATE RAW.RAW_ORDERS SET PAYLOAD = REPLACE(PAYLOAD, 'wine\"', 'wind\"') "
            f"WHERE {AT.format(12)}"
        ),
        {(CONTENT, ORDERS, 10, 20)},
    ),
    "a row moved to a neighbour's offset": (
        f"UPDATE RAW.RAW_ORDERS SET KAFKA_OFFSET = 36 WHERE {AT.format(33)}",
        {(COVERAGE, ORDERS, 33, 34), (COVERAGE, ORDERS, 36, 37)},
    ),
    "a row moved beyond the cursor": (
        f"UPDATE RAW.RAW_ORDERS SET KAFKA_OFFSET = 90 WHERE {AT.format(39)}",
        {
            (COVERAGE, ORDERS, 39, 90),
            (COVERAGE, ORDERS, 40, 91),
            (CONTENT, ORDERS, 30, 40),
        },
    ),
    "a row moved to another partition": (
        f"UPDATE RAW.RAW_ORDERS SET KAFKA_PARTITION = 1 WHERE {AT.format(26)}",
        {
            (COVERAGE, ORDERS, 26, 27),
            (CONTENT, ORDERS, 20, 30),
            (STRAY, MORE_ORDERS, 26, 27),
        },
    ),
    "a row given to another slice": (
        f"UPDATE RAW.RAW_ORDERS SET SLICE_ID = 'one/0' WHERE {AT.format(26)}",
        {(CONTENT, ORDERS, 20, 30), (CONTENT, ORDERS, 10, 20)},
    ),
    "a cursor moved forward": (
        f"UPDATE {CURSOR} SET NEXT_OFFSET = 45 WHERE {P0}",
        {(COVERAGE, ORDERS, 40, 45), (LEDGER, ORDERS, 40, 45)},
    ),
    "a cursor moved back": (
        f"UPDATE {CURSOR} SET NEXT_OFFSET = 35 WHERE {P0}",
        {(COVERAGE, ORDERS, 35, 40), (LEDGER, ORDERS, 35, 40)},
    ),
    "a cursor's birth moved": (
        f"UPDATE {CURSOR} SET FIRST_OFFSET = 5 WHERE {P0}",
        {(COVERAGE, ORDERS, 5, 10), (LEDGER, ORDERS, 5, 10)},
    ),
    "a cursor row deleted": (
        f"DELETE FROM {CURSOR} WHERE {P0}",
        {(Check.CURSOR, ORDERS, 0, 0)},
    ),
    "a cursor row doubled": (again(CURSOR, P0), {(Check.CURSOR, ORDERS, 40, 40)}),
    "a cursor with an old epoch": (
        f"UPDATE {CURSOR} SET EPOCH = 1 WHERE {P0}",
        {(Check.CURSOR, ORDERS, 0, 0)},
    ),
    "a ledger row removed": (
        f"DELETE FROM OPS.INGEST_LEDGER WHERE SLICE_ID = 'one/1' AND {P0}",
        {
            (LEDGER, ORDERS, 20, 30),
            (COVERAGE, ORDERS, 20, 30),
            (STRAY, ORDERS, 20, 30),
        },
    ),
    "the last ledger row removed": (
        f"DELETE FROM OPS.INGEST_LEDGER WHERE SLICE_ID = 'two/0' AND {P0}",
        {
            (LEDGER, ORDERS, 30, 40),
            (COVERAGE, ORDERS, 30, 40),
            (STRAY, ORDERS, 30, 40),
        },
    ),
    "every ledger row of a log removed": (
        "DELETE FROM OPS.INGEST_LEDGER WHERE TOPIC = 'wine.inventory'",
        {
            (LEDGER, STOCK, 10, 20),
            (COVERAGE, STOCK, 10, 20),
            (STRAY, STOCK, 10, 14),
            (STRAY, STOCK, 14, 20),
        },
    ),
    "a ledger row doubled": (
        again("OPS.INGEST_LEDGER", f"SLICE_ID = 'one/1' AND {P0}"),
        {(CONTENT, ORDERS, 20, 30)},
    ),
    "a ledger row stretched": (
        f"UPDATE {LEDGER_TABLE} SET TO_OFFSET = 32 WHERE {P0} AND SLICE_ID = 'one/1'",
        {(LEDGER, ORDERS, 30, 32)},
    ),
    "a dead letter removed": (
        f"DELETE FROM RAW.DEAD_LETTERS WHERE {AT.format(13)}",
        {(COVERAGE, ORDERS, 13, 14), (CONTENT, ORDERS, 10, 20)},
    ),
    "a dead letter shortened": (
        f"UPDATE RAW.DEAD_LETTERS SET VALUE = NULL WHERE {AT.format(13)}",
        {(CONTENT, ORDERS, 10, 20)},
    ),
    "a dead letter doubled": (
        again("RAW.DEAD_LETTERS", AT.format(14)),
        {(COVERAGE, ORDERS, 14, 15), (CONTENT, ORDERS, 10, 20)},
    ),
    "a gap removed": (
        f"DELETE FROM OPS.INGEST_GAPS WHERE {P0}",
        {(COVERAGE, ORDERS, 22, 25)},
    ),
    "the gap at the end removed": (
        "DELETE FROM OPS.INGEST_GAPS WHERE TOPIC = 'wine.inventory'",
        {(COVERAGE, STOCK, 19, 20)},
    ),
    "a gap stretched over rows": (
        f"UPDATE OPS.INGEST_GAPS SET TO_OFFSET = 27 WHERE {P0}",
        {(COVERAGE, ORDERS, 25, 27)},
    ),
    "a row of no slice": (
        (
            "INSERT INTO RAW.RAW_EVENTS SELECT EVENT_ID, EVENT_TYPE, OCCURRED_AT, "
            "SCHEMA_VERSION, CLUSTER_ID, TOPIC_ID, TOPIC, KAFKA_PARTITION, 41, "
            "MESSAGE_KEY, MESSAGE_TIMESTAMP, 'nobody/1', LOADED_AT, PAYLOAD "
            "FROM RAW.RAW_ORDERS "
            f"WHERE {AT.format(39)}"
        ),
        {(STRAY, ORDERS, 41, 42)},
    ),
    "a gap of no slice": (
        (
            "INSERT INTO OPS.INGEST_GAPS SELECT 'nobody/2', CLUSTER_ID, TOPIC_ID, "
            f"TOPIC, KAFKA_PARTITION, 50, 60, REASON FROM OPS.INGEST_GAPS WHERE {P0}"
        ),
        {(STRAY, ORDERS, 50, 60)},
    ),
    "a table emptied": (
        "DELETE FROM RAW.RAW_INVENTORY",
        {
            (COVERAGE, STOCK, 10, 19),
            (CONTENT, STOCK, 10, 14),
            (CONTENT, STOCK, 14, 20),
        },
    ),
}


def found(report: AuditReport) -> set[Found]:
    """Return the coordinates of what is off."""
    return {
        (each.check, each.log, each.start, each.stop)
        for each in report.findings
        if each.log is not None
    }


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    """One warehouse for the module, written by the real writer."""
    with EmbeddedWarehouse.start() as started:
        made = World(started, "AUDITED")
        made.create()
        made.write_demo()
        yield made


@pytest.fixture
def connection(world: World) -> Iterator[SnowflakeConnection]:
    """Give a session whose changes are rolled back."""
    opened = world.connect(autocommit=False)
    opened.cursor().execute("BEGIN")
    yield opened
    opened.rollback()
    opened.close()


def test_a_sound_warehouse_is_clean(connection: SnowflakeConnection) -> None:
    """Nothing is off in what the writer wrote, and the counts are its own."""
    report = audit(connection, PIPELINE)
    assert report.findings == []
    assert report.ok
    counts = {
        part.log: (part.first, part.cursor, part.rows, part.dead_letters, part.gaps)
        for part in report.partitions
    }
    assert counts == {
        ORDERS: (10, 40, 25, 2, 3),
        MORE_ORDERS: (10, 15, 5, 0, 0),
        STOCK: (10, 20, 9, 0, 1),
    }


@pytest.mark.parametrize("defect", DEFECTS)
def test_a_defect_is_found_with_its_coordinates(
    connection: SnowflakeConnection, defect: str
) -> None:
    """Each planted defect is named with the offsets it is about, and nothing else."""
    statement, expected = DEFECTS[defect]
    cursor = connection.cursor()
    cursor.execute(statement)
    affected = cursor.fetchall()[0][0]
    assert int(affected) > 0, "the defect was not planted"
    report = audit(connection, PIPELINE)
    assert not report.ok
    assert found(report) == expected, [str(each) for each in report.findings]


def test_a_thousand_defects_are_counted_and_some_are_listed(
    connection: SnowflakeConnection,
) -> None:
    """Coordinates are fetched up to a limit; what is beyond it still counts."""
    cursor = connection.cursor()
    cursor.execute(
        "INSERT INTO OPS.INGEST_GAPS SELECT 'stray/' || SEQ4(), 'cluster', "
        "'orders-id', "
        "'wine.orders', 0, 1, 2, 'jump' FROM TABLE(GENERATOR(ROWCOUNT => 1000))"
    )
    report = audit(connection, PIPELINE)
    assert len(report.findings) == 200
    assert report.offending == 1000
