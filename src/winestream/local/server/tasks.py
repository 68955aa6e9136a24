"""CREATE, ALTER, DROP, EXECUTE, SHOW and DESCRIBE of tasks."""

import datetime as dt
import json
import re
from collections.abc import Callable
from typing import Any

import pyarrow as pa
from fakesnow import statement_type

from winestream.local.server.names import NAME, shown, stored_name
from winestream.local.server.sessions import Session
from winestream.local.server.sqlerrors import GENERIC, SYNTAX, UNSUPPORTED, SqlError
from winestream.local.server.statements import OURS, Answer, Next, Statement, status
from winestream.local.server.taskdefs import (
    ClauseReader,
    Task,
    check_options,
    checked_body,
    checked_condition,
)
from winestream.local.server.taskstore import TaskStore

_NAMED = re.compile(
    rf"""^\s*(?P<unless>if\s+not\s+exists\s+)?(?P<exists>if\s+exists\s+)?
    (?P<name>{NAME})(?P<rest>.*)$""",
    re.IGNORECASE | re.DOTALL | re.VERBOSE,
)
_CHANGE = re.compile(
    r"^\s*(resume|suspend|set|unset|modify\s+as|modify\s+when|remove\s+when|add\s+after"
    r"|remove\s+after)\b(.*)$",
    re.IGNORECASE | re.DOTALL,
)
_MOMENT = pa.timestamp("us", "UTC")
_SHOWN = [
    "created_on",
    "name",
    "id",
    "database_name",
    "schema_name",
    "owner",
    "comment",
    "warehouse",
    "schedule",
    "predecessors",
    "state",
    "definition",
    "condition",
    "allow_overlapping_execution",
    "error_integration",
    "last_committed_on",
    "last_suspended_on",
    "owner_role_type",
    "config",
    "budget",
    "task_relations",
    "last_suspended_reason",
]


class Tasks:
    """Answers what defines tasks; passes on everything else.

    `execute` is asked to run a task soon, `changed` is told that one was defined.
    """

    def __init__(self, store: TaskStore) -> None:
        self.store = store
        self.execute: Callable[[str], None] = lambda _: None
        self.changed: Callable[[str], None] = lambda _: None

    def handle(self, statement: Statement, session: Session, go_on: Next) -> Answer:
        """Nothing here is undone by ROLLBACK: it is all DDL."""
        match = OURS.match(statement.text)
        if match is None or match["what"].lower() != "task":
            return go_on(statement)
        words = match["verb"].lower().split()
        with self.store.lock:
            if words[0] == "show":
                names = shown(list(self.store.by_name), match["rest"], session)
                return _table([self.store.by_name[name] for name in names])
            named = _NAMED.match(match["rest"])
            if named is None:
                raise SqlError(SYNTAX, "42000", f"cannot read {' '.join(words)} task")
            name = stored_name(named["name"], session)
            if words[0] == "create":
                return self._create(name, named, words, session)
            if named["exists"] and name not in self.store.by_name:
                return status(f"{name} does not exist, statement succeeded.")
            return self._act(words[0], self.store.find(name), named["rest"], session)

    def enable_dependents(self, name: str) -> None:
        """Resume a task and all that come after it, children first."""
        with self.store.lock:
            for child in self.store.children(name):
                self.enable_dependents(child.name)
            self._resume(self.store.find(name))

    def _create(
        self, name: str, named: re.Match[str], words: list[str], session: Session
    ) -> Answer:
        short = name.rpartition(".")[2]
        known = self.store.by_name.get(name)
        if known is not None and len(words) == 1:
            if named["unless"]:
                return status(f"{short} already exists, statement succeeded.")
            raise SqlError(2002, "42710", f"Object '{name}' already exists.")
        reader = ClauseReader(named["rest"], lambda text: stored_name(text, session))
        clauses = reader.clauses()
        if clauses.body is None:
            raise SqlError(SYNTAX, "42000", "SQL compilation error: a task needs AS")
        if clauses.after and "SCHEDULE" in clauses.options:
            raise SqlError(GENERIC, "42601", "a task has SCHEDULE or AFTER, not both")
        task = Task(
            name=name,
            body=clauses.body,
            condition=clauses.condition or "",
            after=clauses.after or [],
            options=clauses.options,
            created_on=dt.datetime.now(dt.UTC).isoformat(),
        )
        if "alter" in words and known is not None:
            task.started, task.created_on = known.started, known.created_on
        self._check_graph(task)
        self.store.save(task)
        self.changed(name)
        return status(f"Task {short} successfully created.")

    def _act(self, verb: str, task: Task, rest: str, session: Session) -> Answer:
        if verb == "execute":
            if rest.strip(" ;\n"):
                raise SqlError(UNSUPPORTED, "0A000", "EXECUTE TASK takes a name only")
            if task.after:
                raise SqlError(GENERIC, "0A000", "only the root of a graph is executed")
            self.execute(task.name)
            return status(f"Task {_short(task)} is scheduled to run immediately.")
        if verb == "drop":
            for child in self.store.children(task.name):
                child.after.remove(task.name)
                self.store.save(child)
            self.store.drop(task.name)
            return status(f"{_short(task)} successfully dropped.")
        if verb == "alter":
            return self._alter(task, rest, session)
        return _table([task])

    def _alter(self, task: Task, rest: str, session: Session) -> Answer:
        match = _CHANGE.match(rest)
        if match is None:
            raise SqlError(SYNTAX, "42000", f"cannot read ALTER TASK …{rest}")
        what, given = " ".join(match[1].lower().split()), match[2].strip().rstrip(";")
        if what in ("resume", "suspend"):
            if given:
                raise SqlError(SYNTAX, "42000", f"unexpected '{given}'")
            self._check_graph(task)
            self._resume(task) if what == "resume" else self._suspend(task)
            return status()
        if what == "modify as":
            task.body = checked_body(given)
        elif what == "modify when":
            task.condition = checked_condition(given)
        elif what == "remove when":
            task.condition = ""
        elif what == "set":
            options = ClauseReader(given, str).clauses().options
            check_options(options)
            task.options |= options
        elif what == "unset":
            for name in re.findall(r"\w+", given):
                task.options.pop(name.upper(), None)
        else:
            names = [stored_name(name, session) for name in given.split(",")]
            rest_of = [name for name in task.after if name not in names]
            task.after = [*rest_of, *(names if what == "add after" else ())]
            self._check_graph(task)
        self.store.save(task)
        self.changed(task.name)
        return status()

    def _resume(self, task: Task) -> None:
        if not task.schedule and not task.after and not task.streams:
            raise SqlError(
                GENERIC,
                "0A000",
                f"Task {task.name} needs SCHEDULE, AFTER, or WHEN "
                "SYSTEM$STREAM_HAS_DATA to be resumed.",
            )
        if task.started:
            return
        task.started, task.failures, task.suspended_because = True, 0, ""
        self.store.save(task)
        self.changed(task.name)

    def _suspend(self, task: Task) -> None:
        task.started, task.suspended_because = False, "USER_SUSPENDED"
        self.store.save(task)
        self.changed(task.name)

    def _check_graph(self, task: Task) -> None:
        """One schema, no cycle, and a root that does not run meanwhile."""
        for name in task.after:
            root = before = self.store.find(name)
            if before.name.rpartition(".")[0] != task.name.rpartition(".")[0]:
                raise SqlError(
                    GENERIC, "0A000", "the tasks of a graph are in one schema"
                )
            while root.after:
                if task.name in root.after:
                    raise SqlError(GENERIC, "0A000", f"{task.name} would follow itself")
                root = self.store.find(root.after[0])
            if root.started:
                raise SqlError(
                    GENERIC,
                    "0A000",
                    f"Unable to update graph with root task {root.name} since that "
                    "root task is not suspended.",
                )


def _short(task: Task) -> str:
    return task.name.rpartition(".")[2]


def _table(tasks: list[Task]) -> Answer:
    rows = [_row(task) for task in tasks]
    schema = pa.schema(
        [(name, _MOMENT if name.endswith("_on") else pa.string()) for name in _SHOWN]
    )
    arrays = [pa.array([row.get(f.name) for row in rows], f.type) for f in schema]
    return Answer(
        table=pa.Table.from_arrays(arrays, schema=schema),
        type_id=statement_type.SHOW,
    )


def _row(task: Task) -> dict[str, Any]:
    database, schema, name = task.name.split(".")
    return {
        "created_on": dt.datetime.fromisoformat(task.created_on),
        "id": task.name,
        "name": name,
        "database_name": database,
        "schema_name": schema,
        "owner": "SYSADMIN",
        "comment": task.options.get("COMMENT", ""),
        "warehouse": task.options.get("WAREHOUSE"),
        "schedule": task.schedule or None,
        "predecessors": json.dumps(task.after),
        "state": "started" if task.started else "suspended",
        "definition": task.body,
        "condition": task.condition or None,
        "allow_overlapping_execution": "false",
        "owner_role_type": "ROLE",
        "last_suspended_reason": task.suspended_because or None,
    }
