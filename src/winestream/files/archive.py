"""Reading back what a `FileWriter` wrote: only what was committed."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import Any

import attrs

from winestream.errors import ConfigurationError
from winestream.files import books
from winestream.files.books import LedgerEntry, Standing
from winestream.files.formats import format_of
from winestream.files.shape import Kind, datetime_of, decode_headers
from winestream.records import Cursor, DeadLetter, Gap, LogPartition


@attrs.frozen
class StoredRow:
    """One row of a RAW table. `timestamp` is Kafka's, in milliseconds, -1 for none."""

    table: str
    partition: LogPartition
    offset: int
    event_id: str
    event_type: str
    occurred_at: datetime
    schema_version: int
    payload: bytes
    key: bytes | None
    timestamp: int
    slice_id: str


class Archive:
    """What one pipeline had committed to a folder at the moment this was made.

    Immutable; any thread. It takes no lock and disturbs no writer. Iterators read the
    files as they go, in the order of the commits. Raises `ConfigurationError` where the
    folder holds no such pipeline, `FatalWriteError` for another version, `OSError`.
    """

    def __init__(self, folder: Path | str, pipeline: str) -> None:
        self._home = Path(folder) / pipeline
        standing = books.load(self._home)
        if standing is None:
            raise ConfigurationError(
                f"{self._home} holds no {books.CURSORS}: no FileWriter of the pipeline "
                f"{pipeline!r} was ever opened on that folder"
            )
        self._standing: Standing = standing
        self._format = format_of(standing.format)

    @property
    def cursors(self) -> Mapping[LogPartition, Cursor]:
        """Where each log partition stands."""
        return {p: owned.cursor for p, owned in self._standing.cursors.items()}

    def ledger(self) -> Iterator[LedgerEntry]:
        """Yield every slice, one entry per log partition."""
        for entry in self._entries():
            yield from entry.ledger

    def tables(self) -> tuple[str, ...]:
        """Return the tables that have rows, in the order they appeared."""
        found = (each.table for entry in self._entries() for each in entry.files)
        return tuple(dict.fromkeys(table for table in found if table))

    def files(self, table: str) -> Iterator[Path]:
        """Yield the data files of a table, for a reader of your own."""
        for listed in self._listed(Kind.ROWS):
            if listed.table == table:
                yield self._home / listed.path

    def rows(self, table: str) -> Iterator[StoredRow]:
        """Yield the rows of a table."""
        for path in self.files(table):
            for found in self._format.read(path, Kind.ROWS):
                yield _row(table, found)

    def dead_letters(self) -> Iterator[tuple[LogPartition, DeadLetter]]:
        """Yield every message that could not become a row, with where it came from."""
        for found in self._read(Kind.DEAD):
            yield (
                _where(found),
                DeadLetter(
                    offset=found["KAFKA_OFFSET"],
                    value=found["VALUE"],
                    key=found["MESSAGE_KEY"],
                    timestamp=_timestamp(found),
                    reason=found["REASON"],
                    path=found["ERROR_PATH"],
                    headers=decode_headers(found["HEADERS"]),
                ),
            )

    def gaps(self) -> Iterator[tuple[LogPartition, Gap]]:
        """Yield the ranges of offsets that held no message."""
        for found in self._read(Kind.GAPS):
            gap = Gap(found["FROM_OFFSET"], found["TO_OFFSET"], found["REASON"])
            yield _where(found), gap

    def _entries(self) -> Iterator[books.Entry]:
        return books.entries(self._home, 0, self._standing.manifest_bytes)

    def _listed(self, kind: Kind) -> Iterator[books.Listed]:
        listed = chain.from_iterable(entry.files for entry in self._entries())
        return (each for each in listed if each.kind is kind)

    def _read(self, kind: Kind) -> Iterator[Mapping[str, Any]]:
        for listed in self._listed(kind):
            yield from self._format.read(self._home / listed.path, kind)


def read_rows(folder: Path | str, pipeline: str, table: str) -> Iterator[StoredRow]:
    """Yield the committed rows of one table; see `Archive`."""
    return Archive(folder, pipeline).rows(table)


def _row(table: str, found: Mapping[str, Any]) -> StoredRow:
    return StoredRow(
        table=table,
        partition=_where(found),
        offset=found["KAFKA_OFFSET"],
        event_id=found["EVENT_ID"],
        event_type=found["EVENT_TYPE"],
        occurred_at=datetime_of(found["OCCURRED_AT"]),
        schema_version=found["SCHEMA_VERSION"],
        payload=found["PAYLOAD"].encode(),
        key=found["MESSAGE_KEY"],
        timestamp=_timestamp(found),
        slice_id=found["SLICE_ID"],
    )


def _where(found: Mapping[str, Any]) -> LogPartition:
    return LogPartition(
        found["CLUSTER_ID"], found["TOPIC_ID"], found["TOPIC"], found["KAFKA_PARTITION"]
    )


def _timestamp(found: Mapping[str, Any]) -> int:
    time = found["MESSAGE_TIMESTAMP"]
    return -1 if time is None else int(time)
