"""The flags of commands that take a consumer's settings."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import attrs
from cyclopts import Parameter

if TYPE_CHECKING:
    from winestream.operations.settings import ConsumerSettings, Entry, Resolution


@Parameter(name="*")
@attrs.frozen(kw_only=True)
class SettingsOptions:
    """Where settings come from: file, then environment, then flags, the last wins.

    Variables are WINESTREAM_ and the setting's name, `__` for each dot, as in
    WINESTREAM_BATCH__MAX_ROWS. Secrets come from the environment, or from a file of
    their own (a setting's name with _file), never from the file or a flag.

    Parameters
    ----------
    config
        A TOML file with settings.
    pipeline
        The pipeline's name: it names the cursors in the warehouse.
    topic
        A topic to read; once for each.
    group
        The consumer group.
    bootstrap
        The brokers, host:port, several with commas.
    route
        An event class and its table, module:Class=TABLE; once for each.
    set_
        Any setting, KEY=VALUE; once for each.
    """

    config: Annotated[Path | None, Parameter(env_var="WINESTREAM_CONFIG")] = None
    pipeline: str | None = None
    topic: Annotated[list[str] | None, Parameter(negative=())] = None
    group: str | None = None
    bootstrap: str | None = None
    route: Annotated[list[str] | None, Parameter(negative=())] = None
    set_: Annotated[list[str] | None, Parameter(name="--set", negative=())] = None

    def resolve(self) -> "Resolution[ConsumerSettings]":
        """Return what all sources come to. Raises `ConfigurationError` for a file."""
        # Not at the top: loads the clients, and --help must not.
        from winestream.operations.settings import (  # noqa: PLC0415
            ConsumerSettings,
            resolve,
        )

        with_own_modules()
        return resolve(ConsumerSettings, self._entries())

    def _entries(self) -> "list[Entry]":
        from winestream.operations.settings import (  # noqa: PLC0415 — as above
            from_environment,
            from_flag,
            from_toml,
        )
        from winestream.operations.settings.sources import (  # noqa: PLC0415 — as above
            from_assignments,
        )

        entries = list(from_toml(self.config)) if self.config else []
        entries += from_environment(os.environ)
        entries += from_assignments(self.set_ or [])
        named = {
            "pipeline": self.pipeline,
            "topics": self.topic,
            "group": self.group,
            "bootstrap": self.bootstrap,
            "routes": ",".join(self.route) if self.route else None,
        }
        flags = {"topics": "--topic", "routes": "--route"}
        entries += [
            from_flag(key, value, flags.get(key, f"--{key}"))
            for key, value in named.items()
            if value is not None
        ]
        return entries


def with_own_modules() -> None:
    """Let modules of the current folder be imported, as `python -m` would."""
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
