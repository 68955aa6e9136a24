"""`audit` of warehouses with a past: rewinds, adopted ids, losses, neighbours."""

import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from threading import Event, Thread

import pytest

from winestream.local import EmbeddedWarehouse
from winestream.operations.audit import audit
from winestream.operations.audit_report import AuditReport, Check
from winestream.operations.deploy import register_tables
from winestream.records import UNKNOWN_TOPIC_ID, Gap, LogPartition, Slice, Want

# Tests are no package: what they share is found by its folder.
sys.path.append(str(Path(__file__).parent))

from audit_world import MORE_ORDERS, ORDERS, PIPELINE, World, segment

pytestmark = pytest.mark.timeout(120)

_numbers = count(1)


@pytest.fixture(scope="module")
def warehouse() -> Iterator[EmbeddedWarehouse]:
    """One warehouse; every test has a database of its own."""
    with EmbeddedWarehouse.start() as started:
        yield started


@pytest.fixture
def world(warehouse: EmbeddedWarehouse) -> World:
    """Deploy an empty database."""
    made = World(warehouse, f"PAST_{next(_numbers)}")
    made.create()
    return made


def audited(world: World, *, accept_loss: bool = False) -> AuditReport:
    """Audit in a new session."""
    with world.connect() as connection:
        return audit(connection, PIPELINE, accept_loss=accept_loss)


def execute(world: World, statement: str) -> None:
    """Do something to the warehouse."""
    with world.connect() as connection:
        connection.cursor().execute(statement)


def texts(report: AuditReport) -> list[str]:
    """Return the findings in words."""
    return [str(each) for each in report.findings]


def test_nothing_written_is_nothing_off(world: World) -> None:
    """A pipeline that never ran is clean and has no partitions."""
    report = audited(world)
    assert (report.ok, report.partitions) == (True, [])


def test_without_fingerprints_the_report_says_so(world: World) -> None:
    """A row altered at equal length then goes unnoticed, which is said."""
    world.write_demo(fingerprints=False)
    assert "equal length" in audited(world).not_made["fingerprints"]
    execute(
        world,
        "UPDATE RAW.RAW_ORDERS SET PAYLOAD = REPLACE(PAYLOAD, 'wine\"', 'wind\"')",
    )
    assert audited(world).ok
    execute(world, "UPDATE RAW.RAW_ORDERS SET PAYLOAD = PAYLOAD || ' '")
    assert {each.check for each in audited(world).findings} == {Check.CONTENT}


@pytest.mark.parametrize("deleted", [False, True], ids=["kept", "deleted"])
@pytest.mark.parametrize("position", [10, 24, 30, 37])
def test_a_rewind_is_honoured(world: World, position: int, *, deleted: bool) -> None:
    """Rows a rewind took back do not count, deleted or not; what is read again does."""
    world.write_demo()
    world.rewind(ORDERS, position)
    if deleted:
        for table in ("RAW_ORDERS", "RAW_EVENTS", "DEAD_LETTERS"):
            where = f"KAFKA_PARTITION = 0 AND KAFKA_OFFSET >= {position}"
            execute(
                world,
                f"DELETE FROM RAW.{table} WHERE TOPIC = 'wine.orders' AND {where}",
            )
    assert texts(audited(world)) == []
    again = segment(ORDERS, position, 50)
    world.write("three", [again])
    report = audited(world)
    assert texts(report) == []
    part = next(part for part in report.partitions if part.log == ORDERS)
    assert (part.first, part.cursor) == (10, 50)
    assert part.rows + part.dead_letters + part.gaps == 40
    execute(
        world,
        "DELETE FROM RAW.RAW_ORDERS WHERE KAFKA_OFFSET = 45 AND SLICE_ID = 'three/0'",
    )
    assert not audited(world).ok


def test_two_rewinds(world: World) -> None:
    """The lowest later rewind counts, whatever was read between them."""
    world.write("one", [segment(ORDERS, 10, 40)])
    world.rewind(ORDERS, 30)
    world.write("two", [segment(ORDERS, 30, 50)])
    world.rewind(ORDERS, 20)
    world.write("three", [segment(ORDERS, 20, 25)], [segment(ORDERS, 25, 60)])
    report = audited(world)
    assert texts(report) == []
    assert report.partitions[0].rows == 50


def test_a_cursor_moved_back_without_a_ledger_row_is_no_rewind(world: World) -> None:
    """Re-reading after a cursor was moved by hand shows as doubled."""
    world.write("one", [segment(ORDERS, 10, 40)])
    execute(world, "UPDATE OPS.INGEST_CURSOR SET NEXT_OFFSET = 30")
    world.write("two", [segment(ORDERS, 30, 40)])
    assert {each.check for each in audited(world).findings} == {
        Check.LEDGER,
        Check.COVERAGE,
    }


def test_an_adopted_topic_id(world: World) -> None:
    """What was written before the broker named a topic id counts for the same log."""
    unknown = ORDERS._replace(topic_id=UNKNOWN_TOPIC_ID)
    world.write(
        "one", [segment(unknown, 10, 20, dead=[12], gaps=[Gap(15, 16, "jump")])]
    )
    assert texts(audited(world)) == []
    world.write("two", [segment(ORDERS, 20, 30)])
    report = audited(world)
    assert texts(report) == []
    [part] = report.partitions
    assert (part.log, part.rows, part.dead_letters, part.gaps) == (ORDERS, 18, 1, 1)
    execute(world, "DELETE FROM RAW.RAW_ORDERS WHERE KAFKA_OFFSET = 11")
    assert any("offset 11: missing" in text for text in texts(audited(world)))


def test_a_topic_made_again(world: World) -> None:
    """Two logs of one name are two partitions of the report, each with its cursor."""
    world.write("one", [segment(ORDERS, 10, 20)])
    world.write("two", [segment(ORDERS._replace(topic_id="made-again"), 10, 13)])
    report = audited(world)
    assert texts(report) == []
    assert [(p.log.topic_id, p.rows) for p in report.partitions] == [
        ("made-again", 3),
        ("orders-id", 10),
    ]


def test_retention_is_loss(world: World) -> None:
    """A recorded loss is off, with its offsets, until somebody accepts it."""
    world.write("one", [segment(ORDERS, 10, 40, gaps=[Gap(12, 32, "retention")])])
    report = audited(world)
    assert (report.ok, report.lost) == (False, 20)
    assert texts(report) == [
        (
            "retention: wine.orders[0] offsets 12 to 31: lost: deleted from the log "
            "before they were read (slice one/0)"
        )
    ]
    accepted = audited(world, accept_loss=True)
    assert (accepted.ok, accepted.lost) == (True, 20)
    assert [str(each) for each in accepted.accepted] == texts(report)


def test_neighbours_share_tables(world: World) -> None:
    """Another pipeline's rows and dead letters in the same tables are not ours."""
    with world.connect() as connection:
        register_tables(connection, "other", ["RAW_ORDERS"])
    world.write_demo()
    world.write("other", [segment(ORDERS, 10, 25, dead=[11, 13])], pipeline="other")
    assert texts(audited(world)) == []
    with world.connect() as connection:
        report = audit(connection, "other")
    assert texts(report) == []
    assert (report.partitions[0].rows, report.partitions[0].dead_letters) == (13, 2)


def test_a_running_pipeline_raises_no_false_alarm(world: World) -> None:
    """Every question sees one state, so slices may land while an audit is made."""
    logs: list[LogPartition] = [ORDERS, MORE_ORDERS]
    writer = world.writer()
    writer.open()
    claimed = writer.claim("busy", {log: Want(10) for log in logs})
    epochs = {log: cursor.epoch for log, cursor in claimed.items()}
    done = Event()
    written = []

    def write() -> None:
        for number in range(1000):
            if done.is_set():
                break
            start = 10 + 5 * number
            parts = [segment(log, start, start + 5, dead=[start + 1]) for log in logs]
            writer.write(Slice(f"busy/{number}", tuple(parts)), epochs)
            written.append(number)
        writer.close()

    thread = Thread(target=write)
    thread.start()
    try:
        reports = [audited(world) for _ in range(4)]
    finally:
        done.set()
        thread.join(60)
    assert [texts(report) for report in reports] == [[]] * 4
    assert len(written) > 3
    assert audited(world).partitions[0].cursor == 10 + 5 * len(written)
