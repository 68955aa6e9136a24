"""MERGE, natively in DuckDB, with Snowflake's counts as its answer."""

from collections import Counter

from fakesnow import statement_type
from sqlglot import exp

from winestream.local.server.sessions import Session
from winestream.local.server.statements import Answer, Next, Statement, counts

_ACTIONS = {"INSERT": "inserted", "UPDATE": "updated", "DELETE": "deleted"}


def handle(statement: Statement, session: Session, go_on: Next) -> Answer:
    """Rewrite a MERGE into DuckDB's dialect and count what it did."""
    del session
    if not isinstance(statement.tree, exp.Merge):
        return go_on(statement)
    tree = statement.tree.copy()
    assert isinstance(tree, exp.Merge)
    wanted: set[str] = set()
    for when in tree.args["whens"].expressions:
        then = when.args.get("then")
        if isinstance(then, exp.Update):
            wanted.add("UPDATE")
        else:
            wanted.add("INSERT" if isinstance(then, exp.Insert) else "DELETE")
    action = exp.Returning(expressions=[exp.column("merge_action")])
    tree.set("returning", action)
    answer = go_on(statement.with_tree(tree))
    done = Counter(answer.table.column(0).to_pylist())
    return counts(
        statement_type.MERGE,
        {
            f"number of rows {word}": done[name]
            for name, word in _ACTIONS.items()
            if name in wanted
        },
    )
