# ruff: noqa: S608 - names are quoted, and values are bound or quoted
"""Where tasks and their runs are kept: two hidden tables in each database."""

import dataclasses
import datetime as dt
import json
import threading
from dataclasses import dataclass

import duckdb

from winestream.local.server.names import HIDDEN, quoted, text
from winestream.local.server.sqlerrors import SqlError
from winestream.local.server.taskdefs import Task

_TASKS, _RUNS = "_ws_tasks", "_ws_task_history"
_COLUMNS = (
    "query_id VARCHAR, name VARCHAR, database_name VARCHAR, schema_name VARCHAR, "
    "query_text VARCHAR, condition_text VARCHAR, state VARCHAR, error_code VARCHAR, "
    "error_message VARCHAR, scheduled_time TIMESTAMPTZ, query_start_time TIMESTAMPTZ, "
    "completed_time TIMESTAMPTZ, root_task_id VARCHAR, graph_version BIGINT, "
    "run_id BIGINT, return_value VARCHAR, scheduled_from VARCHAR, "
    "attempt_number BIGINT"
)
_KEPT = 5000  # runs a database; an account keeps seven days


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run that has ended, or was skipped."""

    task: str
    query_id: str | None
    query_text: str
    condition: str
    state: str  # SUCCEEDED, FAILED, SKIPPED
    error_code: str | None
    error_message: str | None
    scheduled: dt.datetime
    started: dt.datetime | None
    completed: dt.datetime
    root: str
    number: int
    scheduled_from: str  # SCHEDULE, TRIGGER, EXECUTE TASK


class TaskStore:
    """All tasks of all databases; thread-safe, with a DuckDB connection of its own."""

    def __init__(self, duck: duckdb.DuckDBPyConnection) -> None:
        self._duck = duck
        self.lock = threading.RLock()
        self.by_name: dict[str, Task] = {}
        self._written = 0
        databases = duck.execute(
            "SELECT database_name FROM duckdb_tables() "
            f"WHERE schema_name = {text(HIDDEN)} AND table_name = {text(_TASKS)}"
        ).fetchall()
        self._prepared = {str(database) for (database,) in databases}
        for database in self._prepared:
            rows = duck.execute(
                f"SELECT definition FROM {_table(database, _TASKS)}"
            ).fetchall()
            for (definition,) in rows:
                task = Task(**json.loads(definition))
                self.by_name[task.name] = task

    def find(self, name: str) -> Task:
        """Find a task by its stored name. Raises SqlError if there is none."""
        task = self.by_name.get(name)
        if task is None:
            raise SqlError(
                2003, "02000", f"Task '{name}' does not exist or not authorized."
            )
        return task

    def children(self, name: str) -> list[Task]:
        """List the tasks that run after this one."""
        return [task for task in tuple(self.by_name.values()) if name in task.after]

    def save(self, task: Task) -> None:
        """Store a task, new or changed."""
        with self.lock:
            table = self._prepare(task.database)
            definition = json.dumps(dataclasses.asdict(task))
            self._duck.execute("BEGIN TRANSACTION")
            self._duck.execute(f"DELETE FROM {table} WHERE name = ?", [task.name])
            self._duck.execute(
                f"INSERT INTO {table} VALUES (?, ?)", [task.name, definition]
            )
            self._duck.execute("COMMIT")
            self.by_name[task.name] = task

    def drop(self, name: str) -> None:
        """Forget a task; its runs stay."""
        with self.lock:
            table = self._prepare(name.split(".", maxsplit=1)[0])
            self._duck.execute(f"DELETE FROM {table} WHERE name = ?", [name])
            self.by_name.pop(name, None)

    def record(self, run: Run) -> None:
        """Store a run."""
        database, schema, name = run.task.split(".")
        with self.lock:
            self._prepare(database)
            table = _table(database, _RUNS)
            self._duck.execute(
                f"INSERT INTO {table} VALUES ({', '.join('?' * 18)})",
                [
                    run.query_id,
                    name,
                    database,
                    schema,
                    run.query_text,
                    run.condition or None,
                    run.state,
                    run.error_code,
                    run.error_message,
                    run.scheduled,
                    run.started,
                    run.completed,
                    run.root,
                    1,
                    run.number,
                    None,
                    run.scheduled_from,
                    1,
                ],
            )
            self._written += 1
            if self._written % _KEPT == 0:
                self._duck.execute(
                    f"DELETE FROM {table} WHERE run_id < "
                    f"(SELECT max(run_id) - {_KEPT} FROM {table})"
                )

    def last_number(self) -> int:
        """Tell the highest number of a run so far; 0 without any."""
        with self.lock:
            numbers = [
                self._duck.execute(
                    f"SELECT coalesce(max(run_id), 0) FROM {_table(database, _RUNS)}"
                ).fetchall()[0][0]
                for database in self._prepared
            ]
        return max((int(number) for number in numbers), default=0)

    def history(self, database: str) -> str:
        """Name a database's table of runs, in quotes."""
        with self.lock:
            self._prepare(database)
        return _table(database, _RUNS)

    def _prepare(self, database: str) -> str:
        if database not in self._prepared:
            self._duck.execute(
                f"CREATE TABLE IF NOT EXISTS {_table(database, _TASKS)} "
                "(name VARCHAR, definition VARCHAR)"
            )
            self._duck.execute(
                f"CREATE TABLE IF NOT EXISTS {_table(database, _RUNS)} ({_COLUMNS})"
            )
            self._prepared.add(database)
        return _table(database, _TASKS)


def _table(database: str, name: str) -> str:
    return quoted(f"{database}.{HIDDEN}.{name}")
