"""A broker and a warehouse on one machine, for tests, demos and laptops.

Importing this is cheap: the vendors are imported by the processes that hold the
broker and the warehouse, never by the one that starts them.
"""

from winestream.local.broker import EmbeddedBroker
from winestream.local.serving import serve
from winestream.local.warehouse import EmbeddedWarehouse, TaskRun

__all__ = ["EmbeddedBroker", "EmbeddedWarehouse", "TaskRun", "serve"]
