"""`winestream config`: the effective settings, and where each came from."""

import sys
from typing import Annotated

from cyclopts import Parameter

from winestream.cli.settings import SettingsOptions
from winestream.errors import ConfigurationError

_DEFAULTS = SettingsOptions()


def run(
    options: SettingsOptions = _DEFAULTS,
    *,
    check: Annotated[bool, Parameter(negative=())] = False,
) -> None:
    """Show the effective settings, secrets as ***, and where each came from.

    Parameters
    ----------
    check
        Exit with 1 when a consumer could not start with these settings.
    """
    resolution = options.resolve()
    problems = list(resolution.problems)
    if check:
        from winestream.operations.consumer import (  # noqa: PLC0415 — loads the clients
            Consumer,
            wrong_parts,
        )

        problems += wrong_parts(resolution.parsed)
        if not problems:
            try:
                Consumer(resolution.require())
            except ConfigurationError as error:
                problems.append(str(error))
    for line in _table([(s.key, s.value, s.origin) for s in resolution.shown]):
        sys.stdout.write(line + "\n")
    sys.stdout.flush()
    for problem in problems:
        sys.stderr.write(f"winestream: {problem}\n")
    if problems and check:
        sys.exit(1)


def _table(rows: list[tuple[str, str, str]]) -> list[str]:
    """Return the rows as lines in columns; the last column is a comment."""
    if not rows:
        return []
    keys = max(len(key) for key, _, _ in rows)
    values = max(len(value) for _, value, _ in rows)
    return [f"{key:{keys}} = {text:{values}}  # {where}" for key, text, where in rows]
