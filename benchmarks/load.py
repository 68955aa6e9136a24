"""The messages: made from a seed, sized and spoiled to order, put into a topic.

The same `Load` is the same messages, byte for byte, on every machine and broker.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, Final

from confluent_kafka import Consumer, KafkaError, Message, Producer, TopicPartition

TOPIC: Final = "orders"

_BEGINNING: Final = datetime(2026, 1, 5, 7, tzinfo=UTC)
_COUNTRIES: Final = ("FR", "DE", "BE", "CH", "NL", "LU")
_ESTATES: Final = ("Margaux", "Pauillac", "Fronsac", "Cahors", "Chablis", "Volnay")
_REASONS: Final = ("SALE", "DELIVERY", "RETURN", "BREAKAGE", "COUNT")
_WORDS: Final = (
    *("please", "leave", "the", "parcel", "with", "a", "neighbour", "or", "ring"),
    *("twice", "thank", "you", "wine", "gift", "box", "birthday", "card", "red"),
    *("ribbon", "cellar", "door", "invoice", "separate", "address", "evening"),
)
# As measured, a comma included: an order without lines, a line, an empty note.
_HEAD_BYTES: Final = 268
_LINE_BYTES: Final = 84
_NOTE_BYTES: Final = 10
_OPTIONAL: Final = ("email", "country", "currency")
"""What a small order leaves out, 65 bytes."""

_LINES_SHARE: Final = 0.7
"""So much of what the head leaves is lines; a note fills the rest."""

_FLUSH_SECONDS: Final = 120.0
ID_SUMS: Final = 1 << 64


@dataclass(frozen=True)
class Load:
    """What the topic holds.

    `bytes` is the mean payload, each message within a fifth of it, but an order is
    never smaller than some 200 bytes. `mix` is the share of
    `StockMoved` events, which are 230 bytes whatever is asked. `poison` is the share of
    messages that are broken, each kind in turn.
    """

    messages: int = 400_000
    partitions: int = 12
    bytes: int = 440
    mix: float = 0.0
    poison: float = 0.0
    seed: int = 1855
    compression: str = "lz4"


@dataclass(frozen=True)
class Made:
    """What was put into the topic, to hold every contestant's counts against.

    `parsable` counts messages that a JSON parser lets pass, sound or not, and `ids` is
    a sum over the event ids in them, for a contestant that does not show payloads.
    """

    messages: int
    payload_bytes: int
    poison: int
    parsable: int
    ids: int


def id_sum(event_id: str) -> int:
    """Return what one event id adds to `Made.ids`."""
    return int(event_id[:16], 16)


def _order(rng: Random, number: int, size: int) -> dict[str, Any]:
    customer = rng.randrange(5_000)
    order: dict[str, Any] = {
        "event_id": f"{rng.getrandbits(128):032x}",
        "event_type": "ORDER_PLACED",
        "occurred_at": _moment(number),
        "schema_version": 1,
        "order_id": f"CA-{number:08d}",
        "customer_id": f"C{customer:05d}",
        "email": f"c{customer}@example.net",
        "country": rng.choice(_COUNTRIES),
        "currency": "EUR",
        "lines": [],
        "total": "0.00",
    }
    left = size - _HEAD_BYTES
    if left < 0:
        for name in _OPTIONAL:
            del order[name]
    cents = 0
    for _ in range(int(left * _LINES_SHARE / _LINE_BYTES + rng.random())):
        line, price = _line(rng)
        order["lines"].append(line)
        left -= _LINE_BYTES
        cents += price * int(line["quantity"])
    order["total"] = f"{cents // 100}.{cents % 100:02d}"
    if left > _NOTE_BYTES:
        order["note"] = _note(rng, left - _NOTE_BYTES)
    return order


def _line(rng: Random) -> tuple[dict[str, Any], int]:
    wine, vintage = rng.choice(_ESTATES), rng.randrange(2000, 2024)
    cents = rng.randrange(500, 30_000)
    line = {
        "sku": f"{wine.lower()}-{vintage}",
        "name": f"Château {wine}",
        "quantity": rng.choice((1, 1, 2, 3, 6, 12)),
        "unit_price": f"{cents // 100}.{cents % 100:02d}",
    }
    return line, cents


def _note(rng: Random, length: int) -> str:
    words: list[str] = []
    whole = length
    while length > 0:
        words.append(rng.choice(_WORDS))
        length -= len(words[-1]) + 1
    return " ".join(words)[:whole]


def _stock(rng: Random, number: int) -> dict[str, Any]:
    wine, vintage = rng.choice(_ESTATES), rng.randrange(2000, 2024)
    return {
        "event_id": f"{rng.getrandbits(128):032x}",
        "event_type": "STOCK_MOVED",
        "occurred_at": _moment(number),
        "schema_version": 1,
        "sku": f"{wine.lower()}-{vintage}",
        "quantity": -rng.randrange(1, 12),
        "reason": rng.choice(_REASONS),
        "stock_after": rng.randrange(500),
        "order_id": f"CA-{number:08d}",
    }


def _moment(number: int) -> str:
    moment = _BEGINNING + timedelta(milliseconds=number)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _dumps(event: dict[str, Any]) -> bytes:
    return json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()


def _without_id(event: dict[str, Any]) -> bytes:
    return _dumps({name: event[name] for name in event if name != "event_id"})


Breaker = Callable[[dict[str, Any]], bytes | None]
BREAKERS: Final[tuple[tuple[str, bool, Breaker], ...]] = (
    ("malformed", False, lambda event: _dumps(event)[:-20]),
    ("missing field", True, _without_id),
    ("wrong type", True, lambda event: _dumps(event | {"schema_version": "one"})),
    ("invalid UTF-8", False, lambda event: _dumps(event)[:-1] + b"\xff}"),
    ("no value", True, lambda _event: None),
)
"""How a message is broken: name, whether a JSON parser lets it pass, and the deed."""


def messages(load: Load) -> Iterator[tuple[bytes, bytes | None, dict[str, Any], int]]:
    """Yield key, value, event and the breaker's number (-1 for a sound message)."""
    rng = Random(load.seed)
    broken = 0
    for number in range(load.messages):
        size = int(load.bytes * rng.uniform(0.8, 1.2))
        if rng.random() < load.mix:
            event = _stock(rng, number)
        else:
            event = _order(rng, number, size)
        key = str(event["order_id"]).encode()
        if int((number + 1) * load.poison) > broken:
            which = broken % len(BREAKERS)
            broken += 1
            yield key, BREAKERS[which][2](event), event, which
        else:
            yield key, _dumps(event), event, -1


def produce(load: Load, bootstrap: str, topic: str = TOPIC) -> Made:
    """Fill the topic, evenly over its partitions; raise unless all is acknowledged."""
    failed: list[KafkaError] = []

    def delivered(error: KafkaError | None, _message: Message) -> None:
        if error is not None:
            failed.append(error)

    producer = Producer(
        {
            "bootstrap.servers": bootstrap,
            "compression.type": load.compression,
            "enable.idempotence": True,
            # Batches fill up, however slowly this machine makes the messages.
            "linger.ms": 500,
            "batch.size": 128 * 1024,
            "log_level": 3,
            "queue.buffering.max.messages": 500_000,
        }
    )
    size = poison = parsable = ids = count = 0
    for count, (key, value, event, broken) in enumerate(messages(load), start=1):
        size += 0 if value is None else len(value)
        poison += broken >= 0
        passes = broken < 0 or BREAKERS[broken][1]
        parsable += passes
        if passes and value and b'"event_id"' in value:
            ids = (ids + id_sum(event["event_id"])) % ID_SUMS
        partition = count % load.partitions
        while True:
            try:
                producer.produce(
                    topic, value, key, partition=partition, on_delivery=delivered
                )
                break
            except BufferError:
                producer.poll(0.1)
        if not count % 1000:
            producer.poll(0)
    if producer.flush(_FLUSH_SECONDS) or failed:
        raise RuntimeError(f"the broker refused messages: {failed[:1]}")
    check_complete(bootstrap, topic, load)
    return Made(count, size, poison, parsable, ids)


def check_complete(bootstrap: str, topic: str, load: Load) -> None:
    """Raise when the broker has thrown messages away, as a small one does."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "look"})
    try:
        kept = 0
        for partition in range(load.partitions):
            low, high = consumer.get_watermark_offsets(
                TopicPartition(topic, partition), timeout=10
            )
            kept += high - low
    finally:
        consumer.close()
    if kept != load.messages:
        raise RuntimeError(
            f"the broker keeps {kept} of {load.messages} messages: give the topic more "
            "partitions (the embedded broker holds 5 MiB in each)"
        )
