"""Typed business facts: the common head, the wine merchant's events, the unknown."""

from winestream.events.base import Event, UnknownEvent, event_type_of
from winestream.events.wine import (
    Channel,
    Colour,
    Customer,
    InventoryAdjusted,
    OrderCreated,
    OrderLine,
    Reason,
)

__all__ = [
    "Channel",
    "Colour",
    "Customer",
    "Event",
    "InventoryAdjusted",
    "OrderCreated",
    "OrderLine",
    "Reason",
    "UnknownEvent",
    "event_type_of",
]
