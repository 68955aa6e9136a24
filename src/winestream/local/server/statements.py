"""One statement on its way through the chain, and what it answers.

A `Statement` is read once; handlers may replace its tree. Rows of an array binding
(`executemany`) are one statement, as they are in Snowflake.
"""

import functools
import itertools
import re
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import sqlglot
from fakesnow import statement_type
from sqlglot import exp
from sqlglot.errors import SqlglotError

from winestream.local.server.sqlerrors import SqlError, translate

if TYPE_CHECKING:
    from winestream.local.server.sessions import Session


class Kind(Enum):
    """What a statement means to the transaction that it runs in."""

    BEGIN = auto()
    COMMIT = auto()
    ROLLBACK = auto()
    DML = auto()  # starts a transaction where autocommit is off
    DDL = auto()  # commits the open transaction
    OTHER = auto()  # queries, SHOW, PUT, ALTER SESSION


_DML = (
    exp.Insert,
    exp.Update,
    exp.Delete,
    exp.Merge,
    exp.Copy,
    exp.TruncateTable,
    exp.MultitableInserts,
)
_DDL = (exp.Create, exp.Drop, exp.Alter, exp.Comment, exp.Grant, exp.Revoke)
_DDL_WORDS = ("CREATE", "ALTER", "DROP", "GRANT", "REVOKE", "COMMENT", "UNDROP")
# Before sqlglot, which reads START TRANSACTION as a column with an alias, and takes
# no word for a name that is a keyword somewhere.
BEGIN = re.compile(
    r"^\s*(?:begin|start)(?:\s+(?:transaction|work))?(?:\s+name\s+(?P<name>\S+?))?"
    r"\s*;?\s*$",
    re.IGNORECASE,
)
# sqlglot has no grammar for these: it takes anything for a command, or nothing.
OURS = re.compile(
    r"^\s*(?P<verb>create(?:\s+or\s+(?:replace|alter))?|alter|drop|show(?:\s+terse)?"
    r"|describe|desc|execute)\s+(?P<what>stream|task)s?\b(?P<rest>.*)$",
    re.IGNORECASE | re.DOTALL,
)
_ALTER_SESSION = re.compile(r"^\s*alter\s+session\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """SQL text, its tree, and the values bound to it.

    `refusal` is set, and the tree is None, where the text cannot be parsed: such a
    statement still has to reach the transaction it would have run in.
    """

    text: str
    tree: exp.Expr | None
    kind: Kind
    values: list[Any] | dict[str, Any] | None = None
    rows: Sequence[Sequence[Any]] | None = None
    refusal: SqlError | None = None

    def with_tree(self, tree: exp.Expr) -> "Statement":
        """Make the same statement with another tree."""
        return replace(self, tree=tree)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A result set, or the instructions for an upload (PUT).

    `types` are DuckDB's names of the columns' types, where they say more than the
    Arrow schema does (JSON arrives as text).
    """

    table: pa.Table
    types: Sequence[str] | None = None
    type_id: int = 0
    query_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    upload: dict[str, Any] | None = None


def marks(tree: exp.Expr) -> list[exp.Placeholder]:
    """List every place in a tree that a value is bound to."""
    return list(tree.find_all(exp.Placeholder))


def numbered(tree: exp.Expr) -> bool:
    """Whether they are `:1`, `:2` … (any order, any number of times) and not `?`."""
    return any(mark.name.isdigit() for mark in marks(tree))


Next = Callable[[Statement], Answer]
Handler = Callable[[Statement, "Session", Next], Answer]


def status(message: str = "Statement executed successfully.") -> Answer:
    """Answer as Snowflake does to a statement without rows."""
    return Answer(
        table=pa.table({"status": pa.array([message], pa.string())}),
        type_id=statement_type.DDL,
    )


def counts(type_id: int, columns: dict[str, int]) -> Answer:
    """Answer the one row of a DML statement: how many rows it touched."""
    table = pa.table({name: pa.array([n], pa.int64()) for name, n in columns.items()})
    return Answer(table=table, type_id=type_id)


def read(
    text: str,
    values: list[Any] | dict[str, Any] | None = None,
    rows: Sequence[Sequence[Any]] | None = None,
) -> Statement:
    """Parse a statement and say what kind it is; never raises."""
    if BEGIN.match(text):
        return Statement(text=text, tree=exp.Transaction(), kind=Kind.BEGIN)
    text = without_comments(text)
    if ours := OURS.match(text):
        verb = ours["verb"].split()[0].upper()
        command = exp.Command(this=verb, expression=ours["rest"])
        kind = Kind.DDL if verb in _DDL_WORDS else Kind.OTHER
        return Statement(text=text, tree=command, kind=kind)
    readable = _readable(text, bound=isinstance(values, list))
    try:
        trees = [t for t in _parsed(readable) if t is not None]
    except (SqlglotError, RecursionError) as error:
        refusal = translate(error)
        return Statement(text=text, tree=None, kind=Kind.OTHER, refusal=refusal)
    trees = [t for t in trees if not isinstance(t, exp.Semicolon)]
    if len(trees) != 1:
        refusal = SqlError(
            8 if trees else 900,
            "0A000" if trees else "42000",
            f"Actual statement count {len(trees)} did not match the desired "
            "statement count 1.",
        )
        return Statement(text=text, tree=None, kind=Kind.OTHER, refusal=refusal)
    tree = trees[0]
    return Statement(
        text=text, tree=tree, kind=_kind(text, tree), values=values, rows=rows
    )


_SHORT = 20_000  # characters; a longer text is a load of literals and never comes again


@functools.lru_cache(maxsize=256)
def _parsed_before(text: str) -> tuple[exp.Expr | None, ...]:
    return tuple(sqlglot.parse(text, read="snowflake"))


def _parsed(text: str) -> tuple[exp.Expr | None, ...]:
    """Parse; whoever gets the trees copies them before a change: they are shared."""
    if len(text) > _SHORT:
        return tuple(sqlglot.parse(text, read="snowflake"))
    return _parsed_before(text)


_MARK = re.compile(
    r"""'(?:[^'\\]|\\.|'')*' | "[^"]*" | \$\$.*?\$\$ | --[^\n]* | /\*.*?\*/
    | (?P<mark>\?)(?P<cast>::)?""",
    re.DOTALL | re.VERBOSE,
)
_HYBRID = re.compile(
    r"^(\s*create\s+(?:or\s+replace\s+)?)hybrid\s+(?=table\b)", re.IGNORECASE
)
_NUMBERED = re.compile(
    r"^\s*(?:merge|insert|update|delete|select|with)\b(?!.*\bidentifier\s*\()",
    re.IGNORECASE | re.DOTALL,
)


def _readable(text: str, *, bound: bool) -> str:
    """Write the text so that sqlglot reads it right.

    `?::` gets a space, or it is another dialect's operator. Marks are numbered: parts
    of a statement are run apart, rearranged or doubled, and a `?` is known by nothing
    but its place.
    """
    text = _HYBRID.sub(r"\1", text, count=1)  # any table's keys are enforced here
    if "?" not in text:
        return text
    number = bound and _NUMBERED.match(text) is not None
    numbers = itertools.count(1)

    def written(match: re.Match[str]) -> str:
        if match["mark"] is None:
            return match[0]
        mark = f":{next(numbers)}" if number else "?"
        return mark + (" ::" if match["cast"] else "")

    return _MARK.sub(written, text)


_LEADING_COMMENT = re.compile(r"\s*(?:--[^\n]*\n|//[^\n]*\n|/\*.*?\*/)", re.DOTALL)


def without_comments(text: str) -> str:
    """Take off the comments before a statement, which handlers match from its start."""
    while match := _LEADING_COMMENT.match(text):
        text = text[match.end() :]
    return text


def _kind(  # noqa: PLR0911 - one return a kind
    text: str, tree: exp.Expr
) -> Kind:
    if isinstance(tree, exp.Transaction):
        return Kind.BEGIN
    if isinstance(tree, exp.Commit):
        return Kind.COMMIT
    if isinstance(tree, exp.Rollback):
        return Kind.ROLLBACK
    if isinstance(tree, _DML):
        return Kind.DML
    if _ALTER_SESSION.match(text):
        return Kind.OTHER
    if isinstance(tree, _DDL):
        return Kind.DDL
    if isinstance(tree, exp.Command) and str(tree.this).upper() in _DDL_WORDS:
        return Kind.DDL
    return Kind.OTHER
