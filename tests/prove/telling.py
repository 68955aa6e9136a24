"""A producer that knows the truth: shop events, one in ten broken, held to a window."""

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import count

import attrs
from confluent_kafka import KafkaError, Message, Producer
from truth import Truth

from full_stack.catalogue import load_catalogue
from full_stack.poison import MARKER, RARELY, breakers
from full_stack.shop import Shop
from full_stack.wiring import routes
from winestream.kafka import ConsumedWindow

__all__ = ["MARKER", "POISON", "REFUSED", "Teller", "messages"]

REFUSED = "rejected"
"""The reason of a dead letter that is sound to the codec and not to the warehouse."""

POISON = 0.1
# To find one that the warehouse refuses takes a dozen transactions: one in 750.
THIRD = 3
assert 1 / RARELY <= 0.005

Made = tuple[bytes | None, str, bool]
"""A value, its event id or the reason why it is broken, and whether it is sound."""


def messages(run: str, poison: float = POISON) -> Iterator[Made]:
    """Yield what a shop says, without end; the same for the same run."""
    shop = Shop(
        load_catalogue(),
        seed=1855,
        run=run,
        start=datetime(2026, 1, 5, 7, tzinfo=UTC),
    )
    codec, refused, last = routes(), count(1), None
    for publication, breaker in zip(
        shop.publications(), breakers(poison), strict=False
    ):
        value = codec.encode(publication.event)
        if breaker is None:
            yield value, publication.event.event_id, True
            continue
        often = breaker[0] == REFUSED and next(refused) % THIRD
        reason, damage = last if last and often else breaker
        if reason != REFUSED:
            last = reason, damage
        yield damage(value), reason, False


@attrs.define
class Teller:
    """Produces to one topic, and notes what the broker acknowledged and where.

    Never more than `ahead` bytes a partition before what the group committed: the
    embedded broker keeps 5 MiB of each. One thread at a time.
    """

    bootstrap: str
    topic: str
    group: str
    partitions: int
    source: Iterator[Made]
    ahead: int = 150_000
    config: dict[str, str | int] = attrs.field(factory=dict)
    truth: Truth = attrs.field(factory=Truth)
    failed: list[str] = attrs.field(factory=list)
    _producer: Producer = attrs.field(init=False)
    _window: ConsumedWindow = attrs.field(init=False)
    _numbers: Iterator[int] = attrs.field(factory=count)

    def __attrs_post_init__(self) -> None:
        settings = {"bootstrap.servers": self.bootstrap, "log_level": 2}
        self._producer = Producer(
            settings | {"enable.idempotence": True, "linger.ms": 5} | self.config
        )
        self._window = ConsumedWindow(self.group, max_bytes=self.ahead)
        self._window.attach(settings)

    def tell(self, number: int) -> None:
        """Produce so many messages, waiting for the group where the window is full."""
        for _ in range(number):
            self._one()
        self.flush()

    def tell_until(self, stop: threading.Event) -> None:
        """Produce until told to stop; a full window waits no longer than that."""
        while not stop.is_set():
            self._one(stop)
        self.flush()

    def flush(self) -> None:
        """Wait until everything is acknowledged."""
        left = self._producer.flush(60)
        if left:
            self.failed.append(f"{left} messages without an answer")

    def close(self) -> None:
        """Let the connections go."""
        self._window.close()

    def _one(self, stop: threading.Event | None = None) -> None:
        value, what, sound = next(self.source)
        partition = next(self._numbers) % self.partitions
        size = len(value or b"")

        def serve(seconds: float) -> None:
            if stop is not None and stop.is_set():
                raise _StoppedError
            self._producer.poll(seconds)

        try:
            self._window.admit(self.topic, partition, size, serve)
        except _StoppedError:
            return
        while True:
            try:
                self._producer.produce(
                    self.topic,
                    value,
                    key=b"%d" % partition,
                    partition=partition,
                    on_delivery=self._noting(what, sound=sound),
                )
            except BufferError:
                self._producer.poll(0.1)
            else:
                break
        self._producer.poll(0)

    def _noting(
        self, what: str, *, sound: bool
    ) -> Callable[[KafkaError | None, Message], None]:
        def note(error: KafkaError | None, message: Message) -> None:
            topic, partition, offset = _place(message)
            self._window.acknowledged(topic, partition, None if error else offset)
            if error is not None:
                self.failed.append(error.name())
                return
            into = self.truth.rows if sound else self.truth.dead
            into[topic, partition, offset] = what

        return note


class _StoppedError(Exception):
    """The window is full and nobody waits for it any more."""


def _place(message: Message) -> tuple[str, int, int]:
    return str(message.topic()), int(message.partition()), int(message.offset())
