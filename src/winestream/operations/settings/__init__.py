"""A consumer's settings: one schema; TOML, environment and flags, weaker to stronger.

Secrets come from the environment or from files of their own, never from TOML or flags.
"""

from winestream.operations.settings.resolve import Resolution, Shown, resolve
from winestream.operations.settings.schema import ConsumerSettings, HttpSettings
from winestream.operations.settings.sources import (
    Entry,
    from_environment,
    from_flag,
    from_toml,
)

__all__ = [
    "ConsumerSettings",
    "Entry",
    "HttpSettings",
    "Resolution",
    "Shown",
    "from_environment",
    "from_flag",
    "from_toml",
    "resolve",
]
