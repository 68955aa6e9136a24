"""`winestream rewind`: deliver, set back, deliver again, and nothing is off."""

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import snowflake.connector
from confluent_kafka import Producer

from full_stack.catalogue import load_catalogue
from full_stack.shop import Shop
from full_stack.wiring import routes
from winestream import BatchingSink, BatchPolicy
from winestream.cli import app
from winestream.errors import ConfigurationError
from winestream.kafka.admin import Admin
from winestream.kafka.identity import Identities
from winestream.local import EmbeddedBroker, EmbeddedWarehouse
from winestream.operations.audit import audit
from winestream.operations.rewind import Rewind, Wish
from winestream.records import LogPartition
from winestream.snowflake import ConnectionSettings, SnowflakeWriter
from winestream.snowflake.session import Session
from winestream.testing import MemorySource

# Tests are no package: what they share is found by its folder.
sys.path.append(str(Path(__file__).parent))

from audit_world import ORDERS, PIPELINE, World, segment

pytestmark = pytest.mark.timeout(120)

MAIN = "from winestream.cli import main; main()"
COMMAND = (sys.executable, "-W", "error", "-c", MAIN, "rewind")
MONDAY = datetime(2025, 1, 6, tzinfo=UTC)
HERE = LogPartition("memory", "memory", "events", 0)
STAGED = ("STAGING_ORDERS", "STAGING_ORDER_LINES", "STAGING_INVENTORY")


@pytest.fixture(scope="module")
def warehouse() -> Iterator[EmbeddedWarehouse]:
    """One warehouse; each world has a database of its own."""
    with EmbeddedWarehouse.start() as started:
        yield started


def _world(warehouse: EmbeddedWarehouse, name: str) -> World:
    world = World(warehouse, name)
    world.create()
    return world


def _signs_in(world: World) -> list[str]:
    """Return the options that sign in, and the pipeline."""
    given = {"host": "127.0.0.1", "port": world.warehouse.port, "account": "local"}
    given |= {"user": "winestream", "protocol": "http", "database": world.database}
    return [
        f"--{name}={value}" for name, value in {**given, "pipeline": PIPELINE}.items()
    ]


def _rewind(world: World, *arguments: str) -> tuple[int, list[str], str]:
    """Return exit code, stdout's lines, and stderr with its lines joined."""
    kept = {k: v for k, v in os.environ.items() if "WINESTREAM" not in k}
    done = subprocess.run(
        [*COMMAND, *_signs_in(world), *arguments],
        env=kept | {"WINESTREAM_SNOWFLAKE_PASSWORD": "local", "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    return done.returncode, done.stdout.splitlines(), " ".join(done.stderr.split())


def _ask(world: World, sql: str) -> list[Any]:
    with snowflake.connector.connect(
        **world.warehouse.connection, database=world.database
    ) as connection:
        return list(connection.cursor().execute(sql).fetchall())


def _cursor(world: World) -> tuple[Any, ...]:
    [row] = _ask(world, "SELECT NEXT_OFFSET, EPOCH, OWNER FROM OPS.INGEST_CURSOR")
    return tuple(row)


def _staging(world: World) -> list[list[Any]]:
    """Return what STAGING holds, but for when it came."""
    world.warehouse.run_tasks_until_idle()
    return [
        sorted(_ask(world, f"SELECT * EXCLUDE (STAGED_AT) FROM STAGING.{table}"))
        for table in STAGED
    ]


def _assert_clean(world: World) -> Any:
    with world.connect() as connection:
        report = audit(connection, PIPELINE)
    assert report.findings == []
    [part] = report.partitions
    return part


def _deliver(sink: BatchingSink) -> None:
    """Take turns until all that was sent is written."""
    for _ in range(2000):
        sink.step(timeout=0.01)
        [status] = sink.snapshot.partitions.values()
        if sink.snapshot.all_read and status.written == status.read and status.claimed:
            return
    raise AssertionError(f"not delivered: {sink.snapshot}")


def test_deliver_rewind_deliver_again(warehouse: EmbeddedWarehouse) -> None:
    """A running consumer reads it again; STAGING stays, the audit is clean."""
    world = _world(warehouse, "REWOUND")
    told = Shop(load_catalogue(), seed=3, start=MONDAY).publications()
    codec = routes()
    values = [codec.encode(each.event) for each in islice(told, 61)]
    source = MemorySource({HERE: []})
    source.append(HERE, *values[:30], b"broken", *values[30:60])
    settings = ConnectionSettings.of(warehouse.connection, database=world.database)
    sink = BatchingSink(
        source,
        codec,
        SnowflakeWriter(settings, pipeline=PIPELINE, fingerprints=True),
        pipeline=PIPELINE,
        batch=BatchPolicy(max_rows=20),
    )
    with sink:
        _deliver(sink)
        before = _staging(world)
        assert [len(rows) > 0 for rows in before] == [True, True, True]
        position, epoch, owner = _cursor(world)
        assert position == 61

        plan = ["--topic=events", "--to-offset=25"]
        code, lines, errors = _rewind(world, *plan)
        assert (code, lines[-1]) == (0, "nothing was changed: --yes does it"), errors
        assert "events[0]: from 61 back to 25, 36 offsets" in lines[0]
        assert _cursor(world) == (position, epoch, owner)

        code, lines, errors = _rewind(world, *plan, "--yes")
        assert code == 0, errors
        assert "1 cursors set back, 36 offsets are read again" in lines[-1]
        assert _cursor(world)[:2] == (25, epoch + 1)
        _assert_clean(world)  # nothing was read again yet, and nothing is off

        source.append(HERE, values[60])  # the next write is what notices
        for _ in range(2000):
            sink.step(timeout=0.01)
            if _cursor(world)[0] == 62:
                break
        assert _cursor(world) == (62, epoch + 2, owner)
    part = _assert_clean(world)
    assert (part.rows, part.dead_letters, part.cursor) == (61, 1, 62)
    [(twice,)] = _ask(
        world,
        "SELECT COUNT(*) FROM (SELECT KAFKA_OFFSET FROM RAW.RAW_ORDERS UNION ALL "
        "SELECT KAFKA_OFFSET FROM RAW.RAW_INVENTORY)",
    )
    assert twice > 61, "RAW keeps what was taken back"
    after = _staging(world)
    for held, now in zip(before, after, strict=True):
        assert [row for row in now if row in held] == held
    ids = [
        row[0] for (row) in _ask(world, "SELECT EVENT_ID FROM STAGING.STAGING_ORDERS")
    ]
    ids += [r[0] for r in _ask(world, "SELECT EVENT_ID FROM STAGING.STAGING_INVENTORY")]
    assert len(ids) == len(set(ids)) == 61


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--topic=wine.orders", "--to-offset=9"], "9 is before 10, where the cursor"),
        (["--topic=wine.orders", "--to-offset=40"], "no cursor is beyond that"),
        (["--topic=wine.rders", "--to-offset=20"], "has no cursor of a topic wine.rde"),
        (["--topic=wine.orders", "--to-offset=20", "--partition=7"], "there are 0, 1"),
        (["--topic=wine.orders"], "give one of --to-offset and --to-time"),
        (["--topic=wine.orders", "--to-time=2026-01-01"], "write a time with a zone"),
        (["--topic=wine.orders", "--to-time=2026-01-01T00:00:00Z"], "--bootstrap"),
        (["--topic=wine.orders", "--to-offset=-1"], "--to-offset -1 is none"),
        (["--topic=wine.orders", "--to-offset=20", "--dry-run"], "give one of them"),
    ],
)
def test_what_cannot_be_is_refused(
    refusing: World,
    arguments: list[str],
    says: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With the reason, and nothing is changed."""
    where = "OPS.INGEST_CURSOR ORDER BY TOPIC, KAFKA_PARTITION"
    before = _ask(refusing, f"SELECT * FROM {where}")
    monkeypatch.setenv("WINESTREAM_SNOWFLAKE_PASSWORD", "local")
    asked = ["rewind", *_signs_in(refusing), *arguments, "--yes"]
    with pytest.raises(ConfigurationError) as refused:
        app(asked, exit_on_error=False)
    assert says in str(refused.value)
    assert _ask(refusing, f"SELECT * FROM {where}") == before


@pytest.fixture(scope="module")
def refusing(warehouse: EmbeddedWarehouse) -> World:
    """Return a demo's warehouse that no test may change."""
    world = _world(warehouse, "REFUSING")
    world.write_demo()
    return world


def test_partitions_that_are_not_beyond_it_stay(warehouse: EmbeddedWarehouse) -> None:
    """Of two cursors, at 40 and at 15, one goes back to 20."""
    world = _world(warehouse, "STAYING")
    world.write_demo()
    code, lines, errors = _rewind(
        world, "--topic=wine.orders", "--to-offset=20", "--yes"
    )
    assert code == 0, errors
    assert "wine.orders[0]: from 40 back to 20" in lines[0]
    assert "wine.orders[1]: stays at 15" in lines[1]
    found = _ask(
        world,
        "SELECT FROM_OFFSET, TO_OFFSET, ROW_COUNT, EPOCH FROM OPS.INGEST_LEDGER "
        "WHERE FROM_OFFSET > TO_OFFSET",
    )
    assert found == [(40, 20, 0, 3)]


def _settings(world: World) -> ConnectionSettings:
    return ConnectionSettings.of(world.warehouse.connection, database=world.database)


def test_it_waits_for_a_sink_in_its_way(warehouse: EmbeddedWarehouse) -> None:
    """A lock that somebody holds for a moment is tried again."""
    world = _world(warehouse, "BUSY")
    world.write("one", [segment(ORDERS, 10, 30)])
    pauses: list[float] = []
    with world.connect(autocommit=False) as rival:
        rival.cursor().execute("UPDATE OPS.INGEST_CURSOR SET OWNER = OWNER")

        def give_way(seconds: float) -> None:
            pauses.append(seconds)
            rival.rollback()

        with Rewind(_settings(world), PIPELINE, pause=give_way) as rewind:
            rewind.apply(rewind.plan(Wish(topic="wine.orders", to=20)))
    assert pauses
    assert _cursor(world)[:2] == (20, 2)


def test_a_lost_answer_does_not_rewind_twice(
    warehouse: EmbeddedWarehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It looks whether it happened before it tries again."""
    world = _world(warehouse, "UNKNOWN")
    world.write("one", [segment(ORDERS, 10, 30)])
    execute, commits = Session._execute, []

    def lose_the_first(self: Session, sql: str, values: Any) -> Any:
        rows = execute(self, sql, values)
        if sql == "COMMIT":
            commits.append(sql)
            if len(commits) == 1:
                raise ConnectionResetError
        return rows

    monkeypatch.setattr(Session, "_execute", lose_the_first)
    with Rewind(_settings(world), PIPELINE, pause=lambda _: None) as rewind:
        done = rewind.apply(rewind.plan(Wish(topic="wine.orders", to=20)))
    assert done.again == 10
    assert _cursor(world)[:2] == (20, 2)
    [(rows,)] = _ask(
        world, f"SELECT COUNT(*) FROM OPS.INGEST_LEDGER WHERE SLICE_ID = '{done.note}'"
    )
    assert rows == 1


# ----------------------------------------------------------------------- with a broker


@pytest.fixture(scope="module")
def broker() -> Iterator[EmbeddedBroker]:
    """Give a broker with one topic of 30 messages in one partition."""
    with EmbeddedBroker.start({"wine.orders": 1}) as started:
        producer = Producer({"bootstrap.servers": started.bootstrap, "linger.ms": 5})
        for number in range(30):
            producer.produce("wine.orders", b"%d" % number, partition=0)
        assert producer.flush(20) == 0
        yield started


def test_a_broker_says_that_the_log_holds_it(
    warehouse: EmbeddedWarehouse, broker: EmbeddedBroker
) -> None:
    """Then nothing is left unchecked."""
    world = _world(warehouse, "BESIDE_A_BROKER")
    identities = Identities(Admin({"bootstrap.servers": broker.bootstrap}), 60.0)
    identities.ask(["wine.orders"])
    found: Any = {}
    while not found:
        found = identities.answers([])
    log = LogPartition(*found["wine.orders"], "wine.orders", 0)
    world.write("one", [segment(log, 10, 30)])
    where = ["--topic=wine.orders", "--to-offset=17"]
    code, lines, errors = _rewind(world, *where, f"--bootstrap={broker.bootstrap}")
    assert code == 0, errors
    assert "wine.orders[0]: from 30 back to 17, 13 offsets" in lines[0]
    assert lines[1:] == ["nothing was changed: --yes does it"]


def test_another_cluster_is_no_place_to_read_again(
    refusing: World, broker: EmbeddedBroker
) -> None:
    """A log that the broker does not hold: an offset would mean nothing there."""
    where = ["--topic=wine.orders", "--to-offset=20", f"--bootstrap={broker.bootstrap}"]
    code, _, errors = _rewind(refusing, *where, "--yes")
    assert code == 1
    assert "this broker does not hold wine.orders[0], wine.orders[1]" in errors
