"""Where fakesnow answers and an account refuses, or the two answer differently.

Calls are rewritten in Snowflake's tree, before fakesnow translates it: into macros
(`macros.py`) or into calls that it leaves alone.
"""

import re
from collections.abc import Callable

from sqlglot import exp

from winestream.local.server.sessions import Session
from winestream.local.server.sqlerrors import SqlError
from winestream.local.server.statements import Answer, Next, Statement

# A cheap look at the text first: most statements name none of these.
_NAMES = re.compile(
    r"try_|parse_json|to_char|to_varchar|md5|sha[12]|count_if|[lr]?trim"
    r"|is_role_in_session",
    re.IGNORECASE,
)
_STAMPS = (exp.DataType.Type.TIMESTAMP, exp.DataType.Type.TIMESTAMPNTZ)
_TRY_STAMPS = ("TRY_TO_TIMESTAMP", "TRY_TO_TIMESTAMP_NTZ")
_TRY_ZONED = ("TRY_TO_TIMESTAMP_TZ", "TRY_TO_TIMESTAMP_LTZ")
_VARIANT = (exp.JSONExtract, exp.ParseJSON)
# The order matters: the longest of those that begin alike comes first.
_FORMAT = (
    ("YYYY", "%Y"),
    ("YY", "%y"),
    ("MMMM", "%B"),
    ("MON", "%b"),
    ("MM", "%m"),
    ("DD", "%d"),
    ("DY", "%a"),
    ("HH24", "%H"),
    ("HH12", "%I"),
    ("AM", "%p"),
    ("PM", "%p"),
    ("MI", "%M"),
    ("SS", "%S"),
    ("FF9", "%n"),
    ("FF6", "%f"),
    ("FF3", "%g"),
    ("FF", "%n"),
)
_DATE_PART = re.compile(
    "|".join(f"(?P<p{i}>{name})" for i, (name, _) in enumerate(_FORMAT)), re.IGNORECASE
)


def handle(statement: Statement, session: Session, go_on: Next) -> Answer:
    """Rewrite; an argument of a type that is told by its form alone is refused here."""
    del session
    tree = statement.tree
    if tree is None or isinstance(tree, exp.Command):
        return go_on(statement)
    if not _NAMES.search(statement.text):
        return go_on(statement)
    return go_on(statement.with_tree(tree.transform(_strict)))


def _strict(node: exp.Expr) -> exp.Expr:
    rewrite = _REWRITES.get(type(node))
    found = None if rewrite is None else rewrite(node)
    if found is None:
        return node
    if isinstance(node.parent, exp.Select) and node.arg_key == "expressions":
        # The column keeps the name that it has on an account.
        return exp.alias_(found, node.sql(dialect="snowflake"), quoted=True)
    return found


def _call(name: str, *arguments: exp.Expr) -> exp.Expr:
    return exp.Anonymous(this=name, expressions=list(arguments))


def _try_cast(node: exp.Expr) -> exp.Expr | None:
    argument = node.this
    if isinstance(argument, _VARIANT) or (
        isinstance(argument, exp.Bracket)
        and all(isinstance(key, exp.Literal) for key in argument.expressions)
    ):
        raise SqlError(
            1065,
            "22023",
            "Function TRY_CAST cannot be used with arguments of types VARIANT and "
            f"{node.args['to'].sql(dialect='snowflake')}",
        )
    if isinstance(argument, exp.Column):
        argument = _call("_ws_text_only", argument, exp.Literal.string("TRY_CAST"))
    if node.args["to"].this in _STAMPS:
        return _call("_ws_try_timestamp", argument)
    if argument is node.this:
        return None
    cast = node.copy()
    cast.set("this", argument)
    # What follows sees a cast of a call, which it leaves as it is.
    cast.meta["strict"] = True
    return cast


def _try_date(node: exp.Expr) -> exp.Expr | None:
    """TRY_TO_DATE with a format, which DuckDB's strptime would raise for."""
    written = node.args.get("format")
    if not node.args.get("safe") or not isinstance(written, exp.Literal):
        return None
    return exp.TryCast(
        this=_call("TRY_STRPTIME", node.this, written.copy()),
        to=exp.DataType.build("date"),
    )


def _parse_json(node: exp.Expr) -> exp.Expr | None:
    if isinstance(node.this, exp.Literal) and node.this.name.count(":") < 2:  # noqa: PLR2004 - no two keys
        return None
    name = "_ws_json_text_or_null" if node.args.get("safe") else "_ws_json_text"
    if isinstance(node.this, exp.Anonymous) and node.this.name == name:
        return None
    parsed = node.copy()
    parsed.set("this", _call(name, node.this))
    return parsed


def _to_char(node: exp.Expr) -> exp.Expr | None:
    written = node.args.get("format")
    if not isinstance(written, exp.Literal) or not _DATE_PART.search(written.name):
        return None  # of a number

    def part(match: re.Match[str]) -> str:
        return _FORMAT[int(str(match.lastgroup)[1:])][1]

    return _call(
        "STRFTIME", node.this, exp.Literal.string(_DATE_PART.sub(part, written.name))
    )


def _digest(node: exp.Expr) -> exp.Expr | None:
    argument = node.this
    if isinstance(argument, exp.Anonymous) and argument.name == "_ws_no_binary":
        return None
    digest = node.copy()
    name = exp.Literal.string(node.sql(dialect="snowflake").partition("(")[0])
    digest.set("this", _call("_ws_no_binary", argument, name))
    return digest


def _count_if(node: exp.Expr) -> exp.Expr:
    """DuckDB's answers NULL over no rows."""
    one = exp.Case(ifs=[exp.If(this=node.this, true=exp.Literal.number(1))])
    return exp.Count(this=one)


def _trim(node: exp.Expr) -> exp.Expr | None:
    """All three lose their second argument on the way."""
    if node.args.get("expression") is None:
        return None
    names = {"TRAILING": "RTRIM", "LEADING": "LTRIM"}
    name = names.get(str(node.args.get("position")).upper(), "TRIM")
    return _call(name, node.this, node.expression)


def _anonymous(node: exp.Expr) -> exp.Expr | None:
    name = str(node.this).upper()
    if name == "IS_ROLE_IN_SESSION":
        return exp.true()  # the one that there is may do everything
    if name in _TRY_STAMPS and len(node.expressions) == 1:
        return _call("_ws_try_timestamp", node.expressions[0])
    if name in _TRY_ZONED and len(node.expressions) == 1:
        to = exp.DataType.build("timestamptz", dialect="duckdb")
        cast = exp.TryCast(this=node.expressions[0], to=to)
        cast.meta["strict"] = True
        return cast
    return None


_REWRITES: dict[type[exp.Expr], Callable[[exp.Expr], exp.Expr | None]] = {
    exp.TryCast: lambda node: None if node.meta.get("strict") else _try_cast(node),
    exp.TsOrDsToDate: _try_date,
    exp.ParseJSON: _parse_json,
    exp.ToChar: _to_char,
    exp.MD5: _digest,
    exp.MD5Digest: _digest,
    exp.MD5NumberLower64: _digest,
    exp.MD5NumberUpper64: _digest,
    exp.SHA: _digest,
    exp.SHA2: _digest,
    exp.CountIf: _count_if,
    exp.Trim: _trim,
    exp.Anonymous: _anonymous,
}
