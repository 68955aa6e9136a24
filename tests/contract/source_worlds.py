"""Worlds for the sources that winestream brings along."""

import time
from abc import abstractmethod
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import count
from typing import Any, Self, cast
from unittest import SkipTest

from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from winestream.kafka import KafkaSource
from winestream.kafka.settings import Protocol
from winestream.local import EmbeddedBroker
from winestream.ports import Source
from winestream.records import LogPartition
from winestream.testing import MemoryMessage, MemorySource
from winestream.testing.contract import Sent, SourceWorld
from winestream.testing.contract_source_world import PLENTY, Reader, Start

_numbers = count(1)


class MemorySourceWorld(SourceWorld):
    """A log in memory; its members live one after the other."""

    knows_times = False
    patience = 5.0

    def __init__(self, make: type[MemorySource] = MemorySource) -> None:
        self._make = make
        logs = [LogPartition("memory", "first-log", "wine", n) for n in (0, 1)]
        self.log: dict[LogPartition, list[MemoryMessage]] = {log: [] for log in logs}
        self._commits: dict[LogPartition, int] = {}
        self._script: list[Callable[[MemorySource], None]] = []
        self._living: MemorySource | None = None

    def source(self, start: Start = "earliest") -> Source:
        if isinstance(start, datetime):
            raise SkipTest("no times")
        made = self._make(self.log, start=start)
        made.log, made.commits = self.log, self._commits
        for each in self._script:
            each(made)
        self._living = made
        return made

    def send(self, partition: int, *messages: Sent) -> None:
        where = self._where(partition)
        end = len(self.log[where])
        self.log[where] += [
            MemoryMessage(end + n, sent.value, sent.key, sent.timestamp, sent.headers)
            for n, sent in enumerate(messages)
        ]

    def expire(self, partition: int, before: int) -> None:
        where = self._where(partition)
        self._script.append(lambda source: source.expire(where, before))

    def end_with_markers(self, partition: int) -> None:
        where = self._where(partition)
        self._script.append(lambda source: source.skip(where, 3))

    def take_one(self, reader: Reader) -> None:
        assert self._living is not None
        leaving = self._where(1)
        self._living.revoke(leaving)
        reader.until(lambda polled: leaving not in polled.assigned)

    def break_next_poll(self, source: Source) -> None:
        assert isinstance(source, MemorySource)
        source.fail(skipping=10)

    def _where(self, number: int) -> LogPartition:
        return sorted(self.log)[number]


class _Destroying:
    """A client whose next chunk of messages is destroyed by a callback that raises."""

    def __init__(self, real: Any) -> None:
        self._real, self._done = real, False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def consume(self, size: int, timeout: float) -> Any:
        """Consume; once, what came is lost."""
        chunk = self._real.consume(size, timeout)
        if self._done or not any(message.error() is None for message in chunk):
            return chunk
        self._done = True
        raise RuntimeError("planned: a callback raised")


class KafkaSourceWorld(SourceWorld):
    """A topic of a broker; a context manager that lets its other members go."""

    session = timedelta(seconds=6)

    def __init__(self, bootstrap: str, protocol: Protocol = "classic") -> None:
        self.bootstrap, self.protocol = bootstrap, protocol
        self.topic = f"contract-{time.time_ns()}-{next(_numbers)}"
        self.producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 1})
        self._others: list[Source] = []
        self.create()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for other in self._others:
            other.close()

    @abstractmethod
    def create(self) -> None:
        """Make the topic with two partitions."""

    def source(self, start: Start = "earliest") -> Source:
        return KafkaSource(
            [self.topic],
            group=f"group-{self.topic}",
            bootstrap=self.bootstrap,
            start=start,
            protocol=self.protocol,
            session_timeout=self.session if self.protocol == "classic" else None,
        )

    def send(self, partition: int, *messages: Sent) -> None:
        for sent in messages:
            self.producer.produce(
                self.topic,
                sent.value,
                sent.key,
                partition,
                timestamp=sent.timestamp,
                headers=None if sent.headers is None else list(sent.headers),
            )
        assert self.producer.flush(self.patience) == 0

    def take_one(self, reader: Reader) -> None:
        other = self.source()
        other.open(lambda _: None)
        self._others.append(other)
        give_up = time.monotonic() + self.patience
        while not other.poll(PLENTY, 0.02).assigned:
            reader.poll(timeout=0.02)
            assert time.monotonic() < give_up, "nothing moved"

    def break_next_poll(self, source: Source) -> None:
        assert isinstance(source, KafkaSource)
        source._consumer = cast("Consumer", _Destroying(source._consumer))


class EmbeddedSourceWorld(KafkaSourceWorld):
    """A topic of the embedded broker, which knows neither times nor retention."""

    knows_times = False
    # See test_at_least_once_kafka: it may begin a second rebalance at once.
    excused = frozenset(
        {"REBALANCE_IN_PROGRESS", "ILLEGAL_GENERATION", "UNKNOWN_MEMBER_ID"}
    )
    session = timedelta(seconds=3)  # it waits for who has left

    def __init__(self, broker: EmbeddedBroker, protocol: Protocol = "classic") -> None:
        self.broker = broker
        super().__init__(broker.bootstrap, protocol)

    def create(self) -> None:
        self.broker.create_topic(self.topic, partitions=2)


class RealSourceWorld(KafkaSourceWorld):
    """A topic of a real Apache Kafka."""

    def create(self) -> None:
        self.admin = AdminClient({"bootstrap.servers": self.bootstrap})
        # The contract's messages are from 2023.
        new = NewTopic(self.topic, 2, 1, config={"retention.ms": "-1"})
        for future in self.admin.create_topics([new]).values():
            future.result(timeout=self.patience)
        give_up = time.monotonic() + self.patience
        while self.topic not in self.admin.list_topics(timeout=10).topics:
            assert time.monotonic() < give_up
            time.sleep(0.05)

    def expire(self, partition: int, before: int) -> None:
        parts = [TopicPartition(self.topic, partition, before)]
        for future in self.admin.delete_records(parts).values():
            future.result(timeout=self.patience)

    def end_with_markers(self, partition: int) -> None:
        producer = Producer(
            {"bootstrap.servers": self.bootstrap, "transactional.id": self.topic}
        )
        producer.init_transactions(self.patience)
        producer.begin_transaction()
        producer.produce(self.topic, b"aborted", None, partition)
        producer.flush(self.patience)  # or it never reaches the log
        producer.abort_transaction(self.patience)
