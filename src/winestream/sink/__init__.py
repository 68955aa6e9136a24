"""The sink: two threads, two queues, nothing shared."""

from winestream.sink.batching import BatchingSink
from winestream.sink.snapshot import PartitionStatus, Snapshot

__all__ = ["BatchingSink", "PartitionStatus", "Snapshot"]
