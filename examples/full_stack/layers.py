"""The verdict's second half: what the layers above RAW make of every run so far.

It reads the warehouse in a session of its own and holds it against the books.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

import attrs

from full_stack.books import Books

STAGING: Final = (
    "STAGING_ORDERS",
    "STAGING_ORDER_LINES",
    "STAGING_INVENTORY",
    "REJECTS",
)
PRODUCTION: Final = ("PROD_ORDERS", "PROD_ORDER_LINES", "PROD_INVENTORY")
VIEWS: Final = (
    "DAILY_SALES",
    "CUSTOMER_METRICS",
    "INVENTORY_STATUS",
    "PRODUCT_PERFORMANCE",
)

_CENT: Final = Decimal("0.01")


@attrs.frozen
class Layers:
    """Figures of all runs in the data folder."""

    books: Books
    revenue: Decimal
    stock: Mapping[str, int]
    staging: Mapping[str, int]
    production: Mapping[str, int]
    views: Mapping[str, int]
    kpi_history: int

    @property
    def sound(self) -> bool:
        """Whether every cent and every wine's bottles agree, and KPIs were taken."""
        return (
            self.revenue == self.books.revenue
            and dict(self.stock) == dict(self.books.stock)
            and (self.kpi_history > 0 or not any(self.staging.values()))
        )

    def as_json(self) -> dict[str, Any]:
        """Return the verdict's keys; stock is in bottles over all wines."""
        return {
            "revenue_produced": str(self.books.revenue.quantize(_CENT)),
            "revenue_daily_sales": str(self.revenue.quantize(_CENT)),
            "stock_produced": sum(self.books.stock.values()),
            "stock_production": sum(self.stock.values()),
            "staging": dict(self.staging),
            "production": dict(self.production),
            "views": dict(self.views),
            "kpi_history": self.kpi_history,
        }


def look_through(
    connection: Any,  # noqa: ANN401 — the vendor's connection
    books: Books,
) -> Layers:
    """Ask the warehouse."""
    cursor = connection.cursor()

    def rows(query: str) -> list[Any]:
        found: list[Any] = cursor.execute(query).fetchall()
        return found

    def counts(schema: str, names: tuple[str, ...]) -> dict[str, int]:
        return {
            name: int(rows(f"SELECT COUNT(*) FROM {schema}.{name}")[0][0])  # noqa: S608 — constants
            for name in names
        }

    revenue = rows("SELECT COALESCE(SUM(REVENUE), 0) FROM ANALYTICS.DAILY_SALES")
    stock = rows("SELECT WINE_ID, STOCK FROM PRODUCTION.PROD_INVENTORY")
    return Layers(
        books=books,
        revenue=Decimal(revenue[0][0]),
        stock={str(wine): int(bottles) for wine, bottles in stock},
        staging=counts("STAGING", STAGING),
        production=counts("PRODUCTION", PRODUCTION),
        views=counts("ANALYTICS", VIEWS),
        kpi_history=counts("ANALYTICS", ("KPI_HISTORY",))["KPI_HISTORY"],
    )
