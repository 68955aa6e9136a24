"""`winestream audit` as a user runs it, with a broker and without."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import attrs
import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from winestream.errors import SourceError
from winestream.kafka.admin import Admin
from winestream.kafka.identity import Identities
from winestream.local import EmbeddedBroker, EmbeddedWarehouse
from winestream.operations.audit import NoCommitsError, audit
from winestream.operations.audit_broker import KafkaBroker
from winestream.operations.deploy import register_tables
from winestream.records import LogPartition

# Tests are no package: what they share is found by its folder.
sys.path.append(str(Path(__file__).parent))

from audit_world import PIPELINE, TABLES, World, segment

pytestmark = pytest.mark.timeout(120)

MAIN = "from winestream.cli import main; main()"
GROUP = "winestream-consumer"


def run(*arguments: str) -> tuple[int, list[str], str]:
    """Return exit code, lines of stdout, and stderr with its lines joined."""
    kept = {k: v for k, v in os.environ.items() if "WINESTREAM" not in k}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", MAIN, "audit", *arguments],
        env=kept | {"WINESTREAM_SNOWFLAKE_PASSWORD": "local", "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    return done.returncode, done.stdout.splitlines(), " ".join(done.stderr.split())


def options(world: World, pipeline: str = PIPELINE) -> list[str]:
    """Return the options that sign in to the embedded warehouse."""
    given = {
        "host": "127.0.0.1",
        "port": str(world.warehouse.port),
        "protocol": "http",
        "account": "local",
        "user": "winestream",
        "database": world.database,
        "pipeline": pipeline,
    }
    return [part for name, value in given.items() for part in (f"--{name}", value)]


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    """One demo warehouse; a test that damages it mends it."""
    with EmbeddedWarehouse.start() as started:
        made = World(started, "AUDITED")
        made.create()
        made.write_demo()
        yield made


def execute(world: World, statement: str) -> None:
    """Do something to the warehouse."""
    with world.connect() as connection:
        connection.cursor().execute(statement)


def test_a_clean_audit(world: World, tmp_path: Path) -> None:
    """Exit code 0, a table, what was not checked, and the verdict as the last line."""
    metrics = tmp_path / "audit.prom"
    code, lines, errors = run(*options(world), "--metrics-file", str(metrics))
    assert (code, errors) == (0, "")
    assert any("wine.orders[0]" in line and "40" in line for line in lines)
    assert "not checked: kafka: no broker was named" in lines
    assert lines[-1] == "caves-albert: nothing is off: 39 rows, 2 dead letters, 0 lost"
    assert 'audit_ok{pipeline="caves-albert"} 1.0' in metrics.read_text()


def test_damage_is_exit_code_1_with_coordinates(world: World, tmp_path: Path) -> None:
    """In words and as JSON, and the gauge says no; mended, it is clean again."""
    execute(
        world,
        "UPDATE OPS.INGEST_CURSOR SET NEXT_OFFSET = 17 WHERE TOPIC_ID = 'stock-id'",
    )
    metrics = tmp_path / "audit.prom"
    try:
        code, lines, errors = run(*options(world))
        as_json = run(*options(world), "--json", "--metrics-file", str(metrics))
    finally:
        execute(
            world,
            "UPDATE OPS.INGEST_CURSOR SET NEXT_OFFSET = 20 WHERE TOPIC_ID = 'stock-id'",
        )
    assert (code, errors) == (1, "")
    beyond = "wine.inventory[0] offsets 17 to 19: beyond the cursor"
    assert f"OFF coverage: {beyond}" in lines
    assert f"OFF ledger: {beyond}" in lines
    assert lines[-1].startswith("caves-albert: 2 OFF")
    assert as_json[0] == 1
    report = json.loads(as_json[1][-1])
    assert (report["ok"], report["offending"]) == (False, 2)
    assert report["findings"][0] == {
        "cluster_id": "cluster",
        "topic_id": "stock-id",
        "topic": "wine.inventory",
        "partition": 0,
        "check": "ledger",
        "from": 17,
        "to": 20,
        "slice_id": None,
        "detail": "beyond the cursor",
    }
    assert 'audit_ok{pipeline="caves-albert"} 0.0' in metrics.read_text()
    assert run(*options(world))[0] == 0


@pytest.mark.parametrize(
    ("extra", "says"),
    [
        (["--pipeline", "nobody"], "no table of a pipeline 'nobody'"),
        (["--bootstrap", "127.0.0.1:9"], "--bootstrap and --group go together"),
        (
            ["--bootstrap", "b:1", "--group", "g", "--kafka-properties", "/nowhere"],
            "--kafka-properties /nowhere: No such file",
        ),
        (["--database", "NOWHERE"], "auditing"),
        (["--metrics-port", "0"], "--metrics-port goes with --every"),
        (["--every", "soon"], "--every 'soon' is no duration"),
        (["--every", "0s"], "--every: a pause is at least 1s"),
    ],
)
def test_an_audit_that_cannot_be_made_is_exit_code_2(
    world: World, extra: list[str], says: str
) -> None:
    """Never 0, and never 1 either: nothing was found off, nothing was looked at."""
    given = options(world)
    for name, value in zip(extra[::2], extra[1::2], strict=True):
        if name in given:
            given[given.index(name) + 1] = value
        else:
            given += [name, value]
    code, lines, errors = run(*given)
    assert (code, lines) == (2, [])
    assert errors.startswith("winestream: ")
    assert says in errors


def test_a_forgotten_option_is_exit_code_2(world: World) -> None:
    """As any audit that was not made, and it says which."""
    code, _, errors = run(*options(world)[:-2])
    assert code == 2
    assert "pipeline" in errors


@contextmanager
def watching(world: World, *extra: str) -> Iterator[subprocess.Popen[str]]:
    """Start an audit that goes on; whatever happens, it is gone afterwards."""
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-c", MAIN, "audit", *options(world), *extra],
        env=os.environ | {"WINESTREAM_SNOWFLAKE_PASSWORD": "local"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def test_a_verdict_that_is_watched(world: World) -> None:
    """Served to Prometheus and told, audit after audit, until SIGTERM.

    What is damaged meanwhile the next audit says, and the exit code is the last one's.
    """
    with watching(world, "--every", "1s", "--metrics-port", "0") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        url = process.stderr.readline().split()[-1]

        def served() -> str:
            with urlopen(url) as answer:  # noqa: S310 — ours, on loopback
                return str(answer.read().decode())

        clean = "caves-albert: nothing is off: 39 rows, 2 dead letters, 0 lost\n"
        assert process.stdout.readline() == clean
        assert 'audit_ok{pipeline="caves-albert"} 1.0' in served()
        cursor = "UPDATE OPS.INGEST_CURSOR SET NEXT_OFFSET = {} WHERE TOPIC_ID = '{}'"
        execute(world, cursor.format(17, "stock-id"))
        try:
            while (line := process.stdout.readline()) == clean:
                pass
            while not line.startswith("caves-albert: "):
                assert "OFF" in line
                line = process.stdout.readline()
            assert 'audit_ok{pipeline="caves-albert"} 0.0' in served()
            assert 'audit_offending{pipeline="caves-albert"} 2.0' in served()
            process.terminate()
            assert process.wait(60) == 1
        finally:
            execute(world, cursor.format(20, "stock-id"))


def test_an_audit_that_fails_is_not_the_last(world: World, tmp_path: Path) -> None:
    """Nothing was deployed yet: counted and said, and the next one finds it there."""
    made = World(world.warehouse, "WATCHED")
    made.create()
    execute(made, "DELETE FROM OPS.INGEST_TABLES")
    metrics = tmp_path / "audit.prom"
    with watching(made, "--every", "1s", "--metrics-file", str(metrics)) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert "no table of a pipeline" in process.stderr.readline()
        made.write_demo()
        with made.connect() as connection:
            register_tables(connection, PIPELINE, TABLES)
        assert "nothing is off" in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
    text = metrics.read_text()
    assert 'audit_ok{pipeline="caves-albert"} 1.0' in text
    assert 'audit_failures_total{pipeline="caves-albert"} 0.0' not in text


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


def log_of(broker: EmbeddedBroker) -> LogPartition:
    """Return the log partition as the source would name it."""
    identities = Identities(Admin({"bootstrap.servers": broker.bootstrap}), 60.0)
    identities.ask(["wine.orders"])
    found: Any = {}
    while not found:
        found = identities.answers([])
    return LogPartition(*found["wine.orders"], "wine.orders", 0)


def commit(broker: EmbeddedBroker, offset: int) -> None:
    """Set the group's committed position."""
    consumer = Consumer(
        {"bootstrap.servers": broker.bootstrap, "group.id": GROUP}
        | {"enable.auto.commit": False}
    )
    part = TopicPartition("wine.orders", 0, offset)
    consumer.commit(offsets=[part], asynchronous=False)
    consumer.close()


def test_beside_kafka(world: World, broker: EmbeddedBroker) -> None:
    """Lag is watermark less cursor; a commit beyond the cursor is off."""
    made = World(world.warehouse, "BESIDE_KAFKA")
    made.create()
    log = log_of(broker)
    made.write("one", [segment(log, 10, 25)])

    def audited() -> Any:
        with (
            KafkaBroker(broker.bootstrap, GROUP) as kafka,
            made.connect() as connection,
        ):
            return audit(connection, PIPELINE, broker=kafka)

    commit(broker, 25)
    report = audited()
    assert (report.ok, report.not_made) == (True, {})
    [part] = report.partitions
    assert part.lag == 5
    assert part.kafka is not None
    assert (part.kafka.committed, part.kafka.high) == (25, 30)
    commit(broker, 26)
    [found] = audited().findings
    assert (found.check, found.start, found.stop) == ("kafka", 25, 26)
    code, lines, _ = run(
        *options(made), "--bootstrap", broker.bootstrap, "--group", GROUP
    )
    assert code == 1
    assert any("committed position 26 is beyond the cursor" in line for line in lines)
    commit(broker, 20)
    made.write("two", [segment(log, 25, 40)])
    [found] = audited().findings
    assert "ends at 30, before the cursor" in found.detail


def test_a_group_without_commits_is_refused(
    world: World, broker: EmbeddedBroker
) -> None:
    """A mistyped --group proves nothing: exit code 2, and what to do."""
    made = World(world.warehouse, "NO_COMMITS")
    made.create()
    log = log_of(broker)
    made.write("one", [segment(log, 10, 25)])
    commit(broker, 25)
    beside = ["--bootstrap", broker.bootstrap, "--group"]
    assert run(*options(made), *beside, GROUP)[0] == 0
    code, lines, errors = run(*options(made), *beside, "typo")
    assert (code, lines) == (2, [])
    assert "the consumer group has no commits in any log of the pipeline" in errors


@pytest.mark.parametrize(
    ("moved", "commits", "refused"),
    [
        ((True, True), {}, True),
        ((True, True), {1: 20}, False),
        ((False, False), {}, False),
    ],
)
def test_only_a_group_that_has_no_commits_at_all_is_refused(
    world: World,
    broker: EmbeddedBroker,
    moved: tuple[bool, bool],
    commits: dict[int, int],
    *,
    refused: bool,
) -> None:
    """One commit is enough, and where no cursor has moved there is nothing to commit.

    A log of another cluster or topic id is not the broker's, so it does not count.
    """
    log = log_of(broker)
    here = [log, log._replace(partition=1)]
    made = World(world.warehouse, f"COMMITS_{len(commits)}_{moved.count(True)}")
    made.create()
    for each, has_moved in zip(here, moved, strict=True):
        made.write(f"p{each.partition}", [segment(each, 10, 25)])
        if not has_moved:
            execute(made, "UPDATE OPS.INGEST_CURSOR SET NEXT_OFFSET = FIRST_OFFSET")
    elsewhere = LogPartition("another", "elsewhere-id", "wine.orders", 7)
    made.write("elsewhere", [segment(elsewhere, 10, 15)])
    kafka = FakeBroker({here[n]: offset for n, offset in commits.items()}, here)
    with made.connect() as connection:
        if not refused:
            assert "kafka" in audit(connection, PIPELINE, broker=kafka).made
            return
        with pytest.raises(NoCommitsError, match="has no commits"):
            audit(connection, PIPELINE, broker=kafka)


@attrs.frozen
class FakeBroker:
    """A group's commits, and logs of 30 messages."""

    commits: dict[LogPartition, int]
    logs: list[LogPartition]

    def committed(self, logs: Iterable[LogPartition]) -> dict[LogPartition, int]:
        """Return them."""
        return {log: self.commits[log] for log in logs if log in self.commits}

    def ends(self, logs: Iterable[LogPartition]) -> dict[LogPartition, tuple[int, int]]:
        """Return the ends of those that are here."""
        return {log: (0, 30) for log in logs if log in self.logs}


def test_a_broker_of_other_logs(world: World, broker: EmbeddedBroker) -> None:
    """A topic of the same name on another cluster is another log: not compared."""
    with (
        KafkaBroker(broker.bootstrap, GROUP) as kafka,
        world.connect() as connection,
    ):
        report = audit(connection, PIPELINE, broker=kafka)
    assert report.ok
    assert "wine.orders[0]" in report.not_made["kafka"]
    assert all(part.lag is None for part in report.partitions)


def test_a_broker_that_does_not_answer(world: World) -> None:
    """Nobody there: an error, not a verdict."""
    with (
        KafkaBroker("127.0.0.1:9", GROUP, {"socket.timeout.ms": 500}) as kafka,
        world.connect() as connection,
        pytest.raises(SourceError, match="committed positions"),
    ):
        audit(connection, PIPELINE, broker=kafka)
