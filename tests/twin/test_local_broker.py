"""The embedded broker through the genuine clients."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import (
    Consumer,
    KafkaError,
    KafkaException,
    Producer,
    TopicCollection,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient

from winestream.errors import ConfigurationError, WinestreamError
from winestream.local import EmbeddedBroker

pytestmark = pytest.mark.timeout(60)

METADATA = 3
OFFSET_COMMIT = 8
QUIET = {"log_level": 0}


def ended(pid: int, within: float = 10.0) -> bool:
    """Whether a process is gone, or goes within so many seconds."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return True
        if state == "Z":
            return True
        time.sleep(0.02)
    return False


def produce(broker: EmbeddedBroker, topic: str, count: int) -> None:
    """Send numbered messages, in turns to partitions 0 and 1."""
    producer = Producer({"bootstrap.servers": broker.bootstrap, **QUIET})
    for number in range(count):
        producer.produce(topic, str(number).encode(), partition=number % 2)
    assert producer.flush(10) == 0


def consumer_of(broker: EmbeddedBroker, group: str = "g", **more: Any) -> Consumer:
    """Make a consumer that reads from the start and commits when told to."""
    return Consumer(
        {
            "bootstrap.servers": broker.bootstrap,
            "group.id": group,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            "session.timeout.ms": 6000,
            "fetch.queue.backoff.ms": 10,
            **QUIET,
            **more,
        }
    )


def consumed(consumer: Consumer, count: int) -> list[Any]:
    """Read so many messages, or as many as come within 15 s."""
    found: list[Any] = []
    deadline = time.monotonic() + 15
    while len(found) < count and time.monotonic() < deadline:
        found += consumer.consume(count, 0.2)
    return found


@pytest.fixture(scope="module")
def broker() -> Iterator[EmbeddedBroker]:
    """One broker for the module."""
    with EmbeddedBroker.start({"wine.orders": 6, "wine.inventory": 2}) as started:
        yield started


def test_messages_and_commits_go_through(broker: EmbeddedBroker) -> None:
    """A group reads what was produced, commits, and the next member goes on there."""
    produce(broker, "wine.inventory", 20)
    consumer = consumer_of(broker)
    consumer.subscribe(["wine.inventory"])
    found = consumed(consumer, 20)
    assert sorted(int(message.value()) for message in found) == list(range(20))
    consumer.commit(asynchronous=False)
    consumer.close()
    following = consumer_of(broker)
    partitions = [TopicPartition("wine.inventory", p) for p in (0, 1)]
    assert [p.offset for p in following.committed(partitions, 10)] == [10, 10]
    following.close()


def test_topics_have_the_partitions_asked_for(broker: EmbeddedBroker) -> None:
    """Topics of the start and later ones; one that exists keeps its partitions."""
    broker.create_topic("late", partitions=3)
    broker.create_topic("late", partitions=5)
    admin = AdminClient({"bootstrap.servers": broker.bootstrap, **QUIET})
    topics = admin.list_topics(timeout=10).topics
    assert len(topics["wine.orders"].partitions) == 6
    assert len(topics["late"].partitions) == 3


def test_each_start_is_a_new_log() -> None:
    """Cluster id and topic ids differ from every other start of the same topics."""
    seen = []
    for _ in range(2):
        with EmbeddedBroker.start({"wine.orders": 1}) as started:
            admin = AdminClient({"bootstrap.servers": started.bootstrap, **QUIET})
            cluster = admin.describe_cluster(request_timeout=10).result()
            asked = TopicCollection(["wine.orders"])
            described = admin.describe_topics(asked, request_timeout=10)
            topic = described["wine.orders"].result()
            assert cluster.cluster_id == started.cluster_id
            assert admin.list_topics(timeout=10).cluster_id == started.cluster_id
            seen.append((cluster.cluster_id, str(topic.topic_id)))
    first, second = seen
    assert first[0] != second[0]
    assert first[1] != second[1]


def test_pushed_errors_are_answered_once_each(broker: EmbeddedBroker) -> None:
    """`fail` makes the next commit fail with that code; the one after succeeds."""
    consumer = consumer_of(broker, "failing")
    partition = TopicPartition("wine.orders", 0, 7)
    consumer.assign([partition])
    broker.fail(OFFSET_COMMIT, KafkaError.GROUP_AUTHORIZATION_FAILED)
    with pytest.raises(KafkaException) as refused:
        consumer.commit(offsets=[partition], asynchronous=False)
    assert refused.value.args[0].code() == KafkaError.GROUP_AUTHORIZATION_FAILED
    consumer.commit(offsets=[partition], asynchronous=False)
    broker.fail(OFFSET_COMMIT, KafkaError.GROUP_AUTHORIZATION_FAILED)
    broker.clear_failures(OFFSET_COMMIT)
    consumer.commit(offsets=[partition], asynchronous=False)
    consumer.close()


def test_a_broker_that_was_down_has_forgotten_nothing() -> None:
    """Between `down` and `up` nobody gets through; afterwards everything is there."""
    with EmbeddedBroker.start({"t": 2}) as started:
        produce(started, "t", 4)
        started.down()
        admin = AdminClient({"bootstrap.servers": started.bootstrap, **QUIET})
        with pytest.raises(KafkaException):
            admin.list_topics(timeout=1)
        started.up()
        consumer = consumer_of(started)
        consumer.assign([TopicPartition("t", 0, 0), TopicPartition("t", 1, 0)])
        assert len(consumed(consumer, 4)) == 4
        consumer.close()


def test_a_round_trip_delays_every_answer(broker: EmbeddedBroker) -> None:
    """`set_round_trip` is waited for, and zero ends it."""
    admin = AdminClient({"bootstrap.servers": broker.bootstrap, **QUIET})
    admin.list_topics(timeout=10)
    broker.set_round_trip(timedelta(milliseconds=400))
    began = time.monotonic()
    admin.list_topics(timeout=10)
    assert time.monotonic() - began >= 0.35
    broker.set_round_trip(timedelta(0))
    admin.list_topics(timeout=10)  # may still have been on its way
    began = time.monotonic()
    admin.list_topics(timeout=10)
    assert time.monotonic() - began < 0.35


def test_a_port_can_be_chosen() -> None:
    """On the port asked for, clients connect, and it survives down and up."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with EmbeddedBroker.start({"t": 2}, port=port) as started:
        assert started.bootstrap == f"127.0.0.1:{port}"
        produce(started, "t", 2)
        started.down()
        started.up()
        produce(started, "t", 2)
    with EmbeddedBroker.start({"t": 2}, port=port) as again:
        produce(again, "t", 2)


def test_a_taken_port_is_a_configuration_error() -> None:
    """The holder says so instead of aborting."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ConfigurationError, match=f"port {port}"):
            EmbeddedBroker.start(port=port)


def test_a_topic_needs_a_partition(broker: EmbeddedBroker) -> None:
    """Zero partitions are refused before librdkafka sees them."""
    with pytest.raises(ConfigurationError):
        EmbeddedBroker.start({"t": 0})
    with pytest.raises(ConfigurationError):
        broker.create_topic("t", partitions=0)


def test_a_killed_broker_is_gone_with_its_log() -> None:
    """After `kill` every call raises, and closing is still fine."""
    with EmbeddedBroker.start({"t": 1}) as started:
        started.kill()
        assert ended(started.pid)
        with pytest.raises(WinestreamError, match="ended before"):
            started.down()


def test_a_kip848_group_is_served(broker: EmbeddedBroker) -> None:
    """The new consumer protocol gets its assignment from the same broker."""
    broker.create_topic("modern", partitions=2)
    produce(broker, "modern", 6)
    consumer = Consumer(
        {
            "bootstrap.servers": broker.bootstrap,
            "group.id": "modern",
            "group.protocol": "consumer",
            "auto.offset.reset": "earliest",
            **QUIET,
        }
    )
    consumer.subscribe(["modern"])
    assert len(consumed(consumer, 6)) == 6
    consumer.close()


def test_the_holder_ends_with_its_parent() -> None:
    """A SIGKILLed parent takes the broker along; SIGINT alone does not end it."""
    code = (
        "import time; from winestream.local import EmbeddedBroker as B;"
        "b = B.start(); print(b.pid, flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        os.kill(pid, signal.SIGINT)
        assert not ended(pid, 0.3)
        parent.kill()
    assert ended(pid)


def test_answered_failures_are_counted(broker: EmbeddedBroker) -> None:
    """Only those that were pushed, and only once a request had one for an answer."""
    consumer = consumer_of(broker, "counting")
    partition = TopicPartition("wine.orders", 0, 7)
    consumer.assign([partition])
    assert broker.failures_answered(OFFSET_COMMIT) == 0
    broker.fail(OFFSET_COMMIT, *[KafkaError.GROUP_AUTHORIZATION_FAILED] * 2)
    for refused in (1, 2):
        with pytest.raises(KafkaException):
            consumer.commit(offsets=[partition], asynchronous=False)
        assert broker.failures_answered(OFFSET_COMMIT) == refused
    consumer.commit(offsets=[partition], asynchronous=False)
    assert broker.failures_answered(OFFSET_COMMIT) == 2
    broker.fail(OFFSET_COMMIT, KafkaError.GROUP_AUTHORIZATION_FAILED)
    assert broker.failures_answered(OFFSET_COMMIT) == 0
    broker.clear_failures(OFFSET_COMMIT)
    consumer.commit(offsets=[partition], asynchronous=False)
    assert broker.failures_answered(OFFSET_COMMIT) == 0
    consumer.close()
