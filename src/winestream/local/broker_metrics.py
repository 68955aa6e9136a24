"""Serves an embedded broker's metrics, under the names that Redpanda uses.

It imitates Redpanda: the names, labels and the path `/public_metrics` are Redpanda's,
so that rules and dashboards written for it work here too. The figures are real: they
are asked of the broker over Kafka's protocol, watermarks of each partition and what
consumer groups committed. What the protocol does not tell (disk, memory, requests,
a group's members) is not served.

    with BrokerMetrics.start(broker.bootstrap, groups=["wine"], port=9644) as metrics:
        print(metrics.url)

A poller of its own asks every few seconds; a scrape reads the last answer. While the
broker does not answer, neither does this: a scrape gets a 503, and so `up` is 0, as it
would be if the broker's own endpoint were gone.
"""

import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Final, Self

import attrs
from confluent_kafka import Consumer, TopicPartition
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from winestream.errors import ConfigurationError

PATH: Final = "/public_metrics"
_NAMESPACE: Final = "kafka"  # Redpanda's label for topics of users
_TIMEOUT: Final = 3.0  # one request; a broker on this machine answers in milliseconds
_STOP: Final = 30.0  # a poll under way has a request or two for each partition
_STALE_AFTER: Final = 3  # polls without an answer, then nothing is served

_Partition = tuple[str, int]


@attrs.frozen
class Look:
    """What the broker said at one moment."""

    partitions: Mapping[str, int]
    leaderless: int
    high: Mapping[_Partition, int]
    committed: Mapping[tuple[str, str, int], int]
    brokers: int


def look(reader: Consumer, groups: Mapping[str, Consumer]) -> Look:
    """Ask the broker. Raises `KafkaException` when it does not answer in time."""
    metadata = reader.list_topics(timeout=_TIMEOUT)
    topics = {
        name: topic.partitions
        for name, topic in metadata.topics.items()
        if not name.startswith("__")
    }
    names = [TopicPartition(t, p) for t, numbers in topics.items() for p in numbers]
    high = {
        (each.topic, each.partition): reader.get_watermark_offsets(
            each, timeout=_TIMEOUT
        )[1]
        for each in names
    }
    committed = {}
    for group, consumer in groups.items():
        for each in consumer.committed(names, timeout=_TIMEOUT) if names else ():
            if each.error is None and each.offset >= 0:
                committed[group, each.topic, each.partition] = each.offset
    return Look(
        partitions={name: len(numbers) for name, numbers in topics.items()},
        leaderless=sum(
            info.leader < 0 for numbers in topics.values() for info in numbers.values()
        ),
        high=high,
        committed=committed,
        brokers=len(metadata.brokers),
    )


def families(seen: Look) -> Iterator[Metric]:
    """Turn a look into Redpanda's metrics."""
    topic = ("redpanda_namespace", "redpanda_topic")
    brokers = GaugeMetricFamily("redpanda_cluster_brokers", "Brokers in the cluster.")
    brokers.add_metric((), seen.brokers)
    yield brokers
    leaderless = GaugeMetricFamily(
        "redpanda_cluster_unavailable_partitions", "Partitions without a leader."
    )
    leaderless.add_metric((), seen.leaderless)
    yield leaderless
    partitions = GaugeMetricFamily(
        "redpanda_kafka_partitions", "Partitions of the topic.", labels=topic
    )
    # Each message takes one offset: nothing here is compacted or transactional.
    records = CounterMetricFamily(
        "redpanda_kafka_records_produced", "Records produced.", labels=topic
    )
    for name, count in seen.partitions.items():
        partitions.add_metric((_NAMESPACE, name), count)
        produced = sum(at for (each, _), at in seen.high.items() if each == name)
        records.add_metric((_NAMESPACE, name), produced)
    yield partitions
    yield records
    high = GaugeMetricFamily(
        "redpanda_kafka_max_offset",
        "High watermark of the partition.",
        labels=(*topic, "redpanda_partition"),
    )
    for (name, number), offset in seen.high.items():
        high.add_metric((_NAMESPACE, name, str(number)), offset)
    yield high
    committed = GaugeMetricFamily(
        "redpanda_kafka_consumer_group_committed_offset",
        "Offset the consumer group committed.",
        labels=("redpanda_group", "redpanda_topic", "redpanda_partition"),
    )
    for (group, name, number), offset in seen.committed.items():
        committed.add_metric((group, name, str(number)), offset)
    yield committed


class BrokerMetrics(Collector):
    """Polls a broker and serves what it says; a context manager, or call `close`.

    Two daemon threads; any thread may use it. Nothing of it raises once it started.
    """

    def __init__(
        self, bootstrap: str, groups: Iterable[str], port: int, every: float
    ) -> None:
        self._bootstrap, self._groups = bootstrap, tuple(groups)
        self._every = every
        self._seen: Look | None = None
        self._seen_at = float("-inf")
        self._stop = threading.Event()
        registry = CollectorRegistry(auto_describe=False)
        registry.register(self)
        try:
            self._server = ThreadingHTTPServer(
                ("127.0.0.1", port), _handler(self, registry)
            )
        except OSError as error:
            raise ConfigurationError(
                f"the broker's metrics cannot be served on 127.0.0.1:{port} "
                f"({error.strerror}): choose another port."
            ) from error
        self._threads = [
            threading.Thread(target=self._poll, name="broker-poll", daemon=True),
            threading.Thread(
                target=self._server.serve_forever, name="broker-metrics", daemon=True
            ),
        ]

    @classmethod
    def start(
        cls,
        bootstrap: str,
        *,
        groups: Iterable[str] = (),
        port: int = 0,
        every: float = 2.0,
    ) -> "BrokerMetrics":
        """Serve on `port` of 127.0.0.1, or any that is free; ask `every` seconds.

        Raises `ConfigurationError` when the port is taken.
        """
        started = cls(bootstrap, groups, port, every)
        for thread in started._threads:
            thread.start()
        return started

    @property
    def port(self) -> int:
        """The port it listens on."""
        return self._server.server_port

    @property
    def url(self) -> str:
        """Where to GET the metrics."""
        return f"http://127.0.0.1:{self.port}{PATH}"

    @property
    def fresh(self) -> bool:
        """Whether the broker has answered lately."""
        allowed = _STALE_AFTER * self._every + _TIMEOUT
        return time.monotonic() - self._seen_at < allowed

    def collect(self) -> Iterator[Metric]:
        """Yield the last answer's metrics; prometheus-client calls it."""
        if self._seen is not None:
            yield from families(self._seen)

    def close(self) -> None:
        """Stop polling and serving. Safe to call again."""
        self._stop.set()
        if all(thread.is_alive() for thread in self._threads):
            self._server.shutdown()
        self._server.server_close()
        for thread in self._threads:
            thread.join(_STOP)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _poll(self) -> None:
        reader = self._client("winestream-broker-metrics")
        # Asking for a group's commits takes a client of that group. It never
        # subscribes, so it is no member and moves nothing.
        groups = {group: self._client(group) for group in self._groups}
        try:
            while True:
                try:
                    self._seen = look(reader, groups)
                    self._seen_at = time.monotonic()
                except Exception:  # noqa: BLE001, S110 — away; what is served says so
                    pass
                if self._stop.wait(self._every):
                    return
        finally:
            for client in (reader, *groups.values()):
                client.close()

    def _client(self, group: str) -> Consumer:
        return Consumer(
            {
                "bootstrap.servers": self._bootstrap,
                "group.id": group,
                "client.id": "winestream-broker-metrics",
                "enable.auto.commit": False,
                "allow.auto.create.topics": False,
                "log_level": 0,
            }
        )


def _handler(
    source: BrokerMetrics, registry: CollectorRegistry
) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path.split("?")[0] != PATH:
                self._answer(404, b"", "text/plain")
            elif not source.fresh:
                self._answer(503, b"the broker does not answer\n", "text/plain")
            else:
                self._answer(200, generate_latest(registry), CONTENT_TYPE_PLAIN_0_0_4)

        def _answer(self, status: int, content: bytes, kind: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Say nothing: a scrape every few seconds is no news."""

    return Handler
