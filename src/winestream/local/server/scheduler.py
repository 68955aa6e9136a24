"""The clock of the tasks: what is due, what was triggered, what was asked for.

Time may be made to pass faster: with a factor of 60 a schedule of five minutes comes
every five seconds. With 0 nothing runs by itself. Tasks run one after the other.
"""

import collections
import datetime as dt
import logging
import threading
import time

import duckdb

from winestream.local.server.names import stored_name
from winestream.local.server.schedules import schedule
from winestream.local.server.sqlerrors import LOCKED, SqlError
from winestream.local.server.streams import Streams
from winestream.local.server.taskdefs import Task
from winestream.local.server.taskruns import ASKED, SCHEDULE, TRIGGER, TaskRuns
from winestream.local.server.tasks import Tasks
from winestream.local.server.taskstore import Run

_log = logging.getLogger(__name__)

_IDLE = 0.5  # seconds between two looks when nobody has called
_SHORTEST = 0.01
_CLOSE = 5.0  # a run that takes longer is cut off, and its transaction with it
_CONFLICTS = 20  # times a run that met a rival is repeated while draining


class Scheduler:
    """A thread that runs what is due, and `drain` for whoever cannot wait."""

    def __init__(
        self,
        tasks: Tasks,
        runs: TaskRuns,
        streams: Streams,
        duck: duckdb.DuckDBPyConnection,
        factor: float,
    ) -> None:
        self._tasks, self._runs, self._streams = tasks, runs, streams
        self._duck, self._factor = duck, factor
        self._began = dt.datetime.now(dt.UTC)
        self._clock = time.monotonic()
        self._wake = threading.Event()
        self._closed = False
        self._changes = 0  # commits that filled a stream
        self._asked: collections.deque[str] = collections.deque()
        self._due: dict[str, dt.datetime] = {}
        self._triggered: dict[str, dt.datetime] = {}
        tasks.execute = self._execute
        tasks.changed = self._changed
        streams.changed = self._filled
        self._thread = threading.Thread(target=self._loop, name="tasks", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Start no more runs; wait for the one that is going on, within a bound."""
        self._closed = True
        self._wake.set()
        self._thread.join(_CLOSE)

    def drain(self, timeout: float) -> tuple[list[Run], bool]:
        """Run resumed tasks until none of their streams has data, without waiting.

        Minimum intervals and schedules are not waited for. A task that fails is not
        run again, unless it met a rival. Answers what ran meanwhile, by whoever's
        wish, and whether nothing was left to do.
        """
        deadline = time.monotonic() + timeout
        with self._runs.lock:
            before = self._runs.ended_so_far
        seen: dict[str, int] = {}  # task -> changes before its last run
        conflicts: collections.Counter[str] = collections.Counter()
        while ready := self._left(seen):
            for task, why in ready:
                if time.monotonic() > deadline:
                    return self._runs.since(before), False
                seen[task.name] = self._changes
                for run in self._start(task, why):
                    if run.error_code == f"{LOCKED:06d}":
                        conflicts[task.name] += 1
                        if conflicts[task.name] < _CONFLICTS:
                            seen.pop(task.name, None)
        return self._runs.since(before), True

    def _left(self, seen: dict[str, int]) -> list[tuple[Task, str]]:
        """Tell what `drain` has to run next: nothing twice for the same data.

        Scheduled tasks come once the triggered ones are through, as they would if
        there were time: so they see what those have made.
        """
        with self._runs.lock:
            wanted = self._wanted()
            if wanted:
                return wanted
            ready = [
                task
                for task in self._resumed()
                if seen.get(task.name) != self._changes
                and self._has_data(task)
                and (task.triggered or self._runs.condition(task))
            ]
        triggered = [(task, TRIGGER) for task in ready if task.triggered]
        return triggered or [(task, SCHEDULE) for task in ready]

    # ------------------------------------------------------------------ who calls

    def _execute(self, name: str) -> None:
        self._asked.append(name)
        self._wake.set()

    def _changed(self, name: str) -> None:
        self._due.pop(name, None)  # counted anew from now on
        self._triggered.pop(name, None)
        self._wake.set()

    def _filled(self) -> None:
        self._changes += 1
        self._wake.set()

    # ------------------------------------------------------------------- the loop

    def _now(self) -> dt.datetime:
        """Tell the time as the tasks see it."""
        passed = (time.monotonic() - self._clock) * self._factor
        return self._began + dt.timedelta(seconds=passed)

    def _loop(self) -> None:
        while not self._closed:
            self._wake.wait(self._pause())
            self._wake.clear()
            try:
                self._step()
            except Exception:  # noqa: BLE001 - the next look may go well
                _log.warning(
                    "a look at the tasks failed"
                )  # its text may hold a payload

    def _step(self) -> None:
        # One step for `drain`: what was asked for has run, or is still asked for.
        with self._runs.lock:
            for task, why in self._ready():
                if not self._closed:
                    self._start(task, why)

    def _pause(self) -> float:
        if not self._factor:
            return _IDLE
        now = self._now()
        next_due = min(self._due.values(), default=None)
        if next_due is None:
            return _IDLE
        real = (next_due - now).total_seconds() / self._factor
        return min(max(real, _SHORTEST), _IDLE)

    def _ready(self) -> list[tuple[Task, str]]:
        """Pick what has to run now."""
        ready = self._wanted()
        if not self._factor:
            return ready
        now = self._now()
        for task in self._resumed():
            if task.triggered:
                last = self._triggered.get(task.name)
                rested = last is None or now - last >= task.minimum_interval
                if rested and self._has_data(task):
                    ready.append((task, TRIGGER))
            elif task.schedule:
                due = self._due.get(task.name)
                if due is None or due <= now:
                    self._due[task.name] = schedule(task.schedule).after(now)
                    if due is not None:
                        ready.append((task, SCHEDULE))
        return ready

    def _wanted(self) -> list[tuple[Task, str]]:
        """Take what EXECUTE TASK has asked for."""
        wanted = []
        while self._asked:
            try:
                name = self._asked.popleft()
            except IndexError:  # somebody else was quicker
                break
            task = self._tasks.store.by_name.get(name)
            if task is not None:
                wanted.append((task, ASKED))
        return wanted

    def _start(self, task: Task, why: str) -> list[Run]:
        scheduled = dt.datetime.now(dt.UTC)
        with self._runs.lock:
            if why == TRIGGER:
                if not self._has_data(task):
                    return []  # another run has consumed it meanwhile
                self._triggered[task.name] = self._now()
            return self._runs.graph(task, scheduled, why)

    def _resumed(self) -> list[Task]:
        store = self._tasks.store
        with store.lock:
            return [t for t in store.by_name.values() if t.started and not t.after]

    def _has_data(self, task: Task) -> bool:
        """Whether one of its streams has data, which is quick to ask."""
        with self._runs.lock:
            names = [stored_name(name, task) for name in task.streams]
            try:
                return any(self._streams.has_data(name, self._duck) for name in names)
            except (SqlError, duckdb.Error):  # dropped meanwhile, or stale
                return False
