"""Typed events from Kafka or Redpanda into Snowflake, exactly once.

This is the front door; importing it loads no vendor. Adapters are imported by name:
`winestream.kafka`, `winestream.snowflake`, `winestream.instrumentation.prometheus`.
"""

from winestream.codec import Routes
from winestream.core import BatchPolicy, RetryPolicy, SafetyPolicy
from winestream.errors import (
    AbandonedError,
    ConfigurationError,
    DecodeError,
    FatalWriteError,
    FencedError,
    NewLogError,
    RejectedWriteError,
    RetentionLossError,
    RetryableWriteError,
    SourceError,
    UnknownOutcomeError,
    WinestreamError,
    WriteError,
)
from winestream.events import Event, UnknownEvent
from winestream.ports import Codec, CursorStore, Source, Writer
from winestream.records import Guarantee, LogPartition
from winestream.sink import BatchingSink, Snapshot
from winestream.telemetry import Hook, Telemetry

__all__ = [
    "AbandonedError",
    "BatchPolicy",
    "BatchingSink",
    "Codec",
    "ConfigurationError",
    "CursorStore",
    "DecodeError",
    "Event",
    "FatalWriteError",
    "FencedError",
    "Guarantee",
    "Hook",
    "LogPartition",
    "NewLogError",
    "RejectedWriteError",
    "RetentionLossError",
    "RetryPolicy",
    "RetryableWriteError",
    "Routes",
    "SafetyPolicy",
    "Snapshot",
    "Source",
    "SourceError",
    "Telemetry",
    "UnknownEvent",
    "UnknownOutcomeError",
    "WinestreamError",
    "WriteError",
    "Writer",
]
