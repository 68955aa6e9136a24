"""Everything to test a pipeline without a broker or a warehouse."""

from winestream.testing.clock import FakeClock
from winestream.testing.faults import Fault, FaultPlan
from winestream.testing.memory_source import MemoryMessage, MemorySource
from winestream.testing.memory_writer import MemoryRow, MemoryWarehouse, MemoryWriter

__all__ = [
    "FakeClock",
    "Fault",
    "FaultPlan",
    "MemoryMessage",
    "MemoryRow",
    "MemorySource",
    "MemoryWarehouse",
    "MemoryWriter",
]
