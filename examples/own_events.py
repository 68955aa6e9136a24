"""Events of your own, into tables of your own, in files on your own disk.

    python examples/own_events.py

No broker and no warehouse: the log is in memory, the tables are folders of JSON lines.
"""

import tempfile
from datetime import date
from decimal import Decimal
from enum import StrEnum

import attrs

from winestream import BatchingSink, Event, Routes
from winestream.files import FileWriter, read_rows
from winestream.testing import MemorySource


class Fault(StrEnum):
    """Why a cork came back."""

    TAINTED = "tainted"
    BROKEN = "broken"


@attrs.frozen(kw_only=True)
class CorkReturned(Event):
    """A customer sent a cork back. Its type on the wire is CORK_RETURNED."""

    wine_id: str
    fault: Fault
    refund: Decimal


@attrs.frozen(kw_only=True)
class BarrelFilled(Event):
    """A barrel was filled; the type is ours to choose."""

    EVENT_TYPE = "cellar.barrel-filled"

    barrel_id: str
    litres: int
    harvest: date


ROUTES = Routes(
    {CorkReturned: "RAW_CORKS", BarrelFilled: "RAW_BARRELS"}, unknown="RAW_OTHER"
)


def main() -> None:
    """Land four events, and read back what their tables hold."""
    events = [
        CorkReturned(
            wine_id="pomerol-2015", fault=Fault.BROKEN, refund=Decimal("1.20")
        ),
        BarrelFilled(barrel_id="B-17", litres=225, harvest=date(2025, 9, 20)),
        CorkReturned(wine_id="sauternes-2009", fault=Fault.TAINTED, refund=Decimal(38)),
        BarrelFilled(barrel_id="B-18", litres=225, harvest=date(2025, 9, 21)),
    ]
    with tempfile.TemporaryDirectory() as folder:
        BatchingSink(
            MemorySource.of(ROUTES, events),
            ROUTES,
            FileWriter(folder, pipeline="cellar", format="jsonl"),
            pipeline="cellar",
        ).run(until_caught_up=True)
        for table in ROUTES.tables:
            for row in read_rows(folder, "cellar", table):
                # The table keeps the exact bytes; `decode` gives the event back.
                print(f"{table:12} {row.offset} {ROUTES.decode(row.payload)}")


if __name__ == "__main__":
    main()
