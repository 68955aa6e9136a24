"""The broker of a run: a real Apache Kafka where there is Java, else our own."""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AdminClient,
    NewTopic,
)

from benchmarks.apache import VERSION, ApacheKafka, NoKafkaError
from winestream.local import EmbeddedBroker

Kind = Literal["apache-kafka", "embedded"]

# As a server is run, not as a test runs it: a second for the group's members to gather,
# so that two processes start with half of the partitions each.
_PROPERTIES: Final[Mapping[str, object]] = {"group.initial.rebalance.delay.ms": 1000}
_JVM: Final = ("-Xms512m", "-Xmx1g", "-XX:+UseG1GC")


@dataclass(frozen=True)
class Broker:
    """Where a broker is and what it is."""

    kind: Kind
    bootstrap: str
    version: str


@contextmanager
def broker(topics: Mapping[str, int], wanted: Kind | None = None) -> Iterator[Broker]:
    """Start a broker with these topics.

    Without `wanted` it is the real one if it can be had, and the reason is printed if
    it cannot. Raises `NoKafkaError` when the real one is wanted and cannot be had.
    """
    if wanted != "embedded":
        with ExitStack() as stack:
            try:
                started = stack.enter_context(real_kafka(topics))
            except NoKafkaError as error:
                if wanted:
                    raise
                print(f"No Apache Kafka, so the embedded broker: {error}", flush=True)
            else:
                yield started
                return
    with EmbeddedBroker.start(topics) as embedded:
        yield Broker("embedded", embedded.bootstrap, "librdkafka's mock cluster")


@contextmanager
def real_kafka(topics: Mapping[str, int]) -> Iterator[Broker]:
    """Start an Apache Kafka with these topics."""
    with tempfile.TemporaryDirectory(prefix="bench-kafka-") as folder:
        data = Path(folder) / "kafka"
        with ApacheKafka(data, properties=_PROPERTIES, jvm=_JVM) as kafka:
            # In a variable: collected early, it fails its own answers.
            admin = AdminClient({"bootstrap.servers": kafka.bootstrap, "log_level": 2})
            new = [NewTopic(name, count, 1) for name, count in topics.items()]
            for made in admin.create_topics(new).values():
                made.result()
            yield Broker("apache-kafka", kafka.bootstrap, f"Apache Kafka {VERSION}")
