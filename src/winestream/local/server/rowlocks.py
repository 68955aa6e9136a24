"""Which rows an UPDATE, DELETE or MERGE has locked, whether or not it changed them.

DuckDB notices that a value stays as it was, writes nothing, and lets the next
writer pass. An UPDATE that is there to lock a row would lock nothing: so the rows
it touches are asked for first and remembered until its transaction ends.
"""

from dataclasses import replace

from sqlglot import exp

from winestream.local.server.sessions import Session
from winestream.local.server.statements import Answer, Next, Statement, marks, numbered
from winestream.local.server.transactions import Transactions, locked_table

_ROWID = "ROWID"


class RowLocks:
    """Answers 000625 where a row is locked, or was changed behind this snapshot."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    def handle(self, statement: Statement, session: Session, go_on: Next) -> Answer:
        """Lock the rows, then run the statement."""
        transaction = session.transaction
        table = locked_table(statement.tree, session)
        if transaction is None or table is None or statement.tree is None:
            return go_on(statement)
        found = go_on(_asking(statement, statement.tree)).table.column(0).to_pylist()
        rows = {row for row in found if row is not None}
        self._transactions.lock_rows(transaction, table, rows)
        return go_on(statement)


def _asking(statement: Statement, tree: exp.Expr) -> Statement:
    """Ask for the rows that a statement is going to touch, as a SELECT."""
    target = tree.this.copy()
    column = exp.column(_ROWID, table=target.alias_or_name)
    select = exp.select(column).from_(target)
    values = statement.values
    where = tree.args.get("where")
    if isinstance(tree, exp.Merge):
        select = select.join(tree.args["using"].copy(), on=tree.args["on"].copy())
    elif isinstance(tree, exp.Update):
        source = tree.args.get("from_")
        if source is not None:
            select = select.join(source.this.copy(), join_type="cross")
        # The values bound within SET come first, and SET is not asked about.
        in_set = sum(len(marks(assignment)) for assignment in tree.expressions)
        if isinstance(values, list) and not numbered(tree):
            values = values[in_set:]
    elif tree.args.get("using"):
        for source in tree.args["using"]:
            select = select.join(source.copy(), join_type="cross")
    if where is not None:
        select = select.where(where.this.copy())
    # Those of a MERGE's WHEN clauses come last.
    if isinstance(values, list) and not numbered(tree):
        values = values[: len(marks(select))]
    return replace(statement, tree=select, values=values)
