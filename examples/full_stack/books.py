"""What was produced, in money and bottles: kept by the producer, never asked of anyone.

The warehouse's figures are held against these. Only sound messages count.
"""

import json
from collections import Counter
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, Self

import attrs

from winestream.events import InventoryAdjusted, OrderCreated


@attrs.define
class Books:
    """Revenue is goods after discounts, without tax and shipping; stock in bottles."""

    revenue: Decimal = Decimal("0.00")
    stock: Counter[str] = attrs.field(factory=Counter)

    def enter(self, event: OrderCreated | InventoryAdjusted) -> None:
        """Add an order's lines, or a movement of stock."""
        if isinstance(event, OrderCreated):
            for line in event.lines:
                self.revenue += line.quantity * line.unit_price - line.discount
        else:
            self.stock[event.wine_id] += event.quantity

    def add(self, other: Self) -> None:
        """Add another run's."""
        self.revenue += other.revenue
        for wine, bottles in other.stock.items():  # `update` would do, `+=` drops zeros
            self.stock[wine] += bottles

    def as_json(self) -> dict[str, Any]:
        """Return them as plain values."""
        return {"revenue": str(self.revenue), "stock": dict(self.stock)}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Read what `as_json` returned; other keys are left alone."""
        return cls(Decimal(values["revenue"]), Counter(values["stock"]))


class Ledger:
    """The books of every run in a data folder: one JSON line each."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def add(self, cluster_id: str, books: Books) -> None:
        """Enter a run, known by its broker's cluster."""
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"cluster_id": cluster_id} | books.as_json()) + "\n")

    def total(self) -> Books:
        """Add all runs up."""
        total = Books()
        for line in self._path.read_text(encoding="utf-8").splitlines():
            total.add(Books.from_json(json.loads(line)))
        return total
