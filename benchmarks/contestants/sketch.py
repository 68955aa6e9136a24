"""What Python reaches on this machine: the shortest fast loop, without any guarantee.

Poll, decode into structs, keep six columns, write Parquet in a second thread. Money
stays text that nobody looks at, a broken message is dropped, nothing is committed, and
a crash loses or doubles whatever was under way. It says how much of the floor is left
for a library to reach, and so what a library's guarantees cost.
"""

import threading
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from queue import Queue
from typing import Any, Final

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
from confluent_kafka import Consumer, Message

from benchmarks.contestants.meter import Meter, Task

_ROWS: Final = 20_000
_ARROW: Final = {
    "payload": pa.binary(),
    "event_id": pa.string(),
    "occurred_at": pa.float64(),
    "partition": pa.int32(),
    "offset": pa.int64(),
    "timestamp": pa.int64(),
}
Columns = dict[str, list[Any]]


class Line(msgspec.Struct, gc=False):
    """One article of an order."""

    sku: str
    name: str
    quantity: int
    unit_price: str


class Head(msgspec.Struct, gc=False, tag_field="event_type", kw_only=True):
    """What every event has."""

    event_id: str
    occurred_at: datetime
    schema_version: int


class OrderPlaced(Head, gc=False, tag="ORDER_PLACED", kw_only=True):
    """The usual message."""

    order_id: str
    customer_id: str
    email: str | None = None
    country: str | None = None
    currency: str = "EUR"
    lines: list[Line]
    total: str
    note: str = ""


class StockMoved(Head, gc=False, tag="STOCK_MOVED", kw_only=True):
    """The other message."""

    sku: str
    quantity: int
    reason: str
    stock_after: int
    order_id: str | None = None


_decode = msgspec.json.Decoder(OrderPlaced | StockMoved).decode


def _sound(messages: Sequence[Message]) -> Iterator[tuple[Message, Any]]:
    """Yield messages that decode, one at a time, for a poll that has others too."""
    for message in messages:
        try:
            yield message, _decode(message.value())  # type: ignore[arg-type] # None raises
        except (msgspec.MsgspecError, UnicodeDecodeError, TypeError):
            continue


def _keep(into: Columns, messages: list[Message]) -> None:
    try:
        events = list(map(_decode, map(Message.value, messages)))  # type: ignore[arg-type] # as above
    except (msgspec.MsgspecError, UnicodeDecodeError, TypeError):
        pairs = list(_sound(messages))
        messages, events = [one for one, _ in pairs], [event for _, event in pairs]
    into["payload"] += map(Message.value, messages)
    into["event_id"] += [event.event_id for event in events]
    into["occurred_at"] += [event.occurred_at.timestamp() for event in events]
    into["partition"] += map(Message.partition, messages)
    into["offset"] += map(Message.offset, messages)
    into["timestamp"] += [message.timestamp()[1] for message in messages]


def _write(slices: "Queue[Columns | None]", folder: Path) -> None:
    number = 0
    while (columns := slices.get()) is not None:
        table = pa.table({n: pa.array(columns[n], kind) for n, kind in _ARROW.items()})
        pq.write_table(
            table,
            folder / f"{number}.parquet",
            compression="zstd",
            compression_level=1,
            use_dictionary=False,
            write_statistics=False,
        )
        number += 1


def main() -> None:
    """Read, decode, write."""
    task = Task.from_command_line()
    consumer = Consumer(
        {
            "bootstrap.servers": task.bootstrap,
            "group.id": task.group,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            "queued.max.messages.kbytes": 64 * 1024,
            "queued.min.messages": 200_000,
            "fetch.queue.backoff.ms": 10,
            "fetch.wait.max.ms": 20,
        }
    )
    consumer.subscribe([task.topic])
    slices: Queue[Columns | None] = Queue(2)
    writer = threading.Thread(target=_write, args=(slices, Path(task.folder)))
    writer.start()
    meter = Meter()
    columns: Columns = {name: [] for name in _ARROW}
    while meter.messages < task.messages:
        messages = consumer.consume(1000, timeout=0.05)
        if not messages or any(map(Message.error, messages)):
            continue
        meter.start()
        meter.count(map(Message.value, messages))
        _keep(columns, messages)
        if len(columns["payload"]) >= _ROWS:
            slices.put(columns)
            columns = {name: [] for name in _ARROW}
    slices.put(columns)
    slices.put(None)
    writer.join()
    meter.stop()
    consumer.close()
    meter.report()


if __name__ == "__main__":
    main()
