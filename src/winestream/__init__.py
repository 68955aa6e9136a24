"""Typed events from Kafka or Redpanda into Snowflake, exactly once.

This is the front door. Adapters are imported by name: `winestream.kafka`,
`winestream.snowflake`, `winestream.instrumentation.prometheus`.

Importing it costs a few milliseconds and loads no vendor: a name is fetched from its
home when it is first used (PEP 562), which type checkers see through.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from winestream.codec import (
        Routes,
    )
    from winestream.core import (
        BatchPolicy,
        FreshnessPolicy,
        RetryPolicy,
        SafetyPolicy,
    )
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
    from winestream.events import (
        Event,
        UnknownEvent,
    )
    from winestream.ports import (
        Codec,
        CursorStore,
        Source,
        Writer,
    )
    from winestream.records import (
        Guarantee,
        LogPartition,
    )
    from winestream.sink import (
        BatchingSink,
        Snapshot,
    )
    from winestream.telemetry import (
        Hook,
        Telemetry,
    )

_HOMES = {
    "winestream.codec": ("Routes",),
    "winestream.core": (
        "BatchPolicy",
        "FreshnessPolicy",
        "RetryPolicy",
        "SafetyPolicy",
    ),
    "winestream.errors": (
        "AbandonedError",
        "ConfigurationError",
        "DecodeError",
        "FatalWriteError",
        "FencedError",
        "NewLogError",
        "RejectedWriteError",
        "RetentionLossError",
        "RetryableWriteError",
        "SourceError",
        "UnknownOutcomeError",
        "WinestreamError",
        "WriteError",
    ),
    "winestream.events": (
        "Event",
        "UnknownEvent",
    ),
    "winestream.ports": (
        "Codec",
        "CursorStore",
        "Source",
        "Writer",
    ),
    "winestream.records": (
        "Guarantee",
        "LogPartition",
    ),
    "winestream.sink": (
        "BatchingSink",
        "Snapshot",
    ),
    "winestream.telemetry": (
        "Hook",
        "Telemetry",
    ),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

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
    "FreshnessPolicy",
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


def __getattr__(name: str) -> object:
    """Fetch a public name from its home, once."""
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
