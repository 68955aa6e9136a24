"""Two sinks of one topic: a slow warehouse never holds the other one back.

    python examples/two_sinks.py

Two pipeline names and two groups, so each has positions of its own. The slow sink's
writer answers nothing at all until the fast one has everything; then it goes on. Both
keep polling all the while, so neither leaves its group, in bounded memory.
"""

import threading
import time
from datetime import timedelta

import attrs

from winestream import BatchingSink, BatchPolicy, Event, Routes
from winestream.kafka import EventProducer, KafkaSource
from winestream.local import EmbeddedBroker
from winestream.records import Slice
from winestream.testing import MemoryWriter

ORDERS = 1_000
SMALL = BatchPolicy(max_rows=100, linger=timedelta(milliseconds=50))


@attrs.frozen(kw_only=True)
class OrderPlaced(Event):
    """Somebody wants wine."""

    order_id: str


ROUTES = Routes({OrderPlaced: "RAW_ORDERS"})


def sink_of(name: str, writer: MemoryWriter, broker: EmbeddedBroker) -> BatchingSink:
    """Return one of the two; only the names differ."""
    return BatchingSink(
        KafkaSource(["orders"], group=f"{name}-group", bootstrap=broker.bootstrap),
        ROUTES,
        writer,
        pipeline=name,
        batch=SMALL,
    )


def main() -> None:
    """Let the slow one hang until the fast one is done."""
    fast_is_done, slow_has_begun = threading.Event(), threading.Event()

    def hang(_piece: Slice) -> None:
        slow_has_begun.set()
        fast_is_done.wait()

    fast, slow = MemoryWriter(), MemoryWriter(before_write=hang)
    with EmbeddedBroker.start({"orders": 2}) as broker:
        with EventProducer(broker.bootstrap, ROUTES) as producer:
            for number in range(ORDERS):
                producer.publish("orders", None, OrderPlaced(order_id=f"O-{number}"))

        slow_sink = sink_of("slow", slow, broker)
        behind = threading.Thread(
            target=slow_sink.run, kwargs={"until_caught_up": True, "signals": False}
        )
        behind.start()
        slow_has_begun.wait()

        sink_of("fast", fast, broker).run(until_caught_up=True)
        there = len(fast.rows("RAW_ORDERS")), len(slow.rows("RAW_ORDERS"))
        while not slow_sink.snapshot.held_messages:  # a picture from a moment ago
            time.sleep(0.05)
        print(f"fast: {there[0]} rows; slow: {there[1]} rows, and holds the rest")

        fast_is_done.set()
        behind.join()
        print(f"then: {len(slow.rows('RAW_ORDERS'))} rows in the slow one as well")


if __name__ == "__main__":
    main()
