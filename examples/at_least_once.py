"""A writer of your own, in thirty lines: rows into SQLite, at least once.

    python examples/at_least_once.py

A writer without cursors makes Kafka's commit the truth, told only after the rows are
there. After a crash some rows come again; here their place in the log is the primary
key, so that a second time changes nothing.
"""

import sqlite3
import tempfile
from collections.abc import Mapping
from pathlib import Path

import attrs

from winestream import BatchingSink, Event, LogPartition, RetryableWriteError, Routes
from winestream.kafka import EventProducer, KafkaSource
from winestream.local import EmbeddedBroker
from winestream.records import Slice

Place = tuple[str, str, str, int, int]


class SqliteWriter:
    """Fulfils `Writer`. Every method is called from the sink's writer thread."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def open(self) -> None:
        """Connect here and not earlier: SQLite wants to stay on one thread."""
        self._database = sqlite3.connect(self._path)
        for table in ("rows", "dead_letters"):
            self._database.execute(
                f"CREATE TABLE IF NOT EXISTS {table} (cluster, topic_id, topic, "
                "number, position, content, PRIMARY KEY (cluster, topic_id, topic, "
                "number, position))"
            )

    def write(self, piece: Slice, epochs: Mapping[LogPartition, int]) -> None:
        """Write the whole slice or nothing; say what a failure means."""
        del epochs  # they are of cursors, and there are none
        rows: list[tuple[*Place, bytes]] = []
        dead: list[tuple[*Place, str]] = []
        for part in piece.segments:
            for table in part.rows:
                for offset, payload in zip(table.offsets, table.payloads, strict=True):
                    rows.append((*part.partition, offset, payload))
            dead += [(*part.partition, each.offset, each.reason) for each in part.dead]
        try:
            with self._database:  # one transaction
                insert = "INSERT OR IGNORE INTO {} VALUES (?, ?, ?, ?, ?, ?)"
                self._database.executemany(insert.format("rows"), rows)
                self._database.executemany(insert.format("dead_letters"), dead)
        except sqlite3.OperationalError as error:  # locked, disk full: it may pass
            raise RetryableWriteError(f"SQLite: {error}") from None

    def close(self) -> None:
        """Give everything back."""
        self._database.close()


@attrs.frozen(kw_only=True)
class BottleOpened(Event):
    """Somebody opened a bottle."""

    wine_id: str


ROUTES = Routes({BottleOpened: "RAW_BOTTLES"})


def main() -> None:
    """Publish, land, count."""
    with (
        EmbeddedBroker.start({"bottles": 2}) as broker,
        tempfile.TemporaryDirectory() as folder,
    ):
        with EventProducer(broker.bootstrap, ROUTES) as producer:
            for number in range(200):
                producer.publish("bottles", None, BottleOpened(wine_id=f"w{number}"))
            producer.publish_raw("bottles", None, b"not an event")
        path = Path(folder) / "cellar.db"
        source = KafkaSource(["bottles"], group="cellar", bootstrap=broker.bootstrap)
        sink = BatchingSink(source, ROUTES, SqliteWriter(path), pipeline="cellar")
        sink.run(until_caught_up=True)
        database = sqlite3.connect(path)
        (rows,) = database.execute("SELECT COUNT(*) FROM rows").fetchone()
        (dead,) = database.execute("SELECT COUNT(*) FROM dead_letters").fetchone()
        database.close()
        print(f"{sink.guarantee}: {rows} rows, {dead} dead letter")


if __name__ == "__main__":
    main()
