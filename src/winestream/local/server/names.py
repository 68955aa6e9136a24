"""Names of objects as a statement writes them, and as they are stored."""

import fnmatch
import re

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from winestream.local.server.sessions import Place
from winestream.local.server.sqlerrors import SYNTAX, SqlError

# One name in a pattern: up to three parts, quoted or not.
NAME = r'(?:"(?:[^"]|"")+"|[\w$]+)(?:\s*\.\s*(?:"(?:[^"]|"")+"|[\w$]+)){0,2}'
HIDDEN = "_fs_information_schema"
"""The schema of a database that no SHOW and no INFORMATION_SCHEMA view lists."""

_SCOPE = re.compile(
    rf"""^\s*(?:like\s+'(?P<like>(?:[^']|'')*)'\s*)?
    (?:in\s+(?:(?P<account>account)|database(?:\s+(?P<database>{NAME}))?
    |(?:schema\s+)?(?P<schema>{NAME})))?\s*
    (?:starts\s+with\s+'(?P<starts>[^']*)'\s*)?(?:limit\s+(?P<limit>\d+)\s*)?;?\s*$""",
    re.IGNORECASE | re.VERBOSE,
)


def full_name(table: exp.Table, place: Place) -> str:
    """`DB.SCHEMA.TABLE`, unquoted parts in upper case as Snowflake stores them."""

    def part(name: str, *, quoted: bool) -> str:
        return name if quoted else name.upper()

    def of(key: str, default: str | None) -> str:
        identifier = table.args.get(key)
        if isinstance(identifier, exp.Identifier):
            return part(identifier.name, quoted=bool(identifier.args.get("quoted")))
        return default or ""

    names = [of("catalog", place.database), of("db", place.schema), of("this", "")]
    return ".".join(names)


def stored_name(text: str, place: Place) -> str:
    """`DB.SCHEMA.NAME` of what a statement writes as `name` or `schema.name`.

    Raises SqlError if a part is neither written nor that of the session.
    """
    try:
        table = sqlglot.parse_one(text.strip(), read="snowflake", into=exp.Table)
    except SqlglotError as error:
        raise SqlError(SYNTAX, "42000", f"'{text}' is no name") from error
    name = full_name(table, place)
    if "" in name.split(".") or name.count(".") != 2:  # noqa: PLR2004 - three parts
        raise SqlError(
            90105,
            "22000",
            f"Cannot find '{text}': the session has no current database or schema.",
        )
    return name


def quoted(name: str) -> str:
    """Put each part of a stored name into quotes, for DuckDB."""
    return ".".join('"' + part.replace('"', '""') + '"' for part in name.split("."))


def text(value: str) -> str:
    """Write a DuckDB string literal."""
    return "'" + value.replace("'", "''") + "'"


def shown(names: list[str], scope: str, place: Place) -> list[str]:
    """Pick the stored names that `SHOW … <scope>` lists, sorted.

    Without a scope the current schema counts, or else the database, or everything.
    """
    match = _SCOPE.match(scope)
    if match is None:
        raise SqlError(SYNTAX, "42000", f"SHOW does not understand '{scope.strip()}'")
    prefix = _prefix(match, place)
    found = sorted(name for name in names if name.startswith(prefix))
    if match["like"] is not None:
        pattern = match["like"].upper().replace("%", "*").replace("_", "?")
        found = [
            n for n in found if fnmatch.fnmatchcase(n.split(".")[2].upper(), pattern)
        ]
    if match["starts"] is not None:
        found = [n for n in found if n.split(".")[2].startswith(match["starts"])]
    return found[: int(match["limit"])] if match["limit"] else found


def _prefix(match: re.Match[str], place: Place) -> str:
    if match["account"]:
        return ""
    if match["schema"]:
        schema = stored_name(f"{match['schema']}.x", place)
        return schema.rpartition(".")[0] + "."
    scope = match.string.lower()
    database = match["database"]
    if database or re.search(r"\bin\s+database\b", scope):
        name = (database or place.database or "").strip('"')
        return (name if '"' in (database or "") else name.upper()) + "."
    parts = [part for part in (place.database, place.schema) if part]
    return "".join(part + "." for part in parts)
