"""The variables of the SQL files: their defaults, and what their values may be.

`${name}` is replaced by the value wherever it stands, in quotes or not; there is no
other syntax. A value can therefore hold nothing that would end a literal or a
statement: it is a name, a whole number, a schedule or one of a few words.
"""

import re
from collections.abc import Callable, Mapping
from typing import Final

import attrs

from winestream.errors import ConfigurationError

_PLACE: Final = re.compile(r"\$\{([^}\n]*)\}")
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,254}", re.ASCII)
_INTERVAL: Final = re.compile(r"[1-9]\d{0,5} (SECOND|MINUTE|HOUR)S?", re.ASCII)
_CRON: Final = re.compile(
    r"USING CRON( [0-9A-Z*,/L#-]{1,40}){5} [A-Za-z0-9_+/-]{1,60}", re.ASCII
)


def _is_name(value: str) -> str | None:
    if _NAME.fullmatch(value):
        return None
    return "be a name: letters, digits and _, not beginning with a digit"


def _is_schedule(value: str) -> str | None:
    if _INTERVAL.fullmatch(value) or _CRON.fullmatch(value):
        return None
    return "be a schedule, as in '5 MINUTES' or 'USING CRON 0 6 * * * UTC'"


def _from(least: int) -> Callable[[str], str | None]:
    def check(value: str) -> str | None:
        if re.fullmatch(r"\d{1,9}", value, re.ASCII) and int(value) >= least:
            return None
        return f"be a whole number from {least} on"

    return check


def _one_of(*words: str) -> Callable[[str], str | None]:
    def check(value: str) -> str | None:
        return None if value in words else f"be one of {', '.join(words)}"

    return check


@attrs.frozen
class Variable:
    """`check` returns what a value has to be when it is not, or None."""

    default: str | None
    check: Callable[[str], str | None]


VARIABLES: Final[Mapping[str, Variable]] = {
    "database": Variable(None, _is_name),  # the session's
    "warehouse": Variable("WINESTREAM", _is_name),
    "minimum_trigger_seconds": Variable("30", _from(10)),
    "kpi_schedule": Variable("5 MINUTES", _is_schedule),
    "masking": Variable("none", _one_of("none", "views", "policy")),
    "cursor_table": Variable("standard", _one_of("standard", "hybrid")),
    "deployer_role": Variable("WINESTREAM_DEPLOYER", _is_name),
    "loader_role": Variable("WINESTREAM_LOADER", _is_name),
    "transformer_role": Variable("WINESTREAM_TRANSFORMER", _is_name),
    "reader_role": Variable("WINESTREAM_READER", _is_name),
    "auditor_role": Variable("WINESTREAM_AUDITOR", _is_name),
}
"""Every variable that a file may use."""


def values(given: Mapping[str, str], database: str) -> dict[str, str]:
    """Return a value for every variable.

    Raises `ConfigurationError` for a name that is no variable and for a value that a
    variable cannot have.
    """
    unknown = sorted(given.keys() - VARIABLES.keys())
    if unknown:
        raise ConfigurationError(
            f"there is no variable {unknown[0]}; there are {', '.join(VARIABLES)}."
        )
    found: dict[str, str] = {}
    for name, variable in VARIABLES.items():
        value = given.get(name, variable.default or database)
        # A database that nobody named in an option is what the session says it is;
        # it is looked at only where a file names it.
        wrong = variable.check(value)
        if wrong is not None and name in given:
            raise ConfigurationError(f"variable {name}={value!r} must {wrong}.")
        if wrong is None:
            found[name] = value
    return found


def fill(text: str, filling: Mapping[str, str], source: str) -> str:
    """Put the values in. Raises `ConfigurationError` for a name without a value."""

    def value(match: re.Match[str]) -> str:
        name = match[1]
        if name not in filling:
            line = text.count("\n", 0, match.start()) + 1
            why = (
                "its value is no plain name; give another by --var"
                if name in VARIABLES
                else f"there are {', '.join(VARIABLES)}"
            )
            raise ConfigurationError(
                f"{source}, line {line}: no value for ${{{name}}}: {why}."
            )
        return filling[name]

    return _PLACE.sub(value, text)


def assignments(written: list[str]) -> dict[str, str]:
    """Read `name=value` texts, as on a command line."""
    pairs = [each.partition("=") for each in written]
    for name, equals, _ in pairs:
        if not equals:
            raise ConfigurationError(f"--var {name}: write name=value.")
    return {name.strip(): value.strip() for name, _, value in pairs}
