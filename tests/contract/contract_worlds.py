"""Worlds for the writers that winestream brings along."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from winestream.files import Archive, FileWriter
from winestream.files.formats import FormatName
from winestream.ports import Writer
from winestream.records import DeadLetter, Gap, LogPartition
from winestream.testing import Fault, FaultPlan, MemoryWarehouse, MemoryWriter
from winestream.testing.contract import EVERYTHING, LandedRow, WriterWorld


class MemoryWorld(WriterWorld):
    """A warehouse in memory, which keeps not every column of a row."""

    compared = EVERYTHING - {"occurred_at", "schema_version", "key", "timestamp"}
    adopts = False

    def __init__(self) -> None:
        self.warehouse = MemoryWarehouse()

    def writer(self) -> Writer:
        return MemoryWriter(warehouse=self.warehouse)

    def rows(self) -> Iterator[LandedRow]:
        for row in self.warehouse.landed:
            yield LandedRow(
                row.table,
                row.partition,
                row.offset,
                row.event_id,
                row.event_type,
                row.payload,
                slice_id=row.slice_id,
            )

    def dead_letters(self) -> Iterable[tuple[LogPartition, DeadLetter]]:
        return self.warehouse.dead

    def gaps(self) -> Iterable[tuple[LogPartition, Gap]]:
        return self.warehouse.gaps

    def break_next_write(self, writer: Writer) -> None:
        assert isinstance(writer, MemoryWriter)
        writer.faults = FaultPlan.fail_once()

    def lose_next_answer(self, writer: Writer) -> None:
        assert isinstance(writer, MemoryWriter)
        writer.faults = FaultPlan.of(Fault.ANSWER_LOST)


class FileWorld(WriterWorld):
    """A folder."""

    def __init__(self, folder: Path, file_format: FormatName) -> None:
        self.folder, self.format = folder, file_format

    def writer(self) -> Writer:
        return FileWriter(self.folder, pipeline="wine", format=self.format)

    @property
    def archive(self) -> Archive:
        return Archive(self.folder, "wine")

    def rows(self) -> Iterator[LandedRow]:
        for table in self.archive.tables():
            for row in self.archive.rows(table):
                yield LandedRow(
                    row.table,
                    row.partition,
                    row.offset,
                    row.event_id,
                    row.event_type,
                    row.payload,
                    row.occurred_at.timestamp(),
                    row.schema_version,
                    row.key,
                    row.timestamp,
                    row.slice_id,
                )

    def dead_letters(self) -> Iterable[tuple[LogPartition, DeadLetter]]:
        return self.archive.dead_letters()

    def gaps(self) -> Iterable[tuple[LogPartition, Gap]]:
        return self.archive.gaps()
