"""A sink in a process of its own that is watched: latency, memory, an outage.

    python -m benchmarks.studies.sink_process SETTINGS

Latency is from the message's own time in Kafka, set by its producer, until the commit
that makes it queryable has returned. It says `ready` once it may read, so that nobody
times its start, and the last line of the output is the report.
"""

import json
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from benchmarks.contestants.meter import Meter, resident_mb
from benchmarks.events import routes
from winestream import BatchingSink, BatchPolicy, LogPartition, RetryableWriteError
from winestream.core import RetryPolicy
from winestream.files import FileWriter
from winestream.kafka import KafkaSource
from winestream.records import Slice
from winestream.snowflake import ConnectionSettings, SnowflakeWriter
from winestream.telemetry import CursorsClaimed, RunsPolled, Telemetry

PIPELINE = "bench"
READY = "ready"


@dataclass
class Settings:
    """What is asked. Exactly one of `folder` and `connection` is given."""

    bootstrap: str
    topic: str
    messages: int
    folder: str = ""
    connection: dict[str, Any] = field(default_factory=dict)
    database: str = ""
    max_rows: int = 20_000
    linger: float = 5.0
    outage: tuple[float, float] | None = None
    """Seconds after the first message between which every write fails."""
    sample_every: float = 0.0
    """Seconds between two looks at the memory, 0 for none."""


class Log:
    """What is seen on the way."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._next = 0.0
        self.meter = Meter()
        self.polled = self.written = self.slices = 0
        self.latencies: list[float] = []
        self.samples: list[tuple[float, float, int, int]] = []

    def age(self) -> float:
        """Seconds since the first message."""
        return time.monotonic() - self.meter.began if self.meter.began else 0.0

    def before(self) -> None:
        """Fail while the warehouse is said to be away."""
        outage = self._settings.outage
        if outage and outage[0] <= self.age() < outage[1]:
            raise RetryableWriteError("an outage, for the benchmark's sake")

    def after(self, piece: Slice) -> None:
        """Note what has landed, and how late."""
        now = time.time() * 1000
        self.slices += 1
        for part in piece.segments:
            self.written += part.message_count
            for rows in part.rows:
                self.latencies += [(now - ts) / 1000 for ts in rows.timestamps]
        self.meter.stop()

    def hook(self, told: Telemetry) -> None:
        """Count what was polled, and say when reading may begin."""
        if isinstance(told, RunsPolled):
            self.meter.start()
            self.polled += sum(told.messages.values())
        elif isinstance(told, CursorsClaimed):
            print(READY, flush=True)

    def sample(self) -> None:
        """Look at the memory when it is time to."""
        if self._settings.sample_every and self.age() >= self._next:
            self._next += self._settings.sample_every
            resident = resident_mb() or 0.0
            self.samples.append((self.age(), resident, self.polled, self.written))


class WatchedFiles(FileWriter):
    """A `FileWriter` that tells the log."""

    log: Log

    def write(self, piece: Slice, epochs: Mapping[LogPartition, int]) -> None:
        """Write, watched."""
        self.log.before()
        super().write(piece, epochs)
        self.log.after(piece)


class WatchedSnowflake(SnowflakeWriter):
    """A `SnowflakeWriter` that tells the log."""

    log: Log

    def write(self, piece: Slice, epochs: Mapping[LogPartition, int]) -> None:
        """Write, watched."""
        self.log.before()
        super().write(piece, epochs)
        self.log.after(piece)


def writer_of(settings: Settings, log: Log) -> WatchedFiles | WatchedSnowflake:
    """Make the writer that was asked for."""
    if settings.folder:
        files = WatchedFiles(settings.folder, pipeline=PIPELINE)
        files.log = log
        return files
    connection = ConnectionSettings.of(settings.connection, database=settings.database)
    snowflake = WatchedSnowflake(connection, pipeline=PIPELINE)
    snowflake.log = log
    return snowflake


def percentile(values: list[float], share: float) -> float | None:
    """Return the smallest value that so many are not above; None of nothing."""
    if not values:
        return None
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def main() -> None:
    """Run until everything is written."""
    settings = Settings(**json.loads(sys.argv[1]))
    log = Log(settings)
    sink = BatchingSink(
        KafkaSource(
            [settings.topic],
            group=f"sink-{time.time_ns()}",
            bootstrap=settings.bootstrap,
        ),
        routes(),
        writer_of(settings, log),
        pipeline=PIPELINE,
        batch=BatchPolicy(
            max_rows=settings.max_rows, linger=timedelta(seconds=settings.linger)
        ),
        retry=RetryPolicy(outage_cap=timedelta(seconds=1)),
        hooks=[log.hook],
    )
    with sink:
        while sink.step(0.05):
            log.sample()
            if log.written >= settings.messages:
                sink.stop()
    log.meter.add(log.written, 0)
    log.meter.report(
        seconds=log.meter.ended - log.meter.began,
        slices=log.slices,
        p50=percentile(log.latencies, 0.50),
        p99=percentile(log.latencies, 0.99),
        worst=max(log.latencies, default=None),
        samples=log.samples,
    )


if __name__ == "__main__":
    main()
