"""Kafka into Parquet, exactly once, and back with pyarrow: an archive of a topic.

    python examples/file_archive.py

Only files that the archive lists count, so ask it for them. Their columns are those of
the warehouse's RAW tables.
"""

import tempfile

import attrs
import pyarrow.parquet as pq

from winestream import BatchingSink, Event, Routes
from winestream.files import Archive, FileWriter
from winestream.kafka import EventProducer, KafkaSource
from winestream.local import EmbeddedBroker


@attrs.frozen(kw_only=True)
class BottleOpened(Event):
    """Somebody opened a bottle."""

    wine_id: str


ROUTES = Routes({BottleOpened: "RAW_BOTTLES"})


def archive_the_topic(broker: EmbeddedBroker, folder: str, group: str) -> None:
    """Run until everything the topic holds is in the folder."""
    BatchingSink(
        KafkaSource(["bottles"], group=group, bootstrap=broker.bootstrap),
        ROUTES,
        FileWriter(folder, pipeline="archive"),
        pipeline="archive",
    ).run(until_caught_up=True)


def main() -> None:
    """Archive in two goes, and look at the result.

    The second go has another group: where it begins is known to the archive alone.
    """
    with (
        EmbeddedBroker.start({"bottles": 2}) as broker,
        tempfile.TemporaryDirectory() as folder,
    ):
        for group in ("archive", "archive-again"):
            with EventProducer(broker.bootstrap, ROUTES) as producer:
                for number in range(500):
                    event = BottleOpened(wine_id=f"wine-{number % 7}")
                    producer.publish("bottles", event.wine_id, event)
            archive_the_topic(broker, folder, group)

        archive = Archive(folder, "archive")
        table = pq.read_table(list(map(str, archive.files("RAW_BOTTLES"))))
        places = table.group_by(["KAFKA_PARTITION", "KAFKA_OFFSET"]).aggregate([])
        print(
            f"{table.num_rows} rows, {places.num_rows} places in the log, "
            f"cursors at {sum(c.position for c in archive.cursors.values())}"
        )


if __name__ == "__main__":
    main()
