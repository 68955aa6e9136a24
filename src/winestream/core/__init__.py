"""The delivery protocol, pure: no clock, randomness, thread, logging or vendor."""

from winestream.core.machine import Core
from winestream.core.policy import (
    Batching,
    BatchPolicy,
    CoreSettings,
    FreshnessPolicy,
    RetryPolicy,
    SafetyPolicy,
)

__all__ = [
    "BatchPolicy",
    "Batching",
    "Core",
    "CoreSettings",
    "FreshnessPolicy",
    "RetryPolicy",
    "SafetyPolicy",
]
