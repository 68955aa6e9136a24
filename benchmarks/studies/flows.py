"""Sinks that are watched while a producer works: the parent's side."""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict
from itertools import count
from pathlib import Path
from typing import Any, Final

import snowflake.connector
from confluent_kafka import Producer

from benchmarks.brokers import Broker, broker
from benchmarks.heats import ROOT
from benchmarks.load import Load, messages, produce
from benchmarks.studies.sink_process import READY, Settings
from winestream.local import EmbeddedWarehouse
from winestream.operations.deploy import deploy

DATABASE: Final = "BENCH"
_PARTITIONS: Final = 12
_SECONDS: Final = 240.0
_names = count(1)

Report = dict[str, Any]


@contextmanager
def sink(settings: Settings) -> Iterator["subprocess.Popen[str]"]:
    """Start a watched sink; it is killed if it does not end by itself."""
    command = [sys.executable, "-m", "benchmarks.studies.sink_process"]
    process = subprocess.Popen(
        [*command, json.dumps(asdict(settings))],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def wait_for(process: "subprocess.Popen[str]") -> None:
    """Wait until the sink may read. Raises `RuntimeError` if it ends before."""
    assert process.stdout is not None
    for line in process.stdout:
        if line.strip() == READY:
            return
    raise RuntimeError("a sink ended before it began")


def report_of(process: "subprocess.Popen[str]") -> Report:
    """Wait for the sink's end and return what it says. Raises `RuntimeError`."""
    said, _ = process.communicate(timeout=_SECONDS)
    if process.returncode:
        raise RuntimeError(f"a sink ended with {process.returncode}: {said[-500:]}")
    found: Report = json.loads(said.strip().splitlines()[-1])
    return found


def pace(bootstrap: str, topic: str, load: Load, rate: float) -> None:
    """Publish `rate` messages a second, evenly over the partitions."""
    producer = Producer(
        {
            "bootstrap.servers": bootstrap,
            "compression.type": load.compression,
            "linger.ms": 5,
            "log_level": 3,
        }
    )
    began = time.monotonic()
    for number, (key, value, _, _) in enumerate(messages(load)):
        while (early := began + number / rate - time.monotonic()) > 0:
            producer.poll(min(early, 0.01))
        while True:
            try:
                producer.produce(topic, value, key, partition=number % load.partitions)
                break
            except BufferError:
                producer.poll(0.1)
    producer.flush(60)


def new_topic() -> str:
    """Return a name that was not used before."""
    return f"flow-{next(_names)}"


@contextmanager
def warehouse() -> Iterator[EmbeddedWarehouse]:
    """Start an embedded warehouse with winestream's tables in `DATABASE`."""
    with EmbeddedWarehouse.start(time_factor=0) as started:
        with closing(snowflake.connector.connect(**started.connection)) as connection:
            connection.cursor().execute(f"CREATE DATABASE IF NOT EXISTS {DATABASE}")
        with closing(
            snowflake.connector.connect(**started.connection, database=DATABASE)
        ) as connection:
            deploy(connection)
        yield started


def latency(seconds: float = 8.0) -> dict[str, object]:
    """Return p50 and p99 from publication to commit, by target, rate and linger."""
    cases = [
        ("files", rate, linger)
        for rate in (100, 1_000, 10_000)
        for linger in (0.5, 2.0)
    ] + [("warehouse", rate, linger) for rate in (100, 1_000) for linger in (1.0, 3.0)]
    topics = {new_topic(): case for case in cases}
    found: list[Report] = []
    with broker(dict.fromkeys(topics, _PARTITIONS)) as at, warehouse() as house:
        for topic, (target, rate, linger) in topics.items():
            load = Load(messages=int(rate * seconds), partitions=_PARTITIONS)
            with tempfile.TemporaryDirectory(prefix="bench-flow-") as folder:
                settings = Settings(
                    at.bootstrap,
                    topic,
                    load.messages,
                    linger=linger,
                    **_target(target, folder, house),
                )
                with sink(settings) as process:
                    wait_for(process)
                    pace(at.bootstrap, topic, load, rate)
                    said = report_of(process)
            found.append(
                {"target": target, "rate": rate, "linger": linger}
                | {key: said[key] for key in ("p50", "p99", "worst", "slices")}
            )
    return {"broker": at.kind, "cases": found}


def _target(target: str, folder: str, house: EmbeddedWarehouse) -> dict[str, Any]:
    if target == "files":
        return {"folder": folder}
    return {"connection": house.connection, "database": DATABASE}


def into_the_warehouse(events: int = 40_000) -> dict[str, object]:
    """Return messages a second, end to end into the embedded warehouse."""
    found: dict[str, object] = {}
    sizes = (5_000, 20_000)
    topics = {new_topic(): size for size in sizes}
    load = Load(messages=events, partitions=_PARTITIONS)
    with (
        broker(dict.fromkeys(topics, _PARTITIONS), "embedded") as at,
        warehouse() as house,
    ):
        for topic, size in topics.items():
            produce(load, at.bootstrap, topic)
            target = _target("warehouse", "", house)
            with sink(
                Settings(at.bootstrap, topic, events, max_rows=size, **target)
            ) as process:
                said = report_of(process)
            found[str(size)] = {
                "rate": events / said["seconds"],
                "slices": said["slices"],
                "cpu_us": 1e6 * said["cpu_seconds"] / events,
            }
    return found


def memory(rate: int = 30_000, seconds: int = 24) -> dict[str, object]:
    """Return the memory over time: a steady stream, an outage, and the recovery."""
    load = Load(messages=rate * seconds, partitions=_PARTITIONS)
    outage = (seconds / 4, 3 * seconds / 4)
    topic = new_topic()
    with broker({topic: _PARTITIONS}) as at:
        said = _watched(at, topic, load, rate, outage)
    return {
        "broker": at.kind,
        "rate": rate,
        "outage": outage,
        "idle_mb": said["idle_mb"],
        "peak_mb": said["peak_mb"],
        "samples": said["samples"],
    }


def _watched(
    at: Broker, topic: str, load: Load, rate: int, outage: tuple[float, float]
) -> Report:
    with tempfile.TemporaryDirectory(prefix="bench-flow-") as folder:
        (Path(folder) / "files").mkdir()
        settings = Settings(
            at.bootstrap,
            topic,
            load.messages,
            folder=str(Path(folder) / "files"),
            outage=outage,
            sample_every=0.2,
        )
        with sink(settings) as process:
            wait_for(process)
            pace(at.bootstrap, topic, load, rate)
            return report_of(process)
