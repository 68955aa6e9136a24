"""Broken messages to a Kafka topic as well, with the headers Kafka Connect would set.

    python examples/dead_letter_topic.py

The archive keeps its dead letters, exactly once; the topic is for people and tools that
wait for them, at least once.
"""

import tempfile

import attrs
from confluent_kafka import Consumer

from winestream import BatchingSink, Event, Routes
from winestream.files import Archive, FileWriter
from winestream.kafka import EventProducer, ForwardDeadLetters, KafkaSource
from winestream.local import EmbeddedBroker


@attrs.frozen(kw_only=True)
class BottleOpened(Event):
    """Somebody opened a bottle."""

    wine_id: str


ROUTES = Routes({BottleOpened: "RAW_BOTTLES"})
BROKEN = [b"not JSON", b"{}", b'{"event_id": 7}', None]


def show(broker: EmbeddedBroker, count: int) -> None:
    """Read the topic as an operator's tool would."""
    consumer = Consumer(
        {
            "bootstrap.servers": broker.bootstrap,
            "group.id": "operator",
            "auto.offset.reset": "earliest",
        }
    )
    consumer.subscribe(["bottles.dead"])
    seen = 0
    while seen < count:
        for message in consumer.consume(count, timeout=1.0):
            headers = dict(message.headers() or ())
            why = headers["__connect.errors.exception.message"]
            print(f"{message.value()!r}: {bytes(why or b'').decode()}")  # type: ignore[arg-type]
            seen += 1
    consumer.close()


def main() -> None:
    """Publish good and bad, land all of it, read the bad."""
    with (
        EmbeddedBroker.start({"bottles": 1, "bottles.dead": 1}) as broker,
        tempfile.TemporaryDirectory() as folder,
    ):
        with EventProducer(broker.bootstrap, ROUTES) as producer:
            for number in range(50):
                producer.publish("bottles", None, BottleOpened(wine_id=f"w{number}"))
            for value in BROKEN:
                producer.publish_raw("bottles", None, value)
        writer = ForwardDeadLetters(
            FileWriter(folder, pipeline="cellar"),
            "bottles.dead",
            bootstrap=broker.bootstrap,
            name="cellar",
        )
        source = KafkaSource(["bottles"], group="cellar", bootstrap=broker.bootstrap)
        sink = BatchingSink(
            source,
            ROUTES,
            writer,
            pipeline="cellar",
            settings={**source.settings, **writer.settings},
        )
        sink.run(until_caught_up=True)
        show(broker, len(BROKEN))
        kept = sum(1 for _ in Archive(folder, "cellar").dead_letters())
        print(f"{sink.guarantee}; {kept} dead letters kept, {len(BROKEN)} forwarded")


if __name__ == "__main__":
    main()
