"""The numbered SQL files that build the warehouse: where they are and what they hold.

Names are `NNNN_what_it_does.sql`, numbered from 0001 without a hole. This module reads
files and talks to no warehouse.
"""

import hashlib
import re
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path

import attrs

from winestream.errors import ConfigurationError
from winestream.operations.statements import Statement, split_statements

_PART = re.compile(r"^-- Part: +core *$", re.MULTILINE)
_FILE_NAME = re.compile(r"(?P<version>\d{4})_[a-z0-9_]+\.sql", re.ASCII)


def is_core(text: str) -> bool:
    """Whether a file's head says that every sink needs it (`-- Part: core`).

    The rest is the merchant's own warehouse.
    """
    return _PART.search(text.partition("\n\n")[0]) is not None


@attrs.frozen(slots=False)
class Migration:
    """One numbered file. `name` is its file name, `text` all of it."""

    version: int
    name: str
    text: str

    @cached_property
    def statements(self) -> tuple[Statement, ...]:
        """The statements in order. Raises `ConfigurationError` for an open quote."""
        return tuple(split_statements(self.text, source=self.name))

    @cached_property
    def checksum(self) -> str:
        """SHA-256 of the normalised statements: comments and layout do not count."""
        joined = ";\n".join(statement.normalised for statement in self.statements)
        return hashlib.sha256(joined.encode()).hexdigest()


def read_migrations(directory: Path) -> tuple[Migration, ...]:
    """Read every `*.sql` of a directory, in order.

    Raises `ConfigurationError` for a directory without any, a name that is no
    migration's, and what `in_order` refuses.
    """
    found = sorted(directory.glob("*.sql"))
    if not found:
        raise ConfigurationError(f"{directory} holds no migration (NNNN_name.sql).")
    return in_order(
        Migration(_version(path.name), path.name, path.read_text(encoding="utf-8"))
        for path in found
    )


def in_order(migrations: Iterable[Migration]) -> tuple[Migration, ...]:
    """Return the migrations by number, which must be 1, 2, 3 and so on.

    Raises `ConfigurationError` for a number that is missing or there twice.
    """
    ordered = tuple(sorted(migrations, key=lambda each: (each.version, each.name)))
    for expected, migration in enumerate(ordered, start=1):
        if migration.version < expected:
            raise ConfigurationError(
                f"{migration.name} and {ordered[expected - 2].name} have the same "
                "number: give the one that is not deployed yet the next free one."
            )
        if migration.version > expected:
            raise ConfigurationError(
                f"migration {expected:04} is missing before {migration.name}: numbers "
                "have no holes, or two people's files would be told apart too late."
            )
    return ordered


def packaged_migrations() -> tuple[Migration, ...]:
    """Return winestream's own migrations.

    An installed wheel carries them inside the package, an editable install reads the
    checkout's `sql/`. Raises `ConfigurationError` when neither is there.
    """
    package = Path(__file__).resolve().parents[1]
    places = (
        package / "_sql" / "migrations",
        package.parents[1] / "sql" / "migrations",
    )
    for place in places:
        if place.is_dir():
            return read_migrations(place)
    raise ConfigurationError(
        "this installation of winestream has no SQL files; looked in "
        f"{' and '.join(map(str, places))}. Install the wheel again."
    )


def _version(name: str) -> int:
    match = _FILE_NAME.fullmatch(name)
    if match is None:
        raise ConfigurationError(
            f"{name} is no migration's name: use four digits, _, lower-case words "
            "and .sql, as in 0007_add_reviews.sql."
        )
    return int(match["version"])
