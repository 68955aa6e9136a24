"""Topics, producers and sinks against a real broker, with bounded waits."""

import json
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from itertools import count
from typing import Any

from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

from winestream.codec import Routes
from winestream.core import BatchPolicy, RetryPolicy, SafetyPolicy
from winestream.kafka import KafkaSource
from winestream.ports import Writer
from winestream.records import LogPartition
from winestream.sink import BatchingSink
from winestream.testing import MemoryWarehouse, MemoryWriter

PATIENCE = 60.0
BATCH = BatchPolicy(
    max_rows=200, linger=timedelta(seconds=0.2), gap_linger=timedelta(seconds=0.3)
)
_numbers = count(1)


def event(number: int, size: int = 0) -> bytes:
    """Return a valid event of a type no route names."""
    head = {
        "event_id": f"e{number}",
        "event_type": "WINE_TASTED",
        "occurred_at": "2026-01-01T00:00:00Z",
        "schema_version": 1,
        "note": "x" * size,
    }
    return json.dumps(head).encode()


class Cluster:
    """A broker as clients see it. `settings` are the clients' connection settings."""

    def __init__(
        self, bootstrap: str, settings: Mapping[str, Any] | None = None
    ) -> None:
        self.bootstrap = bootstrap
        self.settings = dict(settings or {})
        self.admin = AdminClient({"bootstrap.servers": bootstrap, **self.settings})

    def create(
        self,
        name: str | None = None,
        partitions: int = 1,
        replication: int = 1,
        **config: str,
    ) -> str:
        """Make a topic; underscores in configuration names stand for dots."""
        topic = name or f"wine-{time.time_ns()}-{next(_numbers)}"
        settings = {key.replace("_", "."): value for key, value in config.items()}
        new = NewTopic(topic, partitions, replication, config=settings)
        self._done(self.admin.create_topics([new]))
        give_up = time.monotonic() + PATIENCE
        while topic not in self.admin.list_topics(timeout=10).topics:
            assert time.monotonic() < give_up
            time.sleep(0.05)
        return topic

    def leader(self, topic: str, partition: int = 0) -> int:
        """Return which broker leads a partition; negative while none does."""
        found = self.admin.list_topics(topic, timeout=PATIENCE).topics[topic]
        return int(found.partitions[partition].leader)

    def in_sync(self, topic: str) -> int:
        """Return the fewest replicas in sync that a partition of the topic has."""
        found = self.admin.list_topics(topic, timeout=PATIENCE).topics[topic]
        return min(len(part.isrs) for part in found.partitions.values())

    def delete(self, topic: str) -> None:
        """Delete a topic and wait until it is gone."""
        self._done(self.admin.delete_topics([topic]))
        give_up = time.monotonic() + PATIENCE
        while topic in self.admin.list_topics(timeout=10).topics:
            assert time.monotonic() < give_up
            time.sleep(0.05)

    def produce(
        self, topic: str, numbers: Iterable[int], partitions: int = 1, size: int = 0
    ) -> None:
        """Write one event for each number, to the partitions in turn."""
        producer = self.producer()
        for number in numbers:
            producer.produce(
                topic, event(number, size), b"k%d" % number, number % partitions
            )
            producer.poll(0)
        assert producer.flush(PATIENCE) == 0

    def producer(self, **settings: str) -> Producer:
        """Return an idempotent producer."""
        named = {key.replace("_", "."): value for key, value in settings.items()}
        return Producer(
            {
                "bootstrap.servers": self.bootstrap,
                "enable.idempotence": True,
                "linger.ms": 5,
                **self.settings,
                **named,
            }
        )

    def _done(self, futures: Mapping[str, Any]) -> None:
        for future in futures.values():
            future.result(timeout=PATIENCE)


class Member:
    """A sink on a real broker and a warehouse in memory, stepped by the test."""

    def __init__(
        self,
        cluster: Cluster,
        topic: str,
        warehouse: MemoryWarehouse | None = None,
        *,
        writer: Writer | None = None,
        safety: SafetyPolicy | None = None,
        **settings: Any,
    ) -> None:
        self.topic = topic
        self.warehouse = warehouse or MemoryWarehouse()
        if settings.get("protocol", "classic") == "classic":
            settings.setdefault("session_timeout", timedelta(seconds=6))
        settings.setdefault("group", f"group-{topic}")
        settings.setdefault("identity_check", timedelta(seconds=0.5))
        settings["config"] = {**cluster.settings, **settings.get("config", {})}
        self.source = KafkaSource([topic], bootstrap=cluster.bootstrap, **settings)
        self.starts = 0
        start = self.source.start

        def counted(positions: Mapping[LogPartition, int]) -> None:
            self.starts += 1
            start(positions)

        self.source.start = counted  # type: ignore[method-assign]
        self.told: list[Any] = []
        self.sink = BatchingSink(
            self.source,
            Routes({}, unknown="RAW_EVENTS"),
            writer or MemoryWriter(warehouse=self.warehouse),
            pipeline="wine",
            batch=BATCH,
            retry=RetryPolicy(first=timedelta(seconds=0.1)),
            safety=safety,
            hooks=[self.told.append],
            stop_within=timedelta(seconds=20),
        )
        self.closed = False
        self.sink.open()

    @property
    def rows(self) -> int:
        """How many rows landed, whoever wrote them."""
        return len(self.warehouse.landed)

    @property
    def logs(self) -> list[LogPartition]:
        """Every log partition that has a cursor."""
        return sorted(self.warehouse.cursors)

    def lag(self) -> int | None:
        """Offsets between what is written and the logs' ends; None while unknown."""
        lags = [part.lag for part in self.sink.snapshot.partitions.values()]
        known = [lag for lag in lags if lag is not None]
        return sum(known) if lags and len(known) == len(lags) else None

    def until(
        self,
        wanted: Callable[[], object],
        *others: "Member",
        seconds: float = PATIENCE,
    ) -> None:
        """Step until it is so."""
        give_up = time.monotonic() + seconds
        while not wanted():
            for member in (self, *others):
                member.sink.step(0.05)
            assert time.monotonic() < give_up, (
                f"waited {seconds} s: {self.rows} rows, {self.sink.snapshot}, "
                f"{self.told[-5:]}"
            )

    def idle(self, seconds: float) -> None:
        """Step for a while."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.sink.step(0.05)

    def close(self) -> None:
        """Close once."""
        if not self.closed:
            self.closed = True
            self.sink.close()

    def exactly_once(self) -> None:
        """Rows, dead letters and gaps are `[first, cursor)`, each offset once."""
        for log, cursor in self.warehouse.cursors.items():
            wanted = list(range(cursor.first, cursor.position))
            assert self.warehouse.covered(log) == wanted

    def ids(self) -> list[str]:
        """Return the event ids that landed, sorted by number."""
        ids = [row.event_id for row in self.warehouse.landed]
        return sorted(ids, key=lambda event_id: int(event_id[1:]))


def ids(numbers: Iterable[int]) -> list[str]:
    """Return the ids of these events."""
    return [f"e{number}" for number in numbers]
