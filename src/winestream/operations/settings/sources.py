"""Where settings come from: each becomes a list of entries that say where they stood.

Nothing is judged here: names and values are for `resolve`.
"""

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, Literal

import attrs

from winestream.errors import ConfigurationError

PREFIX: Final = "WINESTREAM_"
CONFIG: Final = "WINESTREAM_CONFIG"
"""Names the TOML file; the only variable of the prefix that is no setting."""

Kind = Literal["file", "environment", "flag"]


@attrs.frozen
class Entry:
    """One setting as it was written. `origin` says where, for people.

    Paths in a file are relative to `base`, the file's folder.
    """

    path: tuple[str, ...]
    value: Any = attrs.field(repr=False)
    origin: str
    kind: Kind
    base: Path | None = None


def from_toml(file: Path) -> tuple[Entry, ...]:
    """Read a TOML file. Raises `ConfigurationError`, with the line where it is none."""
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(f"{file}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigurationError(f"{file} is no UTF-8 text") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{file} is no TOML: {error}") from None
    return tuple(
        Entry(path, value, f"{file}, {'.'.join(path)}", "file", file.parent)
        for path, value in _leaves(content)
    )


def from_environment(variables: Mapping[str, str]) -> tuple[Entry, ...]:
    """Read the variables with our prefix; `__` goes one level down.

    WINESTREAM_BATCH__MAX_ROWS is `batch.max_rows`. WINESTREAM_SNOWFLAKE_USER is
    `snowflake.user` as well: one underscore is enough there. An empty variable counts
    as not set, since that is how a compose file passes on what it does not have.
    """
    return tuple(
        Entry(_path_of(name), value, name, "environment")
        for name, value in sorted(variables.items())
        if name.startswith(PREFIX) and name != CONFIG and value
    )


def from_flag(key: str, value: Any, flag: str | None = None) -> Entry:  # noqa: ANN401 — as the command line gives it
    """Make an entry of a flag: `--set batch.max_rows=100`, or one with a name."""
    return Entry(tuple(key.split(".")), value, flag or f"--set {key}", "flag")


def from_assignments(texts: list[str]) -> tuple[Entry, ...]:
    """Read the KEY=VALUE of `--set`. Raises `ConfigurationError`."""
    entries = []
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or not key.strip():
            raise ConfigurationError(f"--set {key}: write KEY=VALUE")
        entries.append(from_flag(key.strip(), value.strip()))
    return tuple(entries)


def variable_of(path: tuple[str, ...]) -> str:
    """Return the environment variable of a setting."""
    return PREFIX + "__".join(path).upper()


def _path_of(name: str) -> tuple[str, ...]:
    path = tuple(name.removeprefix(PREFIX).lower().split("__"))
    section, _, rest = path[0].partition("_")
    if section == "snowflake" and rest:
        return (section, rest, *path[1:])
    return path


def _leaves(
    table: Mapping[str, Any], above: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], Any]]:
    for key, value in table.items():
        path = (*above, key)
        if isinstance(value, dict) and value:
            yield from _leaves(value, path)
        else:
            yield path, value
