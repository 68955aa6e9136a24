"""`ForwardDeadLetters`: a writer around a writer; dead letters go to a topic too."""

import logging
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Final, Self, cast

import attrs
from confluent_kafka import KafkaError, KafkaException, Message, Producer

from winestream.errors import ConfigurationError, RetryableWriteError
from winestream.kafka.connect_headers import connect_headers
from winestream.kafka.errors import error_from, source_error
from winestream.kafka.settings import (
    Setting,
    check,
    milliseconds,
    redacted,
    without_secrets,
)
from winestream.ports import CursorStore, Writer
from winestream.records import Cursor, DeadLetter, LogPartition, Slice, Want

_log = logging.getLogger("winestream")

_SAFE: Final = "a dead letter counts as forwarded once all replicas have it"
_REPORTS: Final = "delivery reports are counted here"
_REFUSED: Final[Mapping[str, str]] = {
    "enable.idempotence": _SAFE,
    "acks": _SAFE,
    "request.required.acks": _SAFE,
    "transactional.id": "forwarding is at least once",
    "delivery.timeout.ms": "give it as `timeout`",
    "message.timeout.ms": "give it as `timeout`",
    "partitioner": "the same key must meet the same partition as Java's clients",
    "on_delivery": _REPORTS,
    "dr_cb": _REPORTS,
    "delivery.report.only.error": _REPORTS,
}

_REMEMBERED: Final = 100_000
"""Forwarded dead letters of slices that did not land yet; beyond, all are sent anew."""

_FULL_QUEUE_SECONDS: Final = 0.1

_Letter = tuple[LogPartition, DeadLetter]


class ForwardDeadLetters:
    """A `Writer` that sends dead letters to `topic`, then lets `writer` write them.

    It keeps cursors exactly when `writer` does, so the sink's guarantee stays what it
    was; **for the topic it is at least once**: a dead letter is acknowledged by all
    replicas before its slice is written, and a slice that is written again later, by
    this process or the next owner, may send it again. `open` logs that as a warning.

    Key, value, time and headers stay as they were; `__connect.errors.…` headers follow
    that say where the message came from and why it is here. `name` is what they call
    the connector: give the pipeline's. `config` takes any other property of the client.
    `timeout` bounds one slice's forwarding, and must be well inside the sink's `drain`.

    The topic must exist. What cannot be forwarded is a `RetryableWriteError`: the slice
    waits, nothing is dropped. The writer thread owns it, and `writer` with it. Raises
    `ConfigurationError`.
    """

    def __new__(cls, writer: Writer, *_: object, **__: object) -> Self:
        """Make the variant with cursors for a writer with cursors."""
        if isinstance(writer, CursorStore) and not issubclass(cls, CursorStore):
            return cast("Self", super().__new__(_WithCursors))
        return super().__new__(cls)

    def __init__(
        self,
        writer: Writer,
        topic: str,
        *,
        bootstrap: str,
        name: str,
        config: Mapping[str, Setting] | None = None,
        timeout: timedelta = timedelta(seconds=20),
    ) -> None:
        config = config or {}
        if not topic or not name:
            raise ConfigurationError("topic and name must not be empty")
        check(config, owned={"bootstrap.servers": bootstrap}, refused=_REFUSED)
        self._writer = writer
        self._topic, self._name = topic, name
        self._timeout = timeout.total_seconds()
        self._settings: dict[str, Setting] = {
            "client.id": "winestream-dead-letters",
            "log_level": 3,
            "linger.ms": 5,
            "compression.type": "lz4",
            # The topic's own limit decides: headers make a message larger than it was.
            "message.max.bytes": 32 * 1024 * 1024,
            **{k: v for k, v in config.items() if k != "metadata.broker.list"},
            "bootstrap.servers": bootstrap,
            "enable.idempotence": True,
            "partitioner": "murmur2_random",
            "message.timeout.ms": milliseconds(timeout, "timeout"),
        }
        self._producer: Producer | None = None
        self._forwarded: set[tuple[LogPartition, int]] = set()

    def __repr__(self) -> str:
        return f"<ForwardDeadLetters to {self._topic} around {self._writer!r}>"

    @property
    def settings(self) -> Mapping[str, str]:
        """What to log at start, beside the source's; secrets are `***`."""
        return {
            "dead_letters.topic": self._topic,
            "dead_letters.guarantee": "at-least-once",
            **{f"dead_letters.{k}": v for k, v in redacted(self._settings).items()},
        }

    # ------------------------------------------------------------------- the writer

    def open(self) -> None:
        """Open the writer, then look that the topic is there.

        Raises what the writer raises, `ConfigurationError` when there is no such topic
        and `RetryableWriteError` when no broker answers.
        """
        self._writer.open()
        try:
            self._require_topic()
        except BaseException:
            self.close()
            raise
        _log.warning(
            "dead letters of %s are forwarded to %s at least once: "
            "a slice that is written again sends them again",
            self._name,
            self._topic,
        )

    def write(self, piece: Slice, epochs: Mapping[LogPartition, int]) -> None:
        """Forward and have acknowledged, then write; see `Writer.write`.

        A slice that is tried again does not forward again what was acknowledged.
        """
        letters = [
            (part.partition, letter)
            for part in piece.segments
            for letter in part.dead
            if (part.partition, letter.offset) not in self._forwarded
        ]
        if letters:
            self._forward(letters, piece.id)
        self._writer.write(piece, epochs)
        self._forget(piece)

    def close(self) -> None:
        """Close the producer and the writer. Safe to call again if the writer's is."""
        self._drop_producer()
        self._writer.close()

    # -------------------------------------------------------------------- privately

    def _forward(self, letters: Iterable[_Letter], slice_id: str) -> None:
        """Send and wait for every acknowledgement. Raises `RetryableWriteError`."""
        delivery = _Delivery()
        try:
            producer = self._connected()
            for where, letter in letters:
                delivery.expected += 1
                self._send(producer, where, letter, slice_id, delivery)
            producer.flush(self._timeout)
        except Exception as error:  # noqa: BLE001 — the one seam for vendor errors
            self._drop_producer()
            raise _failed(self._topic, str(error_from(error, "sending"))) from None
        if len(self._forwarded) > _REMEMBERED:
            self._forwarded.clear()
        self._forwarded.update(delivery.acknowledged)
        if len(delivery.acknowledged) < delivery.expected:
            # A new client next time: whatever this one still holds must not be sent.
            self._drop_producer()
            raise _failed(
                self._topic, delivery.reason or f"no answer within {self._timeout:g} s"
            )

    def _send(
        self,
        producer: Producer,
        where: LogPartition,
        letter: DeadLetter,
        slice_id: str,
        delivery: "_Delivery",
    ) -> None:
        own = connect_headers(where, letter, slice_id, self._name, type(self._writer))
        headers: list[tuple[str, str | bytes | None]] = [*(letter.headers or ()), *own]

        def on_delivery(error: KafkaError | None, _message: Message) -> None:
            if error is None:
                delivery.acknowledged.add((where, letter.offset))
            else:
                delivery.reason = delivery.reason or str(source_error(error, "sending"))

        while True:
            try:
                producer.produce(
                    self._topic,
                    letter.value,
                    letter.key,
                    on_delivery=on_delivery,
                    timestamp=max(0, letter.timestamp),  # 0: the client's clock
                    headers=headers,
                )
            except BufferError:
                # Messages leave the queue after `timeout` at the latest.
                producer.poll(_FULL_QUEUE_SECONDS)
            else:
                return

    def _forget(self, piece: Slice) -> None:
        """Landed: nobody asks for these again."""
        if self._forwarded:
            self._forwarded.difference_update(
                (part.partition, letter.offset)
                for part in piece.segments
                for letter in part.dead
            )

    def _require_topic(self) -> None:
        doing = f"asking for the topic {self._topic}"
        try:
            # All of them: asking for one by its name may create it.
            found = self._connected().list_topics(timeout=self._timeout)
        except Exception as error:  # noqa: BLE001 — the one seam for vendor errors
            raise RetryableWriteError(str(error_from(error, doing))) from None
        if self._topic not in found.topics:
            raise ConfigurationError(
                f"there is no topic {self._topic}: create it first"
            )

    def _connected(self) -> Producer:
        if self._producer is None:
            try:
                self._producer = Producer(self._settings)
            except (KafkaException, TypeError, ValueError) as error:
                said = without_secrets(str(error), self._settings)
                raise ConfigurationError(f"the Kafka client refuses: {said}") from None
        return self._producer

    def _drop_producer(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            producer.purge()
            producer.close()


class _WithCursors(ForwardDeadLetters):
    """The variant around a writer that keeps cursors."""

    def claim(
        self, owner: str, wants: Mapping[LogPartition, Want]
    ) -> Mapping[LogPartition, Cursor]:
        """Let the writer claim; see `CursorStore.claim`."""
        return cast("CursorStore", self._writer).claim(owner, wants)

    def read(self, partitions: Iterable[LogPartition]) -> Mapping[LogPartition, Cursor]:
        """Let the writer read; see `CursorStore.read`."""
        return cast("CursorStore", self._writer).read(partitions)


@attrs.define
class _Delivery:
    """What became of the messages of one slice."""

    expected: int = 0
    acknowledged: set[tuple[LogPartition, int]] = attrs.field(factory=set)
    reason: str = ""


def _failed(topic: str, reason: str) -> RetryableWriteError:
    return RetryableWriteError(
        f"dead letters could not be forwarded to {topic}: {reason}"
    )
