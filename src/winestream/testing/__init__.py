"""Everything to test a pipeline without a broker or a warehouse.

`winestream.testing.strategies` is loaded when it is asked for: it needs Hypothesis,
nothing else here does.
"""

from importlib import import_module
from types import ModuleType

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


def __getattr__(name: str) -> ModuleType:
    if name == "strategies":
        return import_module("winestream.testing.strategies")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
