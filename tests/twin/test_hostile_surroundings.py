"""Messages as large as they may be, a full disk, and clocks that are a year off."""

import itertools
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from confluent_kafka import Producer

from winestream import Routes
from winestream.core import BatchPolicy
from winestream.errors import RetryableWriteError
from winestream.instrumentation.prometheus import PrometheusHook
from winestream.kafka import DeliveryError, EventProducer, KafkaSource
from winestream.local import EmbeddedBroker
from winestream.records import LogPartition, Slice
from winestream.sink import BatchingSink
from winestream.telemetry import SliceWritten, Telemetry
from winestream.testing import (
    MemoryMessage,
    MemorySource,
    MemoryWarehouse,
    MemoryWriter,
)

# Tests are no package: what they share is found by its folder.
sys.path.append(str(Path(__file__).parent))

from warehouse_world import World, segment

ROUTES = Routes({}, unknown="RAW_EVENTS")
LIMIT = 1_000_000
"""A client refuses more than this, as a broker does by default."""
_numbers = itertools.count(1)


def event(
    number: int, size: int = 0, occurred_at: str = "2026-11-23T07:00:00Z"
) -> bytes:
    """Return a valid event of about this size."""
    head = {
        "event_id": f"e{number}",
        "event_type": "WINE_TASTED",
        "occurred_at": occurred_at,
        "schema_version": 1,
        "note": "",
    }
    head["note"] = "x" * (size - len(json.dumps(head)))
    return json.dumps(head).encode()


@pytest.fixture(scope="module")
def broker() -> Iterator[EmbeddedBroker]:
    """Start a broker."""
    with EmbeddedBroker.start() as started:
        yield started


@pytest.fixture
def topic(broker: EmbeddedBroker) -> str:
    """Make a topic of one partition."""
    name = f"large-{next(_numbers)}"
    broker.create_topic(name, partitions=1)
    return name


def test_messages_at_the_limit_pass_one_by_one(
    broker: EmbeddedBroker, topic: str
) -> None:
    """Larger than all that a slice should hold: then a slice holds one of them.

    From the second on: how large they are is known once one was seen.
    """
    size, warehouse, slices = LIMIT - 200, MemoryWarehouse(), list[SliceWritten]()

    def hook(telemetry: Telemetry) -> None:
        if isinstance(telemetry, SliceWritten):
            slices.append(telemetry)

    source = KafkaSource(
        [topic],
        group=topic,
        bootstrap=broker.bootstrap,
        session_timeout=timedelta(seconds=3),
    )
    producer = Producer({"bootstrap.servers": broker.bootstrap})
    with BatchingSink(
        source,
        ROUTES,
        MemoryWriter(warehouse=warehouse),
        pipeline="large",
        batch=BatchPolicy(
            max_rows=1000, max_bytes=LIMIT // 2, linger=timedelta(seconds=0.2)
        ),
        hooks=[hook],
    ) as sink:
        for number, wanted in enumerate((1, 6)):
            for _ in range(wanted - number):
                producer.produce(topic, event(number, size), partition=0)
            producer.flush(30)
            give_up = time.monotonic() + 60
            while len(warehouse.landed) < wanted:
                sink.step(0.05)
                assert time.monotonic() < give_up, sink.snapshot
    assert [len(row.payload) for row in warehouse.landed] == [size] * 6
    assert [told.payload_bytes for told in slices] == [size] * 6


def test_a_message_beyond_the_limit_is_refused_to_its_producer(
    broker: EmbeddedBroker, topic: str
) -> None:
    """The error says what is wrong with which topic, and shows no payload."""
    with (
        pytest.raises(
            DeliveryError, match=f"{topic}.*[Mm]essage size too large"
        ) as told,
        EventProducer(broker.bootstrap, ROUTES) as producer,
    ):
        producer.publish_raw(topic, b"key", event(1, LIMIT + 100_000))
    assert "xxx" not in str(told.value)


@pytest.fixture
def tiny(tmp_path: Path) -> Iterator[Path]:
    """Mount a disk of 64 KiB."""
    folder = tmp_path / "tiny"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)]
    if os.geteuid() != 0:
        pytest.skip("only root may mount a disk that is small enough to be filled")
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"no disk can be mounted here: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_disk_that_is_full_while_staging(
    world: World, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Retryable, says what to do, leaves nothing behind; with room it all lands."""
    here = world.partition()
    with monkeypatch.context() as patched:
        patched.setattr("tempfile.tempdir", str(tiny))
        writer, epochs = world.owned(None, here)
    noise = os.urandom(100_000).hex()  # which no compression makes small enough
    text = json.dumps({"noise": noise})
    piece = Slice("me/1", (segment(here, 0, 2, payload=text),))
    for _ in range(2):
        with pytest.raises(RetryableWriteError, match=r"No space left.*free some disk"):
            writer.write(piece, epochs)
        assert [path for path in tiny.rglob("*") if path.is_file()] == []
        assert world.offsets(here) == []
    grow = ["mount", "-o", "remount,size=8m", str(tiny)]
    subprocess.run(grow, check=True, capture_output=True)
    writer.write(piece, epochs)
    world.assert_exactly_once()
    writer.close()


YEAR = timedelta(days=365)


@pytest.mark.parametrize("ahead", [YEAR, -YEAR], ids=["fast", "slow"])
def test_a_clock_that_is_a_year_off(ahead: timedelta) -> None:
    """Ours or a producer's, or a broker without any: all lands, no number is absurd."""
    now = datetime.now(UTC)
    when = [now - YEAR, now, now + YEAR, datetime(9999, 12, 31, tzinfo=UTC)]
    log = LogPartition("cluster", "id", "wine", 0)
    stamps = itertools.cycle((-1, 0, 2**62, int(now.timestamp() * 1000)))
    messages = [
        MemoryMessage(
            number,
            event(number, occurred_at=at.isoformat()),
            timestamp=next(stamps),
        )
        for number, at in enumerate(when * 4)
    ]
    metrics = PrometheusHook(clock=lambda: time.time() + ahead.total_seconds())
    warehouse = MemoryWarehouse()
    sink = BatchingSink(
        MemorySource({log: messages}),
        ROUTES,
        MemoryWriter(warehouse=warehouse),
        pipeline="wine",
        batch=BatchPolicy(max_rows=5, linger=timedelta(seconds=0.05)),
        hooks=[metrics],
    )
    sink.run(until_caught_up=True)
    assert len(warehouse.landed) == len(messages)
    values = [
        sample.value
        for family in metrics.registry.collect()
        for sample in family.samples
        if not sample.name.endswith("_created")
    ]
    assert min(values) >= 0
    oldest = metrics.registry.get_sample_value("oldest_unwritten_age_seconds")
    assert oldest == 0
