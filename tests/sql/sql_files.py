"""The SQL folder as tests read it: statements with variables filled in, task bodies."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import attrs

from winestream.operations.statements import Statement, split_statements

SQL: Final = Path(__file__).parents[2] / "sql"
VARIABLES: Final[Mapping[str, str]] = {
    "database": "WINESTREAM",
    "warehouse": "WINESTREAM",
    "minimum_trigger_seconds": "30",
    "kpi_schedule": "5 MINUTES",
    "masking": "none",
    "cursor_table": "standard",
    "deployer_role": "WINESTREAM_DEPLOYER",
    "loader_role": "WINESTREAM_LOADER",
    "transformer_role": "WINESTREAM_TRANSFORMER",
    "reader_role": "WINESTREAM_READER",
    "auditor_role": "WINESTREAM_AUDITOR",
}
"""Every variable a file may use, with its default."""

# A stream → the table it is on, as the design has them.
STREAMS: Final[Mapping[str, str]] = {
    "RAW.ORDER_STREAM": "RAW.RAW_ORDERS",
    "RAW.ORDER_LINE_STREAM": "RAW.RAW_ORDERS",
    "RAW.INVENTORY_STREAM": "RAW.RAW_INVENTORY",
    "STAGING.STAGED_ORDERS_FOR_ORDERS": "STAGING.STAGING_ORDERS",
    "STAGING.STAGED_LINES_FOR_ORDERS": "STAGING.STAGING_ORDER_LINES",
    "STAGING.STAGED_LINES_FOR_LINES": "STAGING.STAGING_ORDER_LINES",
    "STAGING.STAGED_INVENTORY_FOR_STOCK": "STAGING.STAGING_INVENTORY",
    "STAGING.STAGED_ORDERS_FOR_KPIS": "STAGING.STAGING_ORDERS",
    "STAGING.STAGED_INVENTORY_FOR_KPIS": "STAGING.STAGING_INVENTORY",
}

_VARIABLE = re.compile(r"\$\{(\w+)\}")
_WHEN = re.compile(r"^-- When: +(\w+) = (\w+)$", re.MULTILINE)
_BODY = re.compile(r"ALTER TASK OPS\.(\w+) MODIFY AS\s+(.*)", re.DOTALL)
_STREAM = re.compile(r"\b(?:RAW|STAGING)\.\w*(?:_STREAM|_FOR_\w+)\b")


@attrs.frozen
class SqlFile:
    """One file, its variables filled in."""

    path: Path
    text: str
    statements: tuple[Statement, ...]

    @property
    def name(self) -> str:
        """The path inside `sql/`."""
        return str(self.path.relative_to(SQL))

    @property
    def applies(self) -> bool:
        """Whether the default variables want it: see the When line in sql/README.md."""
        return all(VARIABLES[name] == value for name, value in _WHEN.findall(self.text))


def filled(text: str, **changed: str) -> str:
    """Replace every `${name}`; a name that is no variable is a KeyError."""
    variables = {**VARIABLES, **changed}
    return _VARIABLE.sub(lambda found: variables[found[1]], text)


def read(path: Path, **changed: str) -> SqlFile:
    """Read one file as deploy would apply it."""
    text = filled(path.read_text(encoding="utf-8"), **changed)
    return SqlFile(path, text, tuple(split_statements(text, source=path.name)))


def files(folder: str = "**") -> Iterator[SqlFile]:
    """Yield the files of a folder, of all folders by default, in the order of names."""
    yield from (read(path) for path in sorted(SQL.glob(f"{folder}/*.sql")))


def task_bodies() -> dict[str, str]:
    """Return task → the one statement that it runs."""
    return {
        found[1]: found[2]
        for file in files("repeatable")
        for statement in file.statements
        if (found := _BODY.fullmatch(statement.text))
    }


def streams_of(sql: str) -> set[str]:
    """Return the streams that a piece of SQL names."""
    return set(_STREAM.findall(sql))
