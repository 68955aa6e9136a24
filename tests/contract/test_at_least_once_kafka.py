"""At least once with the genuine client: what the group's own commits say."""

import itertools
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta

import attrs
import pytest
from confluent_kafka import Consumer, TopicPartition
from plain_writers import PlainWriter

from winestream.codec import Routes
from winestream.core import BatchPolicy
from winestream.events import Event
from winestream.kafka import EventProducer, KafkaSource
from winestream.local import EmbeddedBroker
from winestream.records import Guarantee, LogPartition
from winestream.sink import BatchingSink
from winestream.telemetry import (
    KafkaCommitted,
    PartitionsLost,
    PartitionsReleased,
    SinkStopped,
    Telemetry,
)
from winestream.testing import Fault, FaultPlan, MemoryWarehouse

OFFSET_COMMIT = 8
GROUP_AUTHORIZATION_FAILED = 30
COUNT = 200
PATIENCE = 60.0
_numbers = itertools.count(1)


@attrs.frozen(kw_only=True)
class CorkReturned(Event):
    wine_id: str


ROUTES = Routes({CorkReturned: "RAW_CORKS"})


@pytest.fixture(scope="module")
def broker() -> Iterator[EmbeddedBroker]:
    """One broker for the module; every test has a topic and a group of its own."""
    with EmbeddedBroker.start() as started:
        yield started


@pytest.fixture
def topic(broker: EmbeddedBroker) -> str:
    """Make a topic of two partitions with messages in both."""
    name = f"corks-{next(_numbers)}"
    broker.create_topic(name, partitions=2)
    publish(broker, name, COUNT)
    return name


def publish(broker: EmbeddedBroker, topic: str, count: int) -> None:
    """Publish events, one in ten of them broken."""
    with EventProducer(broker.bootstrap, ROUTES) as producer:
        for n in range(count):
            event = ROUTES.encode(CorkReturned(wine_id=f"wine-{n}"))
            producer.publish_raw(topic, f"{n}", b"{" if n % 10 == 0 else event)


def sink_of(
    broker: EmbeddedBroker,
    topic: str,
    writer: PlainWriter,
    told: list[Telemetry] | None = None,
) -> BatchingSink:
    """Return a sink that is a member of the topic's one group."""
    source = KafkaSource(
        [topic],
        group=f"group-{topic}",
        bootstrap=broker.bootstrap,
        # The embedded broker waits for a session's length at each rebalance.
        session_timeout=timedelta(seconds=2.5),
        config={"heartbeat.interval.ms": 200},
    )
    return BatchingSink(
        source,
        ROUTES,
        writer,
        pipeline="corks",
        batch=BatchPolicy(max_rows=20, linger=timedelta(milliseconds=100)),
        hooks=[] if told is None else [told.append],
    )


def committed(broker: EmbeddedBroker, topic: str) -> dict[int, int]:
    """Ask the broker for the group's positions."""
    consumer = Consumer(
        {"bootstrap.servers": broker.bootstrap, "group.id": f"group-{topic}"}
    )
    try:
        parts = [TopicPartition(topic, n) for n in range(2)]
        return {p.partition: p.offset for p in consumer.committed(parts, timeout=10)}
    finally:
        consumer.close()


def covered(warehouse: MemoryWarehouse) -> dict[int, list[int]]:
    """Return every offset that landed, by partition."""
    found = {row.partition for row in warehouse.landed}
    found |= {where for where, _ in warehouse.dead}
    return {where.partition: warehouse.covered(where) for where in found}


def test_commits_what_landed(broker: EmbeddedBroker, topic: str) -> None:
    """Everything lands, the group's positions are the log's ends, and hold."""
    warehouse = MemoryWarehouse()
    sink = sink_of(broker, topic, PlainWriter(warehouse))
    assert sink.guarantee is Guarantee.AT_LEAST_ONCE
    sink.run(until_caught_up=True, signals=False)
    there = covered(warehouse)
    assert sum(map(len, there.values())) == COUNT
    assert committed(broker, topic) == {n: len(there[n]) for n in range(2)}

    publish(broker, topic, 10)
    later = MemoryWarehouse()
    sink_of(broker, topic, PlainWriter(later)).run(until_caught_up=True, signals=False)
    assert sum(map(len, covered(later).values())) == 10


def test_refused_commit_is_asked_again(broker: EmbeddedBroker, topic: str) -> None:
    """What the coordinator refuses is committed in the end, and nothing is re-read."""
    warehouse, told = MemoryWarehouse(), list[Telemetry]()
    broker.fail(OFFSET_COMMIT, *[GROUP_AUTHORIZATION_FAILED] * 2)
    try:
        sink_of(broker, topic, PlainWriter(warehouse), told).run(
            until_caught_up=True, signals=False
        )
    finally:
        broker.clear_failures(OFFSET_COMMIT)
    there = covered(warehouse)
    assert committed(broker, topic) == {n: len(there[n]) for n in range(2)}
    answers = [value for value in told if isinstance(value, KafkaCommitted)]
    assert any(answer.errors for answer in answers)


def test_unknown_outcome_doubles_and_loses_nothing(
    broker: EmbeddedBroker, topic: str
) -> None:
    """A lost answer and a refusal later everything is there, something twice."""
    warehouse = MemoryWarehouse()
    faults = FaultPlan.of(Fault.ANSWER_LOST, Fault.RETRYABLE, Fault.NONE)
    sink_of(broker, topic, PlainWriter(warehouse, faults)).run(
        until_caught_up=True, signals=False
    )
    there = covered(warehouse)
    ends = committed(broker, topic)
    assert {n: sorted(set(offsets)) for n, offsets in there.items()} == {
        n: list(range(end)) for n, end in ends.items()
    }
    assert sum(ends.values()) == COUNT
    assert sum(map(len, there.values())) > COUNT


def test_stop_does_not_wait_for_a_frozen_broker() -> None:
    """No broker answers, and the stop is over when its time is.

    A synchronous commit would go on for minutes, and nothing could interrupt it.
    """
    with EmbeddedBroker.start({"corks": 1}) as frozen:
        publish(frozen, "corks", COUNT)
        warehouse, told = MemoryWarehouse(), list[Telemetry]()
        source = KafkaSource(
            ["corks"],
            group="group",
            bootstrap=frozen.bootstrap,
            leave_within=timedelta(seconds=1),
        )
        sink = BatchingSink(
            source,
            ROUTES,
            PlainWriter(warehouse),
            pipeline="corks",
            batch=BatchPolicy(linger=timedelta(minutes=1)),
            stop_within=timedelta(seconds=1),
            hooks=[told.append],
        )
        member = threading.Thread(
            target=sink.run, kwargs={"signals": False}, daemon=True
        )
        member.start()
        while not sink.snapshot.all_read:
            time.sleep(0.02)
        os.kill(frozen.pid, signal.SIGSTOP)
        try:
            sink.stop()
            member.join(PATIENCE)
            assert not member.is_alive()
        finally:
            os.kill(frozen.pid, signal.SIGCONT)
    assert sum(map(len, covered(warehouse).values())) == COUNT
    assert isinstance(told[-1], SinkStopped)
    assert "did not let go" in told[-1].error


class _Member(threading.Thread):
    """A sink in a thread of its own, and what left it with its commit refused."""

    def __init__(self, broker: EmbeddedBroker, topic: str) -> None:
        super().__init__(daemon=True)
        self.warehouse = MemoryWarehouse()
        self.told: list[Telemetry] = []
        self.sink = sink_of(broker, topic, PlainWriter(self.warehouse), self.told)
        self.failure: BaseException | None = None

    def run(self) -> None:
        try:
            self.sink.run(signals=False)
        except BaseException as error:  # noqa: BLE001 — raised by the test
            self.failure = error

    def leave(self) -> None:
        self.sink.stop()
        self.join(PATIENCE)
        assert not self.is_alive()
        assert self.failure is None

    @property
    def positions(self) -> dict[LogPartition, int | None]:
        parts = self.sink.snapshot.partitions
        return {p: status.written for p, status in parts.items()}

    @property
    def uncommitted(self) -> set[int]:
        """The partitions that went while Kafka refused the last of their commits."""
        refused: set[LogPartition] = set()
        gone: set[int] = set()
        for value in self.told:
            match value:
                case KafkaCommitted(positions, errors):
                    refused = (refused - positions.keys()) | errors.keys()
                case PartitionsReleased(partitions):
                    gone |= {p.partition for p in partitions & refused}
                case PartitionsLost(partitions):
                    gone |= {p.partition for p in partitions}
        return gone


def test_partition_moves_without_a_double(broker: EmbeddedBroker, topic: str) -> None:
    """A revocation writes and commits first: the next owner reads nothing again.

    Unless the group refuses the commit. The embedded broker does that in a rebalance
    whose leader is faster than the rest: it takes the group for complete and turns the
    others away, whose joining then begins a rebalance that no commit gets through.
    """
    pause = threading.Event()
    members = first, second = _Member(broker, topic), _Member(broker, topic)

    def wait_until(done: Callable[[], bool]) -> None:
        while not done():
            assert not pause.wait(0.02), "waited for nothing"
            assert (first.failure, second.failure) == (None, None)

    def landed() -> dict[int, list[int]]:
        both: dict[int, list[int]] = {0: [], 1: []}
        for member in members:
            for number, offsets in covered(member.warehouse).items():
                both[number] += offsets
        return both

    first.start()
    wait_until(lambda: len(first.positions) == 2)
    second.start()
    publish(broker, topic, COUNT)
    wait_until(lambda: len(first.positions) == len(second.positions) == 1)
    publish(broker, topic, COUNT)
    wait_until(lambda: sum(len(set(there)) for there in landed().values()) == 3 * COUNT)
    first.sink.stop()
    second.leave()
    first.leave()
    uncommitted = first.uncommitted | second.uncommitted
    ends = committed(broker, topic)
    for number, there in landed().items():
        assert set(there) == set(range(len(set(there))))
        if number not in uncommitted:
            assert len(there) == len(set(there)) == ends[number]
