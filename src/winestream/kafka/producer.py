"""Publishing typed events: idempotent, in order per key, each delivery counted."""

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from itertools import groupby
from types import TracebackType
from typing import Final, Self

from confluent_kafka import KafkaError, KafkaException, Message, Producer, murmur2

from winestream.errors import ConfigurationError, SourceError
from winestream.events import Event
from winestream.kafka.errors import (
    FATAL_ADVICE,
    DeliveryError,
    error_from,
    source_error,
)
from winestream.kafka.runs import Name
from winestream.kafka.settings import (
    Setting,
    check,
    milliseconds,
    redacted,
    without_secrets,
)
from winestream.kafka.window import ConsumedWindow
from winestream.ports import Codec
from winestream.records import Headers

Delivered = Callable[[str, int, float], None]
"""Takes a topic, a number of messages and their mean latency in milliseconds."""

_ORDER: Final = "delivery must be idempotent and in order; it is switched on"
_REPORTS: Final = "delivery reports are counted here; give `delivered` instead"

_REFUSED: Final[Mapping[str, str]] = {
    "enable.idempotence": _ORDER,
    "acks": _ORDER,
    "request.required.acks": _ORDER,
    "linger.ms": "give it as `linger`",
    "queue.buffering.max.ms": "give it as `linger`",
    "partitioner": "the same key must meet the same partition as Java's clients",
    "transactional.id": "this producer is idempotent, not transactional",
    "on_delivery": _REPORTS,
    "dr_cb": _REPORTS,
    "delivery.report.only.error": _REPORTS,
    "go.delivery.reports": _REPORTS,
}

# Delivery reports are fetched after so many messages, or after so many seconds.
_SERVE_AFTER: Final = 64
_SERVE_EVERY: Final = 0.05
# How long a full client queue may stay full; the client itself gives a message up
# after message.timeout.ms, 5 minutes by default.
_QUEUE_PATIENCE: Final = 60.0
_METADATA_TIMEOUT: Final = 10.0


class EventProducer:
    """Publishes events as JSON. One thread owns it; use it as a context manager.

    The codec needs only `encode`. `config` takes any other client property. `linger`
    is how long a message may wait for company. Messages with one key go to one
    partition, the same as with Java's clients, in the order of publishing. With a
    `window`, publishing waits until the group has read enough. `delivered` is called
    with a topic, a number of acknowledged messages and their mean latency in
    milliseconds; it must be quick and not raise.

    Raises `ConfigurationError`.
    """

    def __init__(
        self,
        bootstrap: str,
        codec: Codec,
        *,
        config: Mapping[str, Setting] | None = None,
        linger: timedelta = timedelta(milliseconds=5),
        window: ConsumedWindow | None = None,
        delivered: Delivered | None = None,
    ) -> None:
        config = config or {}
        check(config, owned={"bootstrap.servers": bootstrap}, refused=_REFUSED)
        # Batches of one message drain quadratically in the embedded broker.
        if milliseconds(linger, "linger") < 5:  # noqa: PLR2004 — said in the message
            raise ConfigurationError(f"linger must be at least 5 ms: {linger}")
        self._settings: dict[str, Setting] = {
            "client.id": "winestream-producer",
            "log_level": 3,
            "compression.type": "lz4",
            **{k: v for k, v in config.items() if k != "metadata.broker.list"},
            "bootstrap.servers": bootstrap,
            "enable.idempotence": True,
            "linger.ms": milliseconds(linger, "linger"),
            "partitioner": "murmur2_random",
        }
        self._codec, self._window, self._delivered = codec, window, delivered
        self._partitions: dict[str, int] = {}
        self._turn: dict[str, int] = {}
        self._counts: dict[Name, int] = {}
        self._highest: dict[Name, int] = {}
        self._done: list[Message] = []
        self._failed, self._reason = 0, ""
        self._unserved, self._served_at = 0, time.monotonic()
        try:
            self._producer = Producer({**self._settings, "error_cb": self._on_error})
        except (KafkaException, TypeError, ValueError) as error:
            said = without_secrets(str(error), self._settings)
            raise ConfigurationError(f"the Kafka client refuses: {said}") from None
        if window is not None:
            window.attach(self._settings)

    def __repr__(self) -> str:
        return f"<EventProducer to {self._settings['bootstrap.servers']}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            self.close()
            return
        try:
            self.close(timedelta(seconds=5))
        except DeliveryError as undelivered:
            error.add_note(str(undelivered))

    @property
    def settings(self) -> Mapping[str, str]:
        """The client's properties for logging; secrets are `***`."""
        return redacted(self._settings)

    @property
    def acknowledged(self) -> Mapping[Name, int]:
        """How many messages the brokers acknowledged, by topic and partition.

        Complete after `flush`, as is `highest`.
        """
        self._account()
        return dict(self._counts)

    @property
    def highest(self) -> Mapping[Name, int]:
        """The highest offset acknowledged, by topic and partition."""
        self._account()
        return dict(self._highest)

    def publish(self, topic: str, key: str | bytes | None, event: Event) -> None:
        """Encode and send one event; see `publish_raw`."""
        self.publish_raw(topic, key, self._codec.encode(event))

    def publish_raw(
        self,
        topic: str,
        key: str | bytes | None,
        value: bytes | None,
        headers: Headers | None = None,
    ) -> None:
        """Hand one message to the client, which sends it in the background.

        Waits while the client's queue is full, at most a minute, then raises
        `DeliveryError`; waits for the window, which may raise `TimeoutError`. What
        could not be delivered is raised by `flush`.
        """
        raw = key.encode() if isinstance(key, str) else key
        partition = -1
        if self._window is not None:
            partition = self._partition(topic, raw)
            size = len(raw or b"") + len(value or b"") + _size(headers)
            self._window.admit(topic, partition, size, self._serve)
        try:
            self._hand_over(topic, raw, value, headers, partition)
        except BaseException:
            if self._window is not None:
                self._window.withdraw(topic, partition)
            raise
        self._unserved += 1
        if (
            self._unserved >= _SERVE_AFTER
            or time.monotonic() - self._served_at >= _SERVE_EVERY
        ):
            self._serve(0.0)

    def flush(self, timeout: timedelta = timedelta(minutes=1)) -> None:
        """Wait until everything is acknowledged.

        Raises `DeliveryError` with the number of messages that failed since the last
        flush or are still on their way, and the first reason.
        """
        waiting = self._producer.flush(timeout.total_seconds())
        self._account()
        failed, reason = self._failed, self._reason
        self._failed, self._reason = 0, ""
        if waiting:
            reason = reason or f"no answer within {timeout.total_seconds():g} s"
        if failed + waiting:
            raise DeliveryError(failed + waiting, reason)

    def close(self, timeout: timedelta = timedelta(minutes=1)) -> None:
        """Flush, then let the connections go. Raises `DeliveryError` as `flush`."""
        try:
            self.flush(timeout)
        finally:
            # What is left was counted by flush; the client would wait for it.
            self._producer.purge()
            self._producer.close()
            if self._window is not None:
                self._window.close()

    # -- sending -------------------------------------------------------------------

    def _hand_over(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        headers: Headers | None,
        partition: int,
    ) -> None:
        give_up = time.monotonic() + _QUEUE_PATIENCE
        pairs: list[tuple[str, str | bytes | None]] | None = (
            None if headers is None else list(headers)
        )
        while True:
            try:
                self._producer.produce(
                    topic, value, key, partition, self._on_delivery, headers=pairs
                )
            except BufferError:
                if time.monotonic() >= give_up:
                    reason = f"the client's queue was full for {_QUEUE_PATIENCE:g} s"
                    raise DeliveryError(1, reason) from None
                self._serve(0.1)
            except Exception as error:
                raise DeliveryError(1, str(error_from(error, topic))) from error
            else:
                return

    def _partition(self, topic: str, key: bytes | None) -> int:
        count = self._partitions.get(topic) or self._count_partitions(topic)
        if key is not None:
            return murmur2(key, count)
        turn = self._turn[topic] = self._turn.get(topic, -1) + 1
        return turn % count

    def _count_partitions(self, topic: str) -> int:
        doing = f"asking for the partitions of {topic}"
        try:
            known = self._producer.list_topics(topic, timeout=_METADATA_TIMEOUT)
        except Exception as error:
            raise error_from(error, doing) from error
        metadata = known.topics.get(topic)
        count = 0 if metadata is None else len(metadata.partitions)
        if not count:
            raise SourceError(f"{doing}: there is no such topic; create it first")
        self._partitions[topic] = count
        return count

    # -- delivery reports ----------------------------------------------------------

    def _serve(self, seconds: float) -> None:
        self._producer.poll(seconds)
        self._unserved, self._served_at = 0, time.monotonic()
        self._account()

    def _on_delivery(self, error: KafkaError | None, message: Message) -> None:
        if error is None:
            self._done.append(message)
        else:
            self._failed += 1
            self._reason = self._reason or f"{error.str()} ({error.name()})"
        if self._window is not None:
            self._window.acknowledged(
                message.topic() or "",
                message.partition() or 0,
                message.offset() if error is None else None,
            )

    def _on_error(self, error: KafkaError) -> None:
        """Keep what explains the silence; each message's fate is in its report."""
        if error.fatal() or error.code() in FATAL_ADVICE:
            self._reason = self._reason or str(source_error(error, "connecting"))

    def _account(self) -> None:
        done, self._done = self._done, []
        if not done:
            return
        names = zip(map(Message.topic, done), map(Message.partition, done), strict=True)
        at = 0
        for name, same in groupby(names):
            size = len(list(same))
            part = done[at : at + size]
            at += size
            self._count(name, part)  # type: ignore[arg-type] # a delivered one has both

    def _count(self, name: Name, part: Sequence[Message]) -> None:
        self._counts[name] = self._counts.get(name, 0) + len(part)
        last = part[-1].offset()
        if last is not None:
            self._highest[name] = max(self._highest.get(name, -1), last)
        if self._delivered is not None:
            latencies = [seconds for m in part if (seconds := m.latency()) is not None]
            mean = sum(latencies) / len(latencies) if latencies else 0.0
            self._delivered(name[0], len(part), mean * 1000)


def _size(headers: Headers | None) -> int:
    if headers is None:
        return 0
    return sum(len(name) + len(value or b"") for name, value in headers)
