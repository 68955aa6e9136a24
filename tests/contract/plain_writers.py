"""A writer without cursors, and a world for the smaller contract."""

from collections.abc import Mapping

from contract_worlds import MemoryWorld

from winestream.errors import RetryableWriteError, UnknownOutcomeError
from winestream.ports import Writer
from winestream.records import LogPartition, Slice
from winestream.testing import Fault, FaultPlan, MemoryWarehouse


class PlainWriter:
    """The smallest writer there is: Kafka's commit is the truth, at least once."""

    def __init__(
        self, warehouse: MemoryWarehouse, faults: FaultPlan | None = None
    ) -> None:
        self.warehouse = warehouse
        self.faults = faults or FaultPlan()

    def open(self) -> None:
        pass

    def write(self, piece: Slice, epochs: Mapping[LogPartition, int]) -> None:
        assert set(epochs.values()) <= {0}
        fault = self.faults.next()
        if fault is Fault.RETRYABLE:
            raise RetryableWriteError("planned: try again")
        self.warehouse.append(piece)
        if fault is Fault.ANSWER_LOST:
            raise UnknownOutcomeError("planned: the answer was lost")

    def close(self) -> None:
        pass


class PlainWorld(MemoryWorld):
    """Memory without cursors."""

    def writer(self) -> Writer:
        return PlainWriter(self.warehouse)

    def break_next_write(self, writer: Writer) -> None:
        assert isinstance(writer, PlainWriter)
        writer.faults = FaultPlan.fail_once()

    def lose_next_answer(self, writer: Writer) -> None:
        assert isinstance(writer, PlainWriter)
        writer.faults = FaultPlan.of(Fault.ANSWER_LOST)
