"""Consumer processes killed while they write; then the audit."""

import json
import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import snowflake.connector
from kafka_world import Cluster

from winestream.local import EmbeddedWarehouse
from winestream.operations.audit import audit
from winestream.operations.audit_broker import KafkaBroker
from winestream.operations.deploy import deploy, register_tables

PROGRAM = Path(__file__).with_name("consumer_process.py")
PIPELINE, DATABASE = "kills", "KILLS"
KILLS, MESSAGES = 4, 3000


@pytest.mark.parametrize("protocol", ["classic", "consumer"])
def test_kill_9_in_the_middle(
    cluster: Cluster, protocol: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """However it is killed, the next one goes on; the audit finds nothing off."""
    topic = cluster.create(partitions=3)
    cluster.produce(topic, range(MESSAGES), partitions=3)
    chance = random.Random(protocol)
    with EmbeddedWarehouse.start() as warehouse:
        with snowflake.connector.connect(**warehouse.connection) as connection:
            connection.cursor().execute(f"CREATE DATABASE {DATABASE}")
            connection.cursor().execute(f"USE DATABASE {DATABASE}")
            deploy(connection)
            register_tables(connection, PIPELINE, ["RAW_EVENTS"])
        told = {
            "bootstrap": cluster.bootstrap,
            "topic": topic,
            "group": f"group-{topic}",
            "protocol": protocol,
            "pipeline": PIPELINE,
            "database": DATABASE,
            "connection": warehouse.connection,
            "until_caught_up": False,
        }

        def started(log: Path, **changes: bool) -> "subprocess.Popen[bytes]":
            with log.open("wb") as errors:
                return subprocess.Popen(
                    [sys.executable, str(PROGRAM), json.dumps(told | changes)],
                    stderr=errors,
                )

        landed = 0
        for turn in range(KILLS):
            process = started(tmp_path / f"{turn}.log")
            request.addfinalizer(_ender(process))
            give_up = time.monotonic() + 30
            before = landed
            while landed == before:  # it works before it is killed
                landed = _rows(warehouse)
                said = (tmp_path / f"{turn}.log").read_text()[-1000:]
                assert process.poll() is None, said
                assert time.monotonic() < give_up, f"nothing in turn {turn}: {said}"
                time.sleep(chance.uniform(0.01, 0.2))
            process.kill()
            process.wait()
            _end_transactions(warehouse)
        assert 0 < landed < MESSAGES, "the kills came too late to prove anything"
        last = tmp_path / "last.log"
        process = started(last, until_caught_up=True)
        request.addfinalizer(_ender(process))
        assert process.wait(90) == 0, last.read_text()
        with (
            KafkaBroker(cluster.bootstrap, f"group-{topic}") as broker,
            snowflake.connector.connect(
                **warehouse.connection, database=DATABASE
            ) as connection,
        ):
            report = audit(connection, PIPELINE, broker=broker)
    assert [str(found) for found in report.findings] == []
    assert sum(part.rows for part in report.partitions) == MESSAGES
    assert [part.lag for part in report.partitions] == [0, 0, 0]
    assert report.not_made == {}


def _ender(process: "subprocess.Popen[bytes]") -> Callable[[], None]:
    def end() -> None:
        process.kill()
        process.wait()

    return end


def _end_transactions(warehouse: EmbeddedWarehouse) -> None:
    """End what the dead process left open, as an operator or a patient claim would.

    It holds the cursor's lock, and the server would wait for minutes.
    """
    with snowflake.connector.connect(
        **warehouse.connection, database=DATABASE
    ) as connection:
        cursor = connection.cursor()
        cursor.execute("SHOW TRANSACTIONS")
        names = [column[0].lower() for column in cursor.description]
        for row in cursor.fetchall():
            found = dict(zip(names, row, strict=True))
            if str(found["name"]).startswith(f"winestream_{PIPELINE}"):
                cursor.execute(f"SELECT SYSTEM$ABORT_TRANSACTION({found['id']})")


def _rows(warehouse: EmbeddedWarehouse) -> int:
    with snowflake.connector.connect(
        **warehouse.connection, database=DATABASE
    ) as connection:
        cursor = connection.cursor()
        cursor.execute("SELECT COUNT(*) FROM RAW.RAW_EVENTS")
        row = cursor.fetchone()
        assert isinstance(row, tuple)
        return int(row[0])
