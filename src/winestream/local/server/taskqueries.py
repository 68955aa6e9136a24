"""What a query can ask of tasks: TASK_HISTORY, and SYSTEM$TASK_DEPENDENTS_ENABLE."""

import re
from collections.abc import Callable

from sqlglot import exp, parse_one

from winestream.local.server.names import stored_name
from winestream.local.server.sessions import Session
from winestream.local.server.sqlerrors import SYNTAX, UNSUPPORTED, SqlError
from winestream.local.server.statements import Answer, Next, Statement
from winestream.local.server.tasks import Tasks

_NAMES = re.compile(r"task_history|system\$task_dependents_enable", re.IGNORECASE)
_ENABLE = "SYSTEM$TASK_DEPENDENTS_ENABLE"
_HISTORY = "TASK_HISTORY"
_LIMIT = 100  # rows that an account answers unless asked for more

# By argument: the condition that it becomes.
_FILTERS: dict[str, Callable[[str], str]] = {
    "TASK_NAME": lambda value: f"name = upper({value})",
    "SCHEDULED_TIME_RANGE_START": lambda value: f"scheduled_time >= {value}",
    "SCHEDULED_TIME_RANGE_END": lambda value: f"scheduled_time <= {value}",
    "ERROR_ONLY": lambda value: f"(NOT {value} OR state = 'FAILED')",
    "ROOT_TASK_ID": lambda value: f"root_task_id = {value}",
}


class TaskQueries:
    """Replaces both by what DuckDB can compute."""

    def __init__(self, tasks: Tasks) -> None:
        self._tasks = tasks

    def handle(self, statement: Statement, session: Session, go_on: Next) -> Answer:
        """Rewrite; enabling happens while its statement is rewritten."""
        if statement.tree is None or not _NAMES.search(statement.text):
            return go_on(statement)
        tree = statement.tree.copy()
        for rows in list(tree.find_all(exp.TableFromRows)):
            call = rows.find(exp.Anonymous)
            if call is not None and str(call.this).upper() == _HISTORY:
                rows.replace(self._history(rows, call, session))
        for call in list(tree.find_all(exp.Anonymous)):
            if str(call.this).upper() == _ENABLE:
                argument = call.expressions[0].name if call.expressions else ""
                self._tasks.enable_dependents(stored_name(argument, session))
                call.replace(exp.Literal.string("true"))
        return go_on(statement.with_tree(tree))

    def _history(
        self, rows: exp.Expr, call: exp.Anonymous, session: Session
    ) -> exp.Expr:
        path = rows.this
        parts = [part.name.upper() for part in path.find_all(exp.Identifier)]
        database = next((p for p in parts if p != "INFORMATION_SCHEMA"), None)
        database = database or session.database
        if database is None:
            raise SqlError(90105, "22000", "the session has no current database")
        conditions, limit = ["TRUE"], str(_LIMIT)
        for argument in call.expressions:
            if not isinstance(argument, (exp.Kwarg, exp.PropertyEQ)):
                raise SqlError(SYNTAX, "42000", f"write arguments of {_HISTORY} as =>")
            name = argument.this.name.upper()
            value = argument.expression.sql(dialect="snowflake")
            if name == "RESULT_LIMIT":
                limit = value
            elif name in _FILTERS:
                conditions.append(_FILTERS[name](value))
            else:
                raise SqlError(UNSUPPORTED, "0A000", f"{_HISTORY} has no {name} here")
        table = self._tasks.store.history(database)
        query = parse_one(
            f"SELECT * FROM {table} WHERE {' AND '.join(conditions)} "  # noqa: S608 - ours
            f"ORDER BY scheduled_time DESC, run_id DESC LIMIT {limit}",
            read="snowflake",
        )
        assert isinstance(query, exp.Query), "it is a SELECT"
        subquery = query.subquery(rows.alias or "task_history", copy=False)
        for key, value in rows.args.items():
            if key not in ("this", "alias") and value:
                subquery.set(key, value)
        return subquery
