"""`ForwardDeadLetters` through the contract, and what it puts on its topic."""

import itertools
import logging
from collections.abc import Iterator
from datetime import timedelta

import attrs
import pytest
from confluent_kafka import Consumer, Message, TopicPartition
from contract_worlds import MemoryWorld

from winestream.codec import Routes
from winestream.errors import ConfigurationError, RetryableWriteError
from winestream.events import Event
from winestream.kafka import ForwardDeadLetters
from winestream.local import EmbeddedBroker
from winestream.ports import CursorStore, Writer
from winestream.records import DeadLetter, LogPartition, Segment, Slice, Want
from winestream.sink import BatchingSink
from winestream.testing import (
    Fault,
    FaultPlan,
    MemoryMessage,
    MemorySource,
    MemoryWriter,
)
from winestream.testing.contract import CursorStoreContract, WriterWorld

PRODUCE = 0
TOPIC_AUTHORIZATION_FAILED = 29
HERE = LogPartition("cluster", "log", "corks", 3)
_numbers = itertools.count(1)


@attrs.frozen(kw_only=True)
class CorkReturned(Event):
    wine_id: str


@pytest.fixture(scope="module")
def broker() -> Iterator[EmbeddedBroker]:
    """One broker for the module; every test has a topic of its own."""
    with EmbeddedBroker.start() as started:
        yield started


@pytest.fixture
def topic(broker: EmbeddedBroker) -> str:
    """Make a topic for dead letters."""
    name = f"dead-letters-{next(_numbers)}"
    broker.create_topic(name, partitions=1)
    return name


def forwarding(
    writer: Writer, broker: EmbeddedBroker, topic: str, seconds: float = 20
) -> ForwardDeadLetters:
    """Wrap a writer."""
    return ForwardDeadLetters(
        writer,
        topic,
        bootstrap=broker.bootstrap,
        name="wine",
        timeout=timedelta(seconds=seconds),
    )


def read_all(broker: EmbeddedBroker, topic: str) -> list[Message]:
    """Return everything the topic holds."""
    consumer = Consumer({"bootstrap.servers": broker.bootstrap, "group.id": "nobody"})
    try:
        _, high = consumer.get_watermark_offsets(TopicPartition(topic, 0), timeout=10)
        consumer.assign([TopicPartition(topic, 0, 0)])
        messages: list[Message] = []
        while len(messages) < high:
            messages += consumer.consume(high - len(messages), timeout=10)
        return messages
    finally:
        consumer.close()


class _ForwardingWorld(MemoryWorld):
    def __init__(self, broker: EmbeddedBroker, topic: str) -> None:
        super().__init__()
        self._broker, self._topic = broker, topic

    def writer(self) -> Writer:
        return forwarding(super().writer(), self._broker, self._topic)

    def break_next_write(self, writer: Writer) -> None:
        assert isinstance(writer, ForwardDeadLetters)
        super().break_next_write(writer._writer)

    def lose_next_answer(self, writer: Writer) -> None:
        assert isinstance(writer, ForwardDeadLetters)
        super().lose_next_answer(writer._writer)


class TestForwardDeadLetters(CursorStoreContract):
    @pytest.fixture
    def world(self, broker: EmbeddedBroker, topic: str) -> WriterWorld:
        return _ForwardingWorld(broker, topic)


class _Plain:
    """A writer without cursors."""

    def __init__(self) -> None:
        self.written: list[Slice] = []

    def open(self) -> None:
        pass

    def write(self, piece: Slice, _epochs: object) -> None:
        self.written.append(piece)

    def close(self) -> None:
        pass


def letters(*found: DeadLetter, name: str = "owner/1") -> Slice:
    """Return a slice of nothing but these."""
    start, stop = found[0].offset, found[-1].offset + 1
    return Slice(name, (Segment(HERE, start, stop, dead=found),))


def letter(offset: int, **others: object) -> DeadLetter:
    """Return a dead letter."""
    whole = {
        "value": b"\xff{bad",
        "key": b"wine",
        "timestamp": 1_769_876_400_123,
        "reason": "malformed-json",
        "path": "$.line",
    }
    return DeadLetter(offset=offset, **{**whole, **others})  # type: ignore[arg-type]


def test_keeps_what_the_writer_is(broker: EmbeddedBroker, topic: str) -> None:
    """It is a cursor store exactly when the writer inside is one."""
    with_cursors = forwarding(MemoryWriter(), broker, topic)
    without = forwarding(_Plain(), broker, topic)
    assert isinstance(with_cursors, CursorStore)
    assert not isinstance(without, CursorStore)
    assert isinstance(forwarding(with_cursors, broker, topic), CursorStore)
    assert not isinstance(forwarding(without, broker, topic), CursorStore)


def test_message_is_whole(broker: EmbeddedBroker, topic: str) -> None:
    """Key, value, time and headers are untouched; Connect's headers follow."""
    writer = forwarding(_Plain(), broker, topic)
    writer.open()
    own = [("trace", b"\x00\x01"), ("trace", None)]
    writer.write(letters(letter(7, headers=own)), {HERE: 0})
    writer.close()
    (message,) = read_all(broker, topic)
    assert (message.key(), message.value()) == (b"wine", b"\xff{bad")
    assert message.timestamp()[1] == 1_769_876_400_123
    headers = message.headers()
    assert headers is not None
    assert headers[:2] == own
    assert dict(headers[2:]) == {
        "__connect.errors.topic": b"corks",
        "__connect.errors.partition": b"3",
        "__connect.errors.offset": b"7",
        "__connect.errors.connector.name": b"wine",
        "__connect.errors.task.id": b"0",
        "__connect.errors.stage": b"VALUE_CONVERTER",
        "__connect.errors.class.name": b"winestream.codec.Routes",
        "__connect.errors.exception.class.name": b"winestream.errors.DecodeError",
        "__connect.errors.exception.message": b"malformed-json at $.line",
        "winestream.cluster_id": b"cluster",
        "winestream.topic_id": b"log",
        "winestream.slice_id": b"owner/1",
        "winestream.reason": b"malformed-json",
        "winestream.path": b"$.line",
    }


def test_null_stays_null(broker: EmbeddedBroker, topic: str) -> None:
    """A message without key, value and time is forwarded as it was."""
    writer = forwarding(_Plain(), broker, topic)
    writer.open()
    nothing = letter(0, value=None, key=None, timestamp=-1, reason="null-value")
    writer.write(letters(nothing), {HERE: 0})
    writer.close()
    (message,) = read_all(broker, topic)
    assert (message.key(), message.value()) == (None, None)


def test_refused_row_names_the_writer(broker: EmbeddedBroker, topic: str) -> None:
    """A row the warehouse refused is forwarded from the stage that refused it."""
    writer = forwarding(_Plain(), broker, topic)
    writer.open()
    writer.write(letters(letter(0, reason="rejected", path="100078")), {HERE: 0})
    writer.close()
    (message,) = read_all(broker, topic)
    headers = dict(message.headers() or ())
    assert headers["__connect.errors.stage"] == b"TASK_PUT"
    assert str(headers["__connect.errors.class.name"]).endswith("_Plain'")
    assert headers["__connect.errors.exception.message"] == b"rejected at 100078"


def test_forwarded_before_it_is_written(broker: EmbeddedBroker, topic: str) -> None:
    """When the writer is asked, the topic has the letter already."""
    seen: list[int] = []
    inner = MemoryWriter(
        before_write=lambda _: seen.append(len(read_all(broker, topic)))
    )
    writer = forwarding(inner, broker, topic)
    writer.open()
    assert isinstance(writer, CursorStore)
    writer.claim("owner", {HERE: Want(0)})
    writer.write(letters(letter(0), letter(1)), {HERE: 1})
    writer.close()
    assert seen == [2]


def test_not_forwarded_is_not_written(broker: EmbeddedBroker, topic: str) -> None:
    """Without an acknowledgement nothing is written, and a later try does both."""
    plain = _Plain()
    writer = forwarding(plain, broker, topic)
    writer.open()
    broker.fail(PRODUCE, TOPIC_AUTHORIZATION_FAILED)
    with pytest.raises(RetryableWriteError, match="could not be forwarded"):
        writer.write(letters(letter(0)), {HERE: 0})
    assert plain.written == []
    broker.clear_failures(PRODUCE)
    writer.write(letters(letter(0)), {HERE: 0})
    writer.close()
    assert len(plain.written) == 1
    assert len(read_all(broker, topic)) == 1


def test_no_broker_is_retryable(topic: str, broker: EmbeddedBroker) -> None:
    """With the brokers away the slice waits; nothing is sent once it was given up."""
    plain = _Plain()
    writer = forwarding(plain, broker, topic, seconds=1)
    writer.open()
    broker.down()
    try:
        with pytest.raises(RetryableWriteError):
            writer.write(letters(letter(0)), {HERE: 0})
    finally:
        broker.up()
    writer.close()
    assert plain.written == []


def test_same_slice_again_is_not_forwarded_again(
    broker: EmbeddedBroker, topic: str
) -> None:
    """In an outage of the warehouse the topic is not flooded, nor by halves."""
    inner = MemoryWriter(FaultPlan.fail(5))
    writer = forwarding(inner, broker, topic)
    writer.open()
    assert isinstance(writer, CursorStore)
    writer.claim("owner", {HERE: Want(0)})
    piece = letters(letter(0), letter(1))
    for _ in range(4):
        with pytest.raises(RetryableWriteError):
            writer.write(piece, {HERE: 1})
    half = letters(letter(0), name="owner/2")
    with pytest.raises(RetryableWriteError):
        writer.write(half, {HERE: 1})
    writer.write(half, {HERE: 1})
    writer.write(letters(letter(1), name="owner/3"), {HERE: 1})
    writer.close()
    assert [m.offset() for m in read_all(broker, topic)] == [0, 1]
    assert writer._forwarded == set()


def test_missing_topic_is_told_at_start(broker: EmbeddedBroker) -> None:
    """A topic that is not there stops the start and is not made in passing."""
    for _ in range(2):
        writer = forwarding(_Plain(), broker, "nowhere", seconds=5)
        with pytest.raises(ConfigurationError, match="nowhere"):
            writer.open()


def test_settings_that_would_weaken_it_are_refused(
    broker: EmbeddedBroker, topic: str
) -> None:
    """Nobody can switch acknowledgements off."""
    with pytest.raises(ConfigurationError, match="acks"):
        ForwardDeadLetters(
            _Plain(), topic, bootstrap=broker.bootstrap, name="w", config={"acks": 0}
        )


def test_says_at_least_once_at_start(
    broker: EmbeddedBroker, topic: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The weaker promise for the topic is logged, and is among the settings."""
    writer = forwarding(_Plain(), broker, topic)
    with caplog.at_level(logging.INFO, "winestream"):
        writer.open()
    writer.close()
    assert f"forwarded to {topic} at least once" in caplog.text
    assert writer.settings["dead_letters.guarantee"] == "at-least-once"


def test_in_a_sink(broker: EmbeddedBroker, topic: str) -> None:
    """A sink stays exactly once, and every broken message is on the topic."""
    routes = Routes({CorkReturned: "RAW_CORKS"})
    good = [routes.encode(CorkReturned(wine_id=f"w{n}")) for n in range(30)]
    values = [
        None if n % 5 == 0 else b"{" if n % 5 == 1 else v for n, v in enumerate(good)
    ]
    source = MemorySource({HERE: [MemoryMessage(n, v) for n, v in enumerate(values)]})
    inner = MemoryWriter(FaultPlan.of(Fault.ANSWER_LOST, Fault.COMMIT_LOST))
    writer = forwarding(inner, broker, topic)
    sink = BatchingSink(source, routes, writer, pipeline="wine")
    assert sink.guarantee == "exactly-once"
    sink.run(until_caught_up=True, signals=False)
    assert inner.warehouse.covered(HERE) == list(range(30))
    forwarded = {
        dict(m.headers() or ())["__connect.errors.offset"]
        for m in read_all(broker, topic)
    }
    assert forwarded == {str(n).encode() for n in range(30) if n % 5 < 2}
