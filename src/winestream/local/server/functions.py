"""Snowflake's functions that fakesnow does not know, and those about the session."""

import re
from collections.abc import Callable

from sqlglot import exp

from winestream.local.server.sessions import Session
from winestream.local.server.sqlerrors import SqlError
from winestream.local.server.statements import Answer, Next, Statement
from winestream.local.server.transactions import Transactions

_ABORT = "SYSTEM$ABORT_TRANSACTION"
# What an account would fill in from its configuration.
_CONSTANTS: dict[type[exp.Expr], str] = {
    exp.CurrentRole: "SYSADMIN",
    exp.CurrentWarehouse: "LOCAL",
    exp.CurrentAccount: "LOCAL",
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
            replacement = self._replacement(node, session)
            if replacement is None:
                return node
            if isinstance(node.parent, exp.Select):
                # The column keeps the name that it has on an account.
                name = node.sql(dialect="snowflake")
                return exp.alias_(replacement, name, quoted=True)
            return replacement

        return go_on(statement.with_tree(statement.tree.transform(replaced)))

    def _replacement(  # noqa: PLR0911 - one return a function
        self, node: exp.Expr, session: Session
    ) -> exp.Expr | None:
        if isinstance(node, tuple(_IN_DUCKDB)):
            return node.copy()  # only its name: see `for_duckdb`
        if isinstance(node, exp.CurrentSession):
            return exp.Literal.string(str(session.number))
        if type(node) in _CONSTANTS:
            return exp.Literal.string(_CONSTANTS[type(node)])
        if isinstance(node, exp.CurrentUser):
            return exp.Literal.string(session.user)
        if isinstance(node, exp.CurrentTransaction):
            transaction = session.transaction
            if transaction is None:
                return exp.cast(exp.null(), "varchar")
            return exp.Literal.string(str(transaction.number))
        if isinstance(node, exp.Anonymous):
            name = str(node.this).upper()
            if name == "LAST_QUERY_ID":
                if session.last_query_id is None:
                    return exp.cast(exp.null(), "varchar")
                return exp.Literal.string(session.last_query_id)
            if name == _ABORT:
                return self._abort(node)
        return None

    def _abort(self, call: exp.Anonymous) -> exp.Expr:
        argument = call.expressions[0] if call.expressions else None
        if not isinstance(argument, exp.Literal) or not argument.name.isdigit():
            raise SqlError(1015, "42601", f"{_ABORT} takes one literal transaction id")
        if not self._transactions.abort(int(argument.name)):
            raise SqlError(
                1, "02000", f"Transaction {argument.name} is not running any more"
            )
        return exp.Literal.string(f"Aborted transaction id: {argument.name}.")


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
