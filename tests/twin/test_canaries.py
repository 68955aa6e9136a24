"""Secrets and payloads with every logger at DEBUG: nothing of them is ever told."""

import base64
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import snowflake.connector
from confluent_kafka import Producer

from winestream.local import EmbeddedBroker, EmbeddedWarehouse
from winestream.operations.deploy import deploy, register_tables

pytestmark = pytest.mark.timeout(170)

PROGRAM = Path(__file__).with_name("canary_process.py")
DATABASE, PIPELINE = "CANARIES", "canaries"
PATIENCE = 60.0

# Where each of them is planted is its name.
PLANTED = {
    "e-mail": "marguerite.canary@example.org",
    "payload": "canary-payload-2b7e",
    "broken": "canary-broken-9d01",
    "key": "canary-key-51aa",
    "header": "canary-header-c0de",
    "header-name": "canary-header-name-77",
    "type": "CANARY_TYPE_E5",
    "event-id": "canary-event-id-3f",
    "refused": "canary-refused-88",
    "warehouse-password": "canary-warehouse-password-1",
    "kafka-password": "canary-kafka-password-2",
}


def spelt(secret: str) -> Iterator[str]:
    """Yield the ways in which a program may write it."""
    yield secret
    yield secret.encode().hex()
    for shift in range(3):  # wherever it lies in what was encoded
        text = base64.b64encode(b"-" * shift + secret.encode()).decode()
        yield text[4 if shift else 0 : len(text) // 4 * 4 - 4]


def found_in(told: str) -> list[str]:
    """Return the names of the canaries that are there, however they are written."""
    return [
        name
        for name, secret in PLANTED.items()
        if any(s in told for s in spelt(secret))
    ]


def event(number: int, **changed: Any) -> bytes:
    """Return an event that is full of canaries and valid."""
    fields = {
        "event_id": f"{PLANTED['event-id']}-{number}",
        "event_type": "GUEST_INVITED",
        "occurred_at": "2026-11-23T07:00:00Z",
        "schema_version": 1,
        "name": PLANTED["payload"],
        "email": PLANTED["e-mail"],
        "bottles": number,
    }
    return json.dumps(fields | changed).encode()


def messages(count: int) -> Iterator[bytes]:
    """Yield good ones, unknown ones, refused ones, and ones broken in many ways."""
    broken = PLANTED["broken"]
    for number in range(count):
        yield event(number)
        kind = number % 10
        if kind == 1:
            yield event(number, event_type=PLANTED["type"])
        elif kind == 2:
            yield event(number, bottles=broken)
        elif kind == 3:
            yield event(number, occurred_at=broken)
        elif kind == 4:
            yield event(number)[:-9] + broken.encode() + b"\xff"
        elif kind == 5:
            yield f"<{broken} {PLANTED['e-mail']}>".encode()
        elif kind == 6:
            yield event(number, schema_version={broken: broken})
        elif kind == 7 and number == 7:
            yield event(number, event_id=PLANTED["refused"])


@pytest.fixture(scope="module")
def warehouse() -> Iterator[EmbeddedWarehouse]:
    """Start a warehouse that refuses some rows, and may be killed."""
    with EmbeddedWarehouse.start() as started:
        with snowflake.connector.connect(**started.connection) as connection:
            connection.cursor().execute(f"CREATE DATABASE {DATABASE}")
            connection.cursor().execute(f"USE DATABASE {DATABASE}")
            deploy(connection)
            register_tables(connection, PIPELINE, ["RAW_ORDERS", "RAW_EVENTS"])
        started.refuse(
            table="RAW_ORDERS", column="EVENT_ID", containing=PLANTED["refused"]
        )
        yield started


@pytest.fixture(scope="module")
def broker() -> Iterator[EmbeddedBroker]:
    """Start a broker."""
    with EmbeddedBroker.start() as started:
        yield started


class Consumer:
    """The process, and all that it and its clients wrote."""

    def __init__(
        self,
        folder: Path,
        broker: EmbeddedBroker,
        warehouse: EmbeddedWarehouse,
        insert_below: int = 0,
        leak: str = "",
    ) -> None:
        self._log = folder / "told.log"
        self._broker = broker
        self.topic = f"guests-{insert_below}-{time.time_ns()}"
        broker.create_topic(self.topic, partitions=2)
        told = {
            "bootstrap": broker.bootstrap,
            "topic": self.topic,
            "group": self.topic,
            "pipeline": PIPELINE,
            "database": DATABASE,
            "connection": {
                **warehouse.connection,
                "password": PLANTED["warehouse-password"],
            },
            "kafka": {
                "sasl.username": "sommelier",
                "sasl.password": PLANTED["kafka-password"],
            },
            "insert_below": insert_below,
            "leak": leak,
        }
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, str(PROGRAM), json.dumps(told)],
                stdout=log,
                stderr=log,
                env=os.environ | {"RUST_LOG": "debug"},
            )

    def send(self, count: int) -> None:
        """Publish what is full of canaries."""
        producer = Producer({"bootstrap.servers": self._broker.bootstrap})
        headers = [(PLANTED["header-name"], PLANTED["header"].encode())]
        for number, value in enumerate(messages(count)):
            key = PLANTED["key"].encode()
            producer.produce(self.topic, value, key, number % 2, headers=headers)
        assert producer.flush(PATIENCE) == 0

    @property
    def told(self) -> str:
        """All that was written so far."""
        return self._log.read_text(errors="backslashreplace")

    def until(self, wanted: str, times: int = 1) -> None:
        """Wait until a line was written so often."""
        give_up = time.monotonic() + PATIENCE
        while self.told.count(wanted) < times:
            assert self._process.poll() is None, self.told[-3000:]
            assert time.monotonic() < give_up, f"{wanted}: {self.told[-3000:]}"
            time.sleep(0.1)

    def end(self, number: int = signal.SIGTERM) -> str:
        """Signal, wait for its end, and return all that was told."""
        self._process.send_signal(number)
        return self.wait()

    def wait(self) -> str:
        """Wait for its end and return all that was told."""
        try:
            self._process.wait(PATIENCE)
        finally:
            self._process.kill()
            self._process.wait()
        return self.told


def test_good_poison_refused_and_retried(
    tmp_path: Path, broker: EmbeddedBroker, warehouse: EmbeddedWarehouse
) -> None:
    """Rows land, letters are dead, a refusal is bisected, an outage is waited out."""
    consumer = Consumer(tmp_path, broker, warehouse)
    consumer.send(40)
    consumer.until('"dead-letters"', 2)
    warehouse.kill()
    consumer.send(40)
    consumer.until('"outage"')
    warehouse.restart()
    consumer.until('"recovery"')
    require_silence(consumer)


def test_rows_by_insert(
    tmp_path: Path, broker: EmbeddedBroker, warehouse: EmbeddedWarehouse
) -> None:
    """Where they are bound values of a statement they are not told either."""
    consumer = Consumer(tmp_path, broker, warehouse, insert_below=500)
    consumer.send(40)
    consumer.until('"dead-letters"', 2)
    require_silence(consumer)


def require_silence(consumer: Consumer) -> None:
    """Let it write some more and stop; it told much, and no canary."""
    before = consumer.told.count("slice ")
    consumer.send(20)
    consumer.until("slice ", before + 1)
    told = consumer.end()
    assert "said end" in told, told[-3000:]
    for kind in ("malformed-json", "wrong-type", "invalid-utf8", "rejected"):
        assert kind in told, f"no {kind} in it"
    assert "%7|" in told, "the Kafka client said nothing at DEBUG"
    assert found_in(told) == []


def test_a_crash(
    tmp_path: Path, broker: EmbeddedBroker, warehouse: EmbeddedWarehouse
) -> None:
    """A table is gone, which is fatal; the traceback is printed and logged."""
    consumer = Consumer(tmp_path, broker, warehouse)

    def execute(statement: str) -> None:
        with snowflake.connector.connect(
            **warehouse.connection, database=DATABASE, autocommit=True
        ) as connection:
            connection.cursor().execute(statement)

    consumer.send(10)
    consumer.until("slice ")
    execute("ALTER TABLE RAW.RAW_ORDERS RENAME TO RAW.AWAY")
    try:
        consumer.send(20)
        told = consumer.wait()
    finally:
        execute("ALTER TABLE RAW.AWAY RENAME TO RAW.RAW_ORDERS")
    assert "said error" in told, told[-3000:]
    assert "Traceback" in told
    assert found_in(told) == []


@pytest.mark.parametrize("name", PLANTED)
def test_a_leak_would_be_found(name: str) -> None:
    """In clear, as hexadecimal digits, or in Base64 at any place."""
    secret = PLANTED[name]
    assert name in found_in(f"x {secret}")
    assert name in found_in(secret.encode().hex())
    for shift in range(6):
        around = b"-" * shift + secret.encode() + b"-" * (shift + 3)
        assert name in found_in(base64.b64encode(around).decode())


def test_a_leak_of_the_process_would_be_found(
    tmp_path: Path, broker: EmbeddedBroker, warehouse: EmbeddedWarehouse
) -> None:
    """One line at DEBUG with a payload in it is enough."""
    consumer = Consumer(tmp_path, broker, warehouse, leak=PLANTED["payload"])
    consumer.until('"leak"')
    assert found_in(consumer.end(signal.SIGKILL)) == ["payload"]
