"""The genuine client against the embedded broker: what `EventProducer` promises."""

import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from itertools import count

import pytest
from confluent_kafka import OFFSET_BEGINNING, Consumer, Message, TopicPartition

from winestream.errors import ConfigurationError, SourceError
from winestream.events import Event
from winestream.kafka import ConsumedWindow, DeliveryError, EventProducer
from winestream.local import EmbeddedBroker
from winestream.records import Inspection

PRODUCE = 0
PARTITIONS = 3
_numbers = count()


class Plain:
    """A codec that only encodes."""

    def encode(self, event: Event) -> bytes:
        return event.event_id.encode()

    def decode(self, value: bytes | None) -> Event:
        raise NotImplementedError

    def inspect(self, values: object) -> Inspection:
        raise NotImplementedError


@pytest.fixture(scope="module")
def broker() -> Iterator[EmbeddedBroker]:
    """One broker for the module; every test has a topic of its own."""
    with EmbeddedBroker.start() as started:
        yield started


@pytest.fixture
def topic(broker: EmbeddedBroker) -> str:
    """Make a topic of three partitions."""
    name = f"topic-{next(_numbers)}"
    broker.create_topic(name, partitions=PARTITIONS)
    return name


def _read(broker: EmbeddedBroker, topic: str, messages: int) -> list[Message]:
    consumer = Consumer({"bootstrap.servers": broker.bootstrap, "group.id": "reader"})
    consumer.assign(
        [TopicPartition(topic, n, OFFSET_BEGINNING) for n in range(PARTITIONS)]
    )
    read: list[Message] = []
    give_up = time.monotonic() + 20
    while len(read) < messages and time.monotonic() < give_up:
        read += consumer.consume(500, 0.2)
    consumer.close()
    return read


def test_order_and_counts(broker: EmbeddedBroker, topic: str) -> None:
    """One key goes to one partition in order; every acknowledgement is counted."""
    told: list[tuple[str, int, float]] = []
    with EventProducer(
        broker.bootstrap, Plain(), delivered=lambda *told_: told.append(told_)
    ) as producer:
        for number in range(3000):
            producer.publish_raw(topic, f"key-{number % 20}", b"%d" % number)
        producer.flush()
        counts, highest = producer.acknowledged, producer.highest
    assert sum(counts.values()) == 3000
    assert highest == {name: number - 1 for name, number in counts.items()}
    assert sum(number for _, number, _ in told) == 3000
    assert all(0 < latency < 20_000 for _, _, latency in told)
    by_key: dict[bytes, list[tuple[int, int]]] = {}
    for message in _read(broker, topic, 3000):
        place = message.partition(), int(message.value())
        by_key.setdefault(message.key(), []).append(place)
    assert len(by_key) == 20
    for key, places in by_key.items():
        number = int(key.decode().removeprefix("key-"))
        assert len({partition for partition, _ in places}) == 1
        assert [value for _, value in places] == list(range(number, 3000, 20))


def test_what_is_sent(broker: EmbeddedBroker, topic: str) -> None:
    """Events are encoded; raw messages go as they are, null values and headers too."""
    event = Event(event_id="e-1")
    with EventProducer(broker.bootstrap, Plain()) as producer:
        producer.publish(topic, "k", event)
        producer.publish_raw(topic, b"k", None, [("h", b"1"), ("n", None)])
        producer.publish_raw(topic, None, b"{")
    read = _read(broker, topic, 3)
    assert {(m.key(), m.value()) for m in read} == {
        (b"k", b"e-1"),
        (b"k", None),
        (None, b"{"),
    }
    assert [m.headers() for m in read if m.headers()] == [[("h", b"1"), ("n", None)]]


def test_failed_delivery(broker: EmbeddedBroker, topic: str) -> None:
    """`flush` says how many messages were refused and why, once."""
    producer = EventProducer(broker.bootstrap, Plain())
    broker.fail(PRODUCE, 29)  # topic authorization failed
    for _ in range(5):
        producer.publish_raw(topic, "k", b"v")
    with pytest.raises(DeliveryError, match="TOPIC_AUTHORIZATION_FAILED") as failed:
        producer.flush()
    broker.clear_failures(PRODUCE)
    assert failed.value.failed == 5
    producer.flush()
    assert sum(producer.acknowledged.values()) == 0
    producer.close()


def test_no_answer(topic: str) -> None:
    """Messages still on their way when `flush` gives up count as failed."""
    with EmbeddedBroker.start({topic: 1}) as broker:
        producer = EventProducer(broker.bootstrap, Plain())
        producer.publish_raw(topic, "k", b"v")
        producer.flush()
        broker.down()
        producer.publish_raw(topic, "k", b"v")
        with pytest.raises(DeliveryError, match=r"no answer within 0\.2 s"):
            producer.flush(timedelta(seconds=0.2))
        with pytest.raises(DeliveryError):
            producer.close(timedelta(seconds=0.1))


def test_leaving_with_an_error(topic: str) -> None:
    """An exception inside the block is not replaced; undelivered ones are noted."""

    def work(broker: EmbeddedBroker) -> None:
        with EventProducer(
            broker.bootstrap, Plain(), config={"message.timeout.ms": 300}
        ) as producer:
            broker.down()
            producer.publish_raw(topic, "k", b"v")
            raise ValueError("mine")

    with (
        EmbeddedBroker.start({topic: 1}) as broker,
        pytest.raises(ValueError, match="mine") as caught,
    ):
        work(broker)
    assert "1 message was not acknowledged" in caught.value.__notes__[0]


def test_full_queue(broker: EmbeddedBroker, topic: str) -> None:
    """A full client queue makes publishing wait; nothing is lost."""
    with EventProducer(
        broker.bootstrap,
        Plain(),
        config={"queue.buffering.max.messages": 50},
    ) as producer:
        for number in range(1000):
            producer.publish_raw(topic, f"{number}", b"v")
        producer.flush()
        assert sum(producer.acknowledged.values()) == 1000


class Group:
    """Reads a topic in a thread, committing as it goes."""

    def __init__(self, broker: EmbeddedBroker, topic: str, group: str) -> None:
        self.read = 0
        self.trimmed = 0
        self._stop = threading.Event()
        self._consumer = Consumer(
            {
                "bootstrap.servers": broker.bootstrap,
                "group.id": group,
                "enable.auto.commit": False,
                "auto.offset.reset": "error",
                "fetch.queue.backoff.ms": 10,
            }
        )
        self._consumer.assign([TopicPartition(topic, n, 0) for n in range(PARTITIONS)])
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while not self._stop.is_set():
            for message in self._consumer.consume(20, 0.05):
                if message.error():
                    self.trimmed += 1
                    continue
                self.read += 1
                self._consumer.commit(message=message, asynchronous=True)
            time.sleep(0.01)

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(10)
        self._consumer.close()


def test_window(broker: EmbeddedBroker, topic: str) -> None:
    """A window blocks, goes on as the group reads, and nothing is trimmed unread."""
    window = ConsumedWindow(f"group-{topic}", max_bytes=3_500_000)
    config = {"compression.type": "none"}
    group: Group | None = None
    producer = EventProducer(broker.bootstrap, Plain(), config=config, window=window)
    # 200 messages of 200 kB: 40 MB through partitions that keep 5 MiB each.
    try:
        for number in range(200):
            if number == 30:
                group = Group(broker, topic, f"group-{topic}")
            producer.publish_raw(topic, f"k{number}", b"x" * 200_000)
            for partition in range(PARTITIONS):
                assert window.outstanding(topic, partition) <= 3_500_000
        producer.close()
        assert group is not None
        give_up = time.monotonic() + 20
        while group.read < 200 and time.monotonic() < give_up:
            time.sleep(0.05)
    finally:
        if group is not None:
            group.stop()
    assert (group.read, group.trimmed) == (200, 0)


def test_window_gives_up(broker: EmbeddedBroker, topic: str) -> None:
    """With no reader the wait is reported, and ends when a bound was given."""
    told: list[tuple[str, int, float]] = []
    window = ConsumedWindow(
        "nobody",
        max_bytes=500_000,
        give_up=timedelta(seconds=1.3),
        waiting=lambda *told_: told.append(told_),
    )
    producer = EventProducer(broker.bootstrap, Plain(), window=window)
    for _ in range(2):
        producer.publish_raw(topic, "k", b"x" * 200_000)
    began = time.monotonic()
    with pytest.raises(TimeoutError, match="group nobody has not read"):
        producer.publish_raw(topic, "k", b"x" * 200_000)
    assert 1.2 < time.monotonic() - began < 4
    assert [name for name, _, _ in told] == [topic]
    producer.flush()
    assert sum(producer.acknowledged.values()) == 2
    producer.close()


def test_window_needs_the_topic(broker: EmbeddedBroker) -> None:
    """With a window the topic must exist, since its partitions must be known."""
    window = ConsumedWindow("nobody")
    with (
        EventProducer(
            broker.bootstrap,
            Plain(),
            config={"allow.auto.create.topics": False},
            window=window,
        ) as producer,
        pytest.raises(SourceError, match="not-there"),
    ):
        producer.publish_raw("not-there", "k", b"v")


def test_one_window_each(broker: EmbeddedBroker) -> None:
    """A window counts one producer's bytes and refuses a second one."""
    window = ConsumedWindow("nobody")
    with (
        EventProducer(broker.bootstrap, Plain(), window=window),
        pytest.raises(ConfigurationError, match="belongs to one producer"),
    ):
        EventProducer(broker.bootstrap, Plain(), window=window)
