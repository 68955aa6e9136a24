"""A service that already has a loop, a logger and a metrics registry of its own.

    python examples/own_loop.py

`sink.step()` is one turn of at most about the seconds it is given; between two turns
the service does what it does. The broker is embedded, the rows go to JSON lines.
"""

import logging
import sys
import tempfile

import attrs
from prometheus_client import CollectorRegistry, Counter

from winestream import BatchingSink, Event, Routes, Telemetry
from winestream.files import FileWriter, read_rows
from winestream.instrumentation.prometheus import PrometheusHook
from winestream.kafka import EventProducer, KafkaSource
from winestream.local import EmbeddedBroker
from winestream.telemetry import SinkOpened, SliceWritten

log = logging.getLogger("cellar-service")

BOTTLES = 500


@attrs.frozen(kw_only=True)
class BottleOpened(Event):
    """Somebody opened a bottle."""

    wine_id: str


ROUTES = Routes({BottleOpened: "RAW_BOTTLES"})


def log_it(told: Telemetry) -> None:
    """Tell the service's own logger what it wants to know; a hook is a function."""
    match told:
        case SinkOpened(pipeline=pipeline, guarantee=guarantee):
            log.info("%s is open: %s", pipeline, guarantee)
        case SliceWritten(rows=rows, dead_letters=dead):
            log.info("%d rows, %d dead letters", sum(rows.values()), sum(dead.values()))


def serve(broker: EmbeddedBroker, folder: str) -> None:
    """Run the service until it has seen every bottle."""
    registry = CollectorRegistry()  # the service's, with metrics of its own in it
    turns = Counter("service_turns", "Turns of the loop.", registry=registry)
    sink = BatchingSink(
        KafkaSource(["bottles"], group="cellar", bootstrap=broker.bootstrap),
        ROUTES,
        FileWriter(folder, pipeline="cellar", format="jsonl"),
        pipeline="cellar",
        hooks=[log_it, PrometheusHook(registry, namespace="cellar")],
    )
    with sink:
        while sink.step(timeout=0.05):
            turns.inc()  # the service's own work
            if sink.snapshot.all_read:
                sink.stop()  # what is held is still written
    landed = len(list(read_rows(folder, "cellar", "RAW_BOTTLES")))
    polled = registry.get_sample_value(
        "cellar_events_consumed_total", {"topic": "bottles"}
    )
    taken = registry.get_sample_value("service_turns_total") or 0
    print(f"{landed} bottles landed, {polled:g} polled, turns taken: {taken > 0}")


def main() -> None:
    """Publish, and let the service work."""
    logging.basicConfig(level=logging.INFO, stream=sys.stdout, format="%(message)s")
    with (
        EmbeddedBroker.start({"bottles": 2}) as broker,
        tempfile.TemporaryDirectory() as folder,
    ):
        with EventProducer(broker.bootstrap, ROUTES) as producer:
            for number in range(BOTTLES):
                wine = f"wine-{number % 40}"
                producer.publish("bottles", wine, BottleOpened(wine_id=wine))
        serve(broker, folder)


if __name__ == "__main__":
    main()
