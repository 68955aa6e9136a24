"""One statement on its way through the chain, and what it answers.

A `Statement` is read once; handlers may replace its tree. Rows of an array binding
(`executemany`) are one statement, as they are in Snowflake.
"""

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
    try:
        trees = [t for t in sqlglot.parse(text, read="snowflake") if t is not None]
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
