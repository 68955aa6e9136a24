"""Several pipelines in one process, each with a thread, a group and cursors of its own.

    python examples/several_pipelines.py

A sink belongs to one thread. `stop` and `snapshot` may be used from any other, as the
main thread does here.
"""

import tempfile
import threading

import attrs

from winestream import BatchingSink, Event, Routes
from winestream.files import Archive, FileWriter
from winestream.kafka import EventProducer, KafkaSource
from winestream.local import EmbeddedBroker


@attrs.frozen(kw_only=True)
class OrderPlaced(Event):
    """Somebody wants wine."""

    order_id: str


@attrs.frozen(kw_only=True)
class CorkReturned(Event):
    """Somebody did not want it after all."""

    wine_id: str


PIPELINES = {
    "orders": Routes({OrderPlaced: "RAW_ORDERS"}),
    "corks": Routes({CorkReturned: "RAW_CORKS"}),
}


def publish(broker: EmbeddedBroker) -> None:
    """Put some events on both topics."""
    with EventProducer(broker.bootstrap, PIPELINES["orders"]) as producer:
        for number in range(300):
            producer.publish("orders", None, OrderPlaced(order_id=f"O-{number}"))
            if number % 10 == 0:
                producer.publish("corks", None, CorkReturned(wine_id="pomerol-2015"))


def sink_of(name: str, broker: EmbeddedBroker, folder: str) -> BatchingSink:
    """Return a pipeline: one topic, one group, one set of cursors, all of one name."""
    return BatchingSink(
        KafkaSource([name], group=f"{name}-group", bootstrap=broker.bootstrap),
        PIPELINES[name],
        FileWriter(folder, pipeline=name),
        pipeline=name,
    )


def main() -> None:
    """Run every pipeline until it has caught up."""
    with (
        EmbeddedBroker.start(dict.fromkeys(PIPELINES, 2)) as broker,
        tempfile.TemporaryDirectory() as folder,
    ):
        publish(broker)
        threads = [
            threading.Thread(
                target=sink_of(name, broker, folder).run,
                # Only a main thread may handle signals.
                kwargs={"until_caught_up": True, "signals": False},
                name=name,
            )
            for name in PIPELINES
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for name, routes in PIPELINES.items():
            archive = Archive(folder, name)
            rows = sum(1 for table in routes.tables for _ in archive.rows(table))
            at = sum(cursor.position for cursor in archive.cursors.values())
            print(f"{name}: {rows} rows, cursors at {at}")


if __name__ == "__main__":
    main()
