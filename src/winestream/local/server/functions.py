"""Snowflake's functions that fakesnow does not know, and those about the session."""

import re
from collections.abc import Callable

from sqlglot import exp

from winestream.local.server.sessions import Session
from winestream.local.server.sqlerrors import SqlError
from winestream.local.server.statements import Answer, Next, Statement
from winestream.local.server.transactions import Transactions

_ABORT = "SYSTEM$ABORT_TRANSACTION"
_LAST_QUERY = "LAST_QUERY_ID"


def _transaction(session: Session) -> str | None:
    return None if session.transaction is None else str(session.transaction.number)


_OF_SESSION: dict[type[exp.Expr], Callable[[Session], str | None]] = {
    exp.CurrentSession: lambda session: str(session.number),
    exp.CurrentTransaction: _transaction,
    exp.CurrentUser: lambda session: session.user,
    # There is one of each of these, and it may do everything.
    exp.CurrentRole: lambda _: "SYSADMIN",
    exp.CurrentWarehouse: lambda _: "LOCAL",
    exp.CurrentAccount: lambda _: "LOCAL",
}
# A cheap look at the text first: most statements name none of these.
_NAMES = re.compile(
    r"md5_number_|octet_length|current_session|current_transaction|last_query_id"
    r"|system\$abort_transaction|current_(user|role|warehouse|account)",
    re.IGNORECASE,
)


class Functions:
    """Replaces calls in the tree by something DuckDB can compute, or by a value."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    def handle(self, statement: Statement, session: Session, go_on: Next) -> Answer:
        """Rewrite; SYSTEM$ABORT_TRANSACTION acts while its statement is rewritten."""
        if statement.tree is None or not _NAMES.search(statement.text):
            return go_on(statement)

        def replaced(node: exp.Expr) -> exp.Expr:
            replacement = self._replacement(node, statement, session)
            if replacement is None:
                return node
            if isinstance(node.parent, exp.Select):
                # The column keeps the name that it has on an account.
                name = node.sql(dialect="snowflake")
                return exp.alias_(replacement, name, quoted=True)
            return replacement

        return go_on(statement.with_tree(statement.tree.transform(replaced)))

    def _replacement(
        self, node: exp.Expr, statement: Statement, session: Session
    ) -> exp.Expr | None:
        if isinstance(node, tuple(_IN_DUCKDB)):
            return node.copy()  # only its name: see `for_duckdb`
        about_session = _OF_SESSION.get(type(node))
        if about_session is not None:
            return _text(about_session(session))
        name = str(node.this).upper() if isinstance(node, exp.Anonymous) else ""
        if name == _LAST_QUERY:
            return _text(session.last_query_id)
        if name == _ABORT:
            return self._abort(node, statement)
        return None

    def _abort(self, call: exp.Expr, statement: Statement) -> exp.Expr:
        argument = call.expressions[0] if call.expressions else None
        number = argument.name if isinstance(argument, exp.Literal) else ""
        values = statement.values
        if isinstance(argument, exp.Placeholder) and isinstance(values, list):
            number = str(values[0])
        if not number.isdigit():
            raise SqlError(1015, "42601", f"{_ABORT} takes one transaction id")
        if not self._transactions.abort(int(number)):
            raise SqlError(1, "02000", f"Transaction {number} is not running any more")
        return exp.Literal.string(f"Aborted transaction id: {number}.")


def _text(value: str | None) -> exp.Expr:
    if value is None:
        return exp.cast(exp.null(), "varchar")
    return exp.Literal.string(value)


def _md5_half(node: exp.Expr, start: int) -> exp.Expr:
    # DuckDB's own md5_number_lower reads the digest in the other byte order.
    digest = exp.func("MD5", for_duckdb(node.this.copy()))
    half = exp.func("SUBSTR", digest, f"{start}", "16")
    text = exp.DPipe(this=exp.Literal.string("0x"), expression=half)
    return exp.cast(exp.cast(text, exp.DataType.Type.UBIGINT), _WIDE)


# The answer does not fit into 64 bits with a sign.
_WIDE = exp.DataType.Type.INT128
_IN_DUCKDB: dict[type[exp.Expr], Callable[[exp.Expr], exp.Expr]] = {
    exp.MD5NumberLower64: lambda node: _md5_half(node, 17),
    exp.MD5NumberUpper64: lambda node: _md5_half(node, 1),
    # DuckDB counts the bytes of blobs only; on text its STRLEN does.
    exp.ByteLength: lambda node: exp.func("STRLEN", for_duckdb(node.this.copy())),
}


def for_duckdb(tree: exp.Expr) -> exp.Expr:
    """Rewrite what has to be DuckDB's own, after fakesnow's translation.

    Before it would be in vain: fakesnow narrows every whole number to 64 bits.
    """

    def rewritten(node: exp.Expr) -> exp.Expr:
        rewrite = _IN_DUCKDB.get(type(node))
        return node if rewrite is None else rewrite(node)

    return tree.transform(rewritten, copy=False)
