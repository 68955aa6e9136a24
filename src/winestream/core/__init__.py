"""The delivery protocol, pure: no clock, randomness, thread, logging or vendor."""

from winestream.core.machine import Core
from winestream.core.policy import (
    BatchPolicy,
    CoreSettings,
    RetryPolicy,
    SafetyPolicy,
)

__all__ = ["BatchPolicy", "Core", "CoreSettings", "RetryPolicy", "SafetyPolicy"]
