"""The names and numbers that producer, consumer and demo share."""

import os
from typing import Final

from winestream.codec import Routes
from winestream.errors import ConfigurationError
from winestream.events import InventoryAdjusted, OrderCreated

ORDERS: Final = "wine.orders"
INVENTORY: Final = "wine.inventory"
TOPICS: Final = {ORDERS: 6, INVENTORY: 6}
"""Topics and their partitions."""

GROUP: Final = "winestream-consumer"
PIPELINE: Final = "caves-albert"
DATABASE: Final = "WINESTREAM"

ROUTES: Final = {OrderCreated: "RAW_ORDERS", InventoryAdjusted: "RAW_INVENTORY"}
UNKNOWN: Final = "RAW_EVENTS"
"""Which event goes to which table, and where any other goes."""

CONSUMER_PORT: Final = 8000
PRODUCER_PORT: Final = 8001
BROKER_PORT: Final = 9644
"""Where the broker's own metrics are, under Redpanda's port and path."""
AUDIT_PORT: Final = 8002
BREAK_PORT: Final = 8003
DASHBOARD_PORT: Final = 8501
PROMETHEUS_PORT: Final = 9090

BOOTSTRAP: Final = "WINESTREAM_BOOTSTRAP"
BREAK_URL: Final = "WINESTREAM_BREAK_URL"
PROMETHEUS_URL: Final = "WINESTREAM_PROMETHEUS_URL"
METRICS_URLS: Final = "WINESTREAM_METRICS_URLS"
EMBEDDED_WAREHOUSE: Final = "WINESTREAM_EMBEDDED_WAREHOUSE"
METRICS_PORT: Final = "WINESTREAM_METRICS_PORT"
METRICS_ADDRESS: Final = "WINESTREAM_METRICS_ADDRESS"
"""Where metrics are served: loopback, unless a container has to be scraped."""


def routes() -> Routes:
    """Return which event goes to which table."""
    return Routes(ROUTES, unknown=UNKNOWN)


def metrics_address() -> str:
    """Return the address to serve metrics on."""
    return setting(METRICS_ADDRESS, "127.0.0.1")


def setting(name: str, default: str | None = None) -> str:
    """Return an environment variable, or say that it is missing."""
    value = os.environ.get(name, default)
    if not value:
        raise ConfigurationError(f"the environment variable {name} is missing")
    return value
