"""The SQL files that are applied again whenever they change: views, tasks, grants.

Names are `NN_what.sql`, applied in the order of their names. A file whose head has a
line `-- When: variable = value` counts only where the variable has that value. Nothing
but a view may be replaced: a replaced table is empty, a replaced stream has lost its
place, a replaced task its history.
"""

import hashlib
import re
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

import attrs

from winestream.errors import ConfigurationError
from winestream.operations.migrations import is_core
from winestream.operations.statements import Statement, split_statements
from winestream.operations.variables import fill

_FILE_NAME = re.compile(r"[a-z0-9_]+\.sql", re.ASCII)
_WHEN = re.compile(r"^-- When: +(\w+) = (\w+) *$", re.MULTILINE)
_REPLACES = re.compile(
    r"CREATE OR REPLACE (?!(SECURE )?(RECURSIVE )?VIEW )", re.IGNORECASE
)


@attrs.frozen(slots=False)
class Repeatable:
    """One file with its variables filled in. `name` is its file name."""

    name: str
    text: str

    @cached_property
    def statements(self) -> tuple[Statement, ...]:
        """The statements in order.

        Raises `ConfigurationError` for an open quote, and for an OR REPLACE of
        anything but a view.
        """
        found = tuple(split_statements(self.text, source=self.name))
        for statement in found:
            if _REPLACES.match(statement.normalised):
                raise ConfigurationError(
                    f"{self.name}, line {statement.line} "
                    f"({statement.normalised[:60]}): only views may be replaced. "
                    "Write IF NOT EXISTS and ALTER what is there."
                )
        return found

    @cached_property
    def checksum(self) -> str:
        """SHA-256 of the normalised statements, values of variables included."""
        joined = ";\n".join(statement.normalised for statement in self.statements)
        return hashlib.sha256(joined.encode()).hexdigest()


@attrs.frozen
class Template:
    """One file as it stands."""

    name: str
    text: str

    def filled(self, filling: Mapping[str, str]) -> Repeatable | None:
        """Put the variables in; None where its `-- When:` says that it is not for us.

        Raises `ConfigurationError` for a variable that there is not.
        """
        when = _WHEN.search(self.text.split("\n\n")[0])
        if when is not None:
            wanted = fill(f"${{{when[1]}}}", filling, f"{self.name}, its When")
            if wanted != when[2]:
                return None
        return Repeatable(self.name, fill(self.text, filling, self.name))


@attrs.frozen
class Templates:
    """All files: `before` the migrations and `after` them, each in order."""

    before: tuple[Template, ...] = ()
    after: tuple[Template, ...] = ()

    def core(self) -> "Templates":
        """Return those that every sink needs."""
        before, after = (
            tuple(each for each in part if is_core(each.text))
            for part in (self.before, self.after)
        )
        return Templates(before, after)


def read_templates(directory: Path) -> tuple[Template, ...]:
    """Read every `*.sql` of a directory, in order; none if there is no directory.

    Raises `ConfigurationError` for a name that is no repeatable file's.
    """
    found = sorted(directory.glob("*.sql"))
    for path in found:
        if _FILE_NAME.fullmatch(path.name) is None:
            raise ConfigurationError(
                f"{path.name} is no repeatable file's name: use two digits, _, "
                "lower-case words and .sql, as in 31_daily_sales.sql."
            )
    return tuple(
        Template(path.name, path.read_text(encoding="utf-8")) for path in found
    )


def packaged_templates() -> Templates:
    """Return winestream's own, from the wheel or the checkout's `sql/`."""
    package = Path(__file__).resolve().parents[1]
    for place in (package / "_sql", package.parents[1] / "sql"):
        if place.is_dir():
            return Templates(
                read_templates(place / "options"), read_templates(place / "repeatable")
            )
    return Templates()
