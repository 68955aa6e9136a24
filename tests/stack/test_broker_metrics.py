"""The embedded broker's metrics, scraped from a real embedded broker."""

import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from prometheus_client.parser import text_string_to_metric_families

from winestream.errors import ConfigurationError
from winestream.local import EmbeddedBroker
from winestream.local.broker_metrics import BrokerMetrics

TOPIC = "wine.orders"
GROUP = "cellar"
SECONDS = 60.0

Samples = Mapping[tuple[str, str], float]


def scrape(metrics: BrokerMetrics) -> Samples | None:
    """Return samples by name and partition (or topic); None while it refuses."""
    try:
        with urllib.request.urlopen(metrics.url, timeout=5) as answer:  # noqa: S310 — ours
            text = answer.read().decode()
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == 503:
            return None
        raise
    return {
        (
            sample.name,
            sample.labels.get(
                "redpanda_partition", sample.labels.get("redpanda_topic", "")
            ),
        ): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def until(metrics: BrokerMetrics, wanted: Samples) -> Samples:
    """Scrape until these samples are among the answer's."""
    deadline = time.monotonic() + SECONDS
    while True:
        seen = scrape(metrics)
        if seen is not None and wanted.items() <= seen.items():
            return seen
        assert time.monotonic() < deadline, (wanted, seen)
        time.sleep(0.2)


@contextmanager
def served() -> Iterator[tuple[EmbeddedBroker, BrokerMetrics]]:
    """Serve the metrics of a broker with one topic of two partitions."""
    with (
        EmbeddedBroker.start({TOPIC: 2}) as broker,
        BrokerMetrics.start(broker.bootstrap, groups=[GROUP], every=0.3) as metrics,
    ):
        yield broker, metrics


def test_figures_are_the_brokers_own() -> None:
    """Watermarks, records and commits are what was produced and committed."""
    with served() as (broker, metrics):
        producer = Producer({"bootstrap.servers": broker.bootstrap})
        for number in range(7):
            producer.produce(TOPIC, b"wine", partition=0 if number < 5 else 1)
        assert producer.flush(30) == 0
        committer = Consumer({"bootstrap.servers": broker.bootstrap, "group.id": GROUP})
        committer.commit(offsets=[TopicPartition(TOPIC, 0, 3)], asynchronous=False)
        committer.close()
        seen = until(
            metrics,
            {
                ("redpanda_kafka_max_offset", "0"): 5,
                ("redpanda_kafka_max_offset", "1"): 2,
                ("redpanda_kafka_records_produced_total", TOPIC): 7,
                ("redpanda_kafka_partitions", TOPIC): 2,
                ("redpanda_kafka_consumer_group_committed_offset", "0"): 3,
                ("redpanda_cluster_brokers", ""): 1,
                ("redpanda_cluster_unavailable_partitions", ""): 0,
            },
        )
        # Nothing was committed there, so nothing is said of it.
        assert ("redpanda_kafka_consumer_group_committed_offset", "1") not in seen


def test_a_broker_that_is_away_is_a_failed_scrape() -> None:
    """Stale figures are not served: the answer is 503 until the broker is back."""
    with served() as (broker, metrics):
        until(metrics, {("redpanda_cluster_brokers", ""): 1})
        broker.down()
        deadline = time.monotonic() + SECONDS
        while scrape(metrics) is not None:
            assert time.monotonic() < deadline
            time.sleep(0.2)
        broker.up()
        until(metrics, {("redpanda_cluster_brokers", ""): 1})


def test_another_path_is_not_there_and_a_taken_port_says_so() -> None:
    """Only /public_metrics is served; a second server on the port is refused."""
    with served() as (broker, metrics):
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(  # noqa: S310 — ours
                metrics.url.replace("public_", ""), timeout=5
            )
        assert refused.value.code == 404
        refused.value.close()
        with pytest.raises(ConfigurationError, match="choose another port"):
            BrokerMetrics.start(broker.bootstrap, port=metrics.port)
        metrics.close()
        metrics.close()
