"""Runs a task, or a graph of them, each in a session of its own with AUTOCOMMIT on."""

import collections
import datetime as dt
import itertools
import threading
from collections.abc import Callable

from winestream.local.server.sessions import Session
from winestream.local.server.sqlerrors import SqlError, translate
from winestream.local.server.statements import Answer
from winestream.local.server.taskdefs import Task
from winestream.local.server.taskstore import Run, TaskStore

OpenSession = Callable[[str, str], Session]
SCHEDULE, TRIGGER, ASKED = "SCHEDULE", "TRIGGER", "EXECUTE TASK"
"""Why a task runs: TASK_HISTORY's SCHEDULED_FROM."""

_NOT_NOW = "Conditional expression for task evaluated to false."
_REMEMBERED = 10_000  # runs that `since` can tell of; the table keeps them, too
_TOO_MANY = "SUSPENDED_DUE_TO_ERRORS"


class TaskRuns:
    """One at a time: `lock` is held during a run, so no task ever overlaps itself."""

    def __init__(
        self,
        store: TaskStore,
        run: Callable[[Session, str], Answer],
        open_session: OpenSession,
        close_session: Callable[[Session], None],
    ) -> None:
        self._store, self._run = store, run
        self._open, self._close = open_session, close_session
        self.lock = threading.RLock()
        self.ended_so_far = 0
        self._ended: collections.deque[Run] = collections.deque(maxlen=_REMEMBERED)
        self._numbers = itertools.count(store.last_number() + 1)

    def since(self, before: int) -> list[Run]:
        """List what ended since `ended_so_far` was `before`, without the skipped."""
        with self.lock:
            number = min(self.ended_so_far - before, len(self._ended))
            recent = list(self._ended)[len(self._ended) - number :]
        return [run for run in recent if run.state != "SKIPPED"]

    def condition(self, task: Task) -> bool:
        """Whether WHEN holds now; False if it cannot even be asked."""
        if not task.condition:
            return True
        with self.lock:
            session = self._session(task)
            try:
                answer = self._run(session, f"SELECT {task.condition}")
                return bool(answer.table.column(0)[0].as_py())
            except SqlError:
                return False
            finally:
                self._close(session)

    def graph(self, root: Task, scheduled: dt.datetime, why: str) -> list[Run]:
        """Run a root and what comes after it; every failure is a row, none is raised.

        A child runs when all before it have ended, none failed and one succeeded.
        Suspended children are passed over as if they had succeeded.
        """
        with self.lock:
            number = next(self._numbers)
            first = self._one(root, scheduled, why, root.name, number)
            if why == TRIGGER and first.state == "SKIPPED":
                return []  # not triggered, then: an account lists no such run
            runs = [first]
            ended = {root.name: runs[0].state}
            waiting = self._store.children(root.name)
            while waiting:
                task = waiting.pop(0)
                if task.name in ended or not set(task.after) <= ended.keys():
                    continue  # comes again with its last predecessor
                before = {ended[name] for name in task.after}
                if "FAILED" in before or "SUCCEEDED" not in before:
                    continue
                if task.started:
                    now = dt.datetime.now(dt.UTC)
                    runs.append(self._one(task, now, why, root.name, number))
                    ended[task.name] = runs[-1].state
                else:
                    ended[task.name] = "SUCCEEDED"
                waiting += self._store.children(task.name)
            self._count(root, runs)
        return runs

    def _one(
        self, task: Task, scheduled: dt.datetime, why: str, root: str, number: int
    ) -> Run:
        state, code, message = "SUCCEEDED", None, None
        started: dt.datetime | None = dt.datetime.now(dt.UTC)
        query_id = None
        session = self._session(task)
        try:
            if not self._holds(task, session):
                state, code, message = "SKIPPED", "0040003", _NOT_NOW
                started = None
            else:
                query_id = self._run(session, task.body).query_id
        except Exception as error:  # noqa: BLE001 - whatever it is, it is this run's
            refused = translate(error)
            state = "FAILED"
            code, message = f"{refused.errno:06d}", refused.message
        finally:
            self._close(session)
        run = Run(
            task=task.name,
            query_id=query_id,
            query_text=task.body,
            condition=task.condition,
            state=state,
            error_code=code,
            error_message=message,
            scheduled=scheduled,
            started=started,
            completed=dt.datetime.now(dt.UTC),
            root=root,
            number=number,
            scheduled_from=why,
        )
        if why != TRIGGER or state != "SKIPPED":
            self._store.record(run)
            self._ended.append(run)
            self.ended_so_far += 1
        return run

    def _holds(self, task: Task, session: Session) -> bool:
        if not task.condition:
            return True
        answer = self._run(session, f"SELECT {task.condition}")
        return bool(answer.table.column(0)[0].as_py())

    def _session(self, task: Task) -> Session:
        database, schema, _ = task.name.split(".")
        return self._open(database, schema)

    def _count(self, root: Task, runs: list[Run]) -> None:
        """Suspend a root whose graph has failed too often in a row."""
        with self._store.lock:
            if self._store.by_name.get(root.name) is not root:
                return  # dropped or replaced by its own run
            failed = any(run.state == "FAILED" for run in runs)
            before = root.failures
            root.failures = root.failures + 1 if failed else 0
            if failed and root.started and root.failures == root.failures_allowed:
                root.started, root.suspended_because = False, _TOO_MANY
            if root.failures != before:
                self._store.save(root)
