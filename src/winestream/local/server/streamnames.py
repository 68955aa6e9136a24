"""Where a stream's name can stand in a statement, and what else may look like it."""

from sqlglot import exp

from winestream.local.server.names import full_name
from winestream.local.server.sessions import Session

HAS_DATA = "SYSTEM$STREAM_HAS_DATA"


def target_of(tree: exp.Expr) -> exp.Table | None:
    """Find the table that a statement writes to."""
    target = tree.args.get("this")
    table = target.this if isinstance(target, exp.Schema) else target
    return table if isinstance(table, exp.Table) else None


def plain_name(table: exp.Table) -> str:
    """Give a table's own name as it is stored, without what qualifies it."""
    identifier = table.this
    if not isinstance(identifier, exp.Identifier):
        return ""
    return identifier.name if identifier.args.get("quoted") else identifier.name.upper()


def schema_of(table: exp.Table, session: Session) -> str:
    """Name `DB.SCHEMA` of a DROP SCHEMA, which sqlglot reads as a nameless table."""
    parts = [part for part in (table.catalog, table.db) if part]
    if len(parts) == 1:
        parts.insert(0, session.database or "")
    return ".".join(part.upper() for part in parts)


def is_cte(table: exp.Table) -> bool:
    """Whether the name means a common table expression that is in scope here."""
    if table.args.get("db"):
        return False
    name = plain_name(table)
    inside: exp.Expr = table
    node: exp.Expr | None = table
    while node is not None:
        within = node.args.get("with_")
        for cte in within.expressions if isinstance(within, exp.With) else ():
            if cte is inside:  # it sees those before it, and not itself
                break
            if cte.alias.upper() == name.upper():
                return True
        if isinstance(node, exp.CTE):
            inside = node
        node = node.parent
    return False


def is_asking(call: exp.Anonymous) -> bool:
    """Whether it is SYSTEM$STREAM_HAS_DATA."""
    return str(call.this).upper() == HAS_DATA


def unqualify(tree: exp.Expr, names: set[str], session: Session) -> None:
    """Let `schema.stream.column` be `stream.column`: a subquery has no schema."""
    for column in tree.find_all(exp.Column):
        if column.args.get("db"):
            owner = exp.Table(
                this=column.args["table"],
                db=column.args["db"],
                catalog=column.args.get("catalog"),
            )
            if full_name(owner.copy(), session) in names:
                column.set("db", None)
                column.set("catalog", None)
