"""Tasks of the embedded warehouse: definitions, runs, graphs, the scheduler."""

import contextlib
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import snowflake.connector
from snowflake.connector.errors import ProgrammingError

from winestream.errors import ConfigurationError, WinestreamError
from winestream.local import EmbeddedWarehouse

pytestmark = pytest.mark.timeout(60)

_numbers = count(1)

LOAD = """
    create or replace task load
      user_task_managed_initial_warehouse_size = 'XSMALL'
      user_task_minimum_trigger_interval_in_seconds = 10
      timezone = 'UTC' comment = 'as it comes'
    when system$stream_has_data('s')
    as -- one statement
    merge into target t using (select id, count(*) n from s group by id) q
    on t.id = q.id
    when matched then update set n = t.n + q.n, id = q.id
    when not matched then insert (id, n) values (q.id, q.n);"""
HISTORY = (
    "select name, state from table(information_schema.task_history()) "
    "order by run_id, completed_time"
)


class Client:
    """A connection that answers with all rows."""

    def __init__(self, warehouse: EmbeddedWarehouse, database: str = "DB") -> None:
        self.connection = snowflake.connector.connect(
            **warehouse.connection, database=database, schema="RAW", autocommit=True
        )

    def __call__(self, sql: str) -> list[Any]:
        """Return all rows that a statement answers."""
        return list(self.connection.cursor().execute(sql).fetchall())

    def shown(self, sql: str) -> list[dict[str, Any]]:
        """Return the rows of a SHOW by column name."""
        cursor = self.connection.cursor().execute(sql)
        names = [column.name for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


@contextlib.contextmanager
def client(warehouse: EmbeddedWarehouse, database: str = "DB") -> Iterator[Client]:
    """Lend a client that is closed at the end."""
    opened = Client(warehouse, database)
    try:
        yield opened
    finally:
        opened.connection.close()


def prepare(run: Client) -> None:
    """Make a base with a stream on it, a table to load and one for notes."""
    run("create or replace table base (id int)")
    run("create or replace table target (id int, n int)")
    run("create or replace table notes (text varchar)")
    run("create or replace stream s on table base append_only = true")


@pytest.fixture(scope="module")
def idle() -> Iterator[EmbeddedWarehouse]:
    """One warehouse for the module, in which no task runs by itself."""
    with EmbeddedWarehouse.start(time_factor=0) as started:
        yield started


@pytest.fixture
def run(idle: EmbeddedWarehouse) -> Iterator[Client]:
    """Lend a client in a database of the test's own."""
    with client(idle, f"D{next(_numbers)}") as opened:
        prepare(opened)
        yield opened
        for task in opened.shown("show tasks in database"):
            opened(f"drop task {task['schema_name']}.{task['name']}")


def states(run: Client) -> list[tuple[str, str]]:
    """Name and state of every run, oldest first."""
    return [(name, state) for name, state in run(HISTORY)]


def test_a_task_is_created_suspended(run: Client, idle: EmbeddedWarehouse) -> None:
    """It shows with what it was given, and does not run before it is resumed."""
    run(LOAD)
    (shown,) = run.shown("show tasks")
    assert shown["state"] == "suspended"
    assert shown["comment"] == "as it comes"
    assert shown["condition"] == "system$stream_has_data('s')"
    assert shown["definition"].endswith("values (q.id, q.n)")
    assert run.shown("describe task load") == [shown]
    run("insert into base values (1)")
    assert idle.run_tasks_until_idle() == ()
    run("alter task if exists load resume")
    assert run.shown("show tasks like 'LO%' in schema raw")[0]["state"] == "started"
    run("create task if not exists load schedule = '1 minute' as select 1")
    assert run.shown("show tasks")[0]["state"] == "started"
    assert [done.state for done in idle.run_tasks_until_idle()] == ["SUCCEEDED"]
    assert run("select * from target") == [(1, 1)]


def test_draining_goes_through_a_chain_of_streams(
    run: Client, idle: EmbeddedWarehouse
) -> None:
    """Triggered tasks run until nothing is pending, then what is scheduled, once."""
    run("create stream s2 on table target append_only = true")
    run(
        "create task later schedule = '60 minutes' "
        "when system$stream_has_data('s2') or system$stream_has_data('raw.s2') "
        "as insert into notes select id || ':' || n from s2"
    )
    run(LOAD)
    run("alter task load resume")
    run("alter task later resume")
    run("insert into base values (1), (1), (2)")
    done = idle.run_tasks_until_idle()
    assert [each.task.rpartition(".")[2] for each in done] == ["LOAD", "LATER"]
    assert run("select text from notes order by 1") == [("1:2",), ("2:1",)]
    assert idle.run_tasks_until_idle() == ()


@pytest.fixture(scope="module")
def one_task(idle: EmbeddedWarehouse) -> Iterator[Client]:
    """Lend a client in a database that has the task LOAD."""
    with client(idle, "REFUSING") as opened:
        prepare(opened)
        opened(LOAD)
        yield opened


@pytest.mark.parametrize(
    "sql",
    [
        "create task bad schedule = '1 minute' as selec 1 from",
        "create task bad schedule = '1 eon' as select 1",
        "create task bad schedule = '1 second' as select 1",
        "create task bad schedule = 'using cron 61 * * * * UTC' as select 1",
        "create task bad schedule = 'using cron 1 * * * * Mars/Base' as select 1",
        "create task bad schedule = '1 minute' as begin select 1; select 2; end",
        "create task bad schedule = '1 minute' as commit",
        "create task bad schedule = '1 minute'",
        "create task bad when 1 = as select 1",
        "create task bad when exists (select 1 from base) as select 1",
        "create task bad when nonsense('s') as select 1",
        "create task bad schedule = '1 minute' after load as select 1",
        "create task bad after nowhere as select 1",
        "create task bad user_task_minimum_trigger_interval_in_seconds = 1 as select 1",
        "alter task load modify as selec 1 from",
        "alter task load modify when true and",
        "alter task load set schedule = 'soon'",
        "alter task load set user_task_minimum_trigger_interval_in_seconds = 'x'",
        "alter task nowhere resume",
        "alter task load unheard of",
        "execute task nowhere",
        "drop task nowhere",
    ],
)
def test_what_cannot_be_a_task_is_refused_at_once(one_task: Client, sql: str) -> None:
    """Body, condition and schedule are read when they are given, not when they run."""
    before = one_task.shown("show tasks")
    with pytest.raises(ProgrammingError):
        one_task(sql)
    assert one_task.shown("show tasks") == before


def test_a_task_can_be_altered(run: Client, idle: EmbeddedWarehouse) -> None:
    """Parameters, body and condition, one statement each; UNSET takes them back."""
    run("create task t warehouse = W when system$stream_has_data('s') as select 1")
    run("alter task t set schedule = 'USING CRON 0 9-17 * * MON-FRI Europe/Paris'")
    run("alter task t set warehouse = OTHER, user_task_timeout_ms = 1000")
    run("alter task t modify as insert into notes select 'new' from s")
    run("alter task t modify when system$stream_has_data('raw.s') and true")
    (shown,) = run.shown("show tasks")
    assert shown["warehouse"] == "OTHER"
    assert shown["schedule"].startswith("USING CRON")
    assert shown["condition"].endswith("and true")
    run("alter task t unset schedule")
    run("alter task t resume")
    run("insert into base values (1)")
    assert len(idle.run_tasks_until_idle()) == 1
    assert run("select * from notes") == [("new",)]
    run("alter task t suspend")
    run("insert into base values (1)")
    assert idle.run_tasks_until_idle() == ()


def test_execute_task_runs_a_graph(run: Client, idle: EmbeddedWarehouse) -> None:
    """Children run after all before them; suspended ones are passed over."""
    run("create task root schedule = '1 hour' as insert into notes values ('root')")
    run("create task a after root as insert into notes values ('a')")
    run("create task b after root as insert into notes values ('b')")
    run("create task c after a, b as insert into notes values ('c')")
    for name in ("a", "c"):
        run(f"alter task {name} resume")
    run("execute task root")
    done = [each.task.rpartition(".")[2] for each in idle.run_tasks_until_idle()]
    seen = states(run)
    assert [name for name, _ in seen] == ["ROOT", "A", "C"]
    assert set(done) <= {"ROOT", "A", "C"}
    with pytest.raises(ProgrammingError):
        run("execute task a")
    run("alter task b suspend")
    assert run("select system$task_dependents_enable('root')") == [("true",)]
    assert {task["state"] for task in run.shown("show tasks")} == {"started"}
    with pytest.raises(ProgrammingError, match="not suspended"):
        run("create task d after root as select 1")


def test_a_failure_is_recorded_and_stops_its_children(
    run: Client, idle: EmbeddedWarehouse
) -> None:
    """It is a row of TASK_HISTORY with its message; what it read stays to be read."""
    run(
        "create task fails when system$stream_has_data('s') "
        "as insert into notes select id / 0 from nowhere, s"
    )
    run("create task child after fails as insert into notes values ('child')")
    run("alter task child resume")
    run("alter task fails resume")
    run("insert into base values (1)")
    (failed,) = idle.run_tasks_until_idle()
    assert failed.state == "FAILED"
    assert failed.error_message is not None
    assert "NOWHERE" in failed.error_message
    history = run(
        "select name, state, error_message, error_code, scheduled_time <= "
        "completed_time, query_start_time is not null, scheduled_from from "
        "table(information_schema.task_history(task_name => 'fails', "
        "error_only => true, result_limit => 10))"
    )
    (row,) = history
    assert row[:2] == ("FAILS", "FAILED")
    assert row[2] == failed.error_message
    assert row[4:] == (True, True, "TRIGGER")
    assert run("select count(*) from notes") == [(0,)]
    assert run("select system$stream_has_data('s')") == [(True,)]
    run("alter task fails set suspend_task_after_num_failures = 2")
    run("execute task fails")
    idle.run_tasks_until_idle()
    (shown,) = run.shown("show tasks like 'FAILS'")
    assert shown["state"] == "suspended"
    assert shown["last_suspended_reason"] == "SUSPENDED_DUE_TO_ERRORS"


def test_a_condition_that_does_not_hold_skips_the_run(
    run: Client, idle: EmbeddedWarehouse
) -> None:
    """A skipped run is in the history, without having run."""
    run(LOAD)
    run("execute task load")
    idle.run_tasks_until_idle()
    assert states(run) == [("LOAD", "SKIPPED")]


def test_each_run_is_a_session_of_its_own_at_the_tasks_place(
    run: Client, idle: EmbeddedWarehouse
) -> None:
    """Unqualified names are those of the task's schema, whoever asked for it."""
    run("create schema other")
    run("create table notes (text varchar)")
    run(
        "create task other.t schedule = '1 hour' as "
        "insert into notes select current_schema() || ' ' || current_user()"
    )
    run("use schema raw")
    run("execute task other.t")
    idle.run_tasks_until_idle()
    assert run("select * from other.notes") == [("OTHER SYSTEM",)]


def test_draining_ends_in_time(run: Client, idle: EmbeddedWarehouse) -> None:
    """Work that makes more work for itself is an error after the timeout."""
    run(
        "create task again when system$stream_has_data('s') "
        "as insert into base select id from s"
    )
    run("alter task again resume")
    run("insert into base values (1)")
    with pytest.raises(WinestreamError, match="still had data"):
        idle.run_tasks_until_idle(timedelta(seconds=0.3))
    run("alter task again suspend")
    assert idle.run_tasks_until_idle() == ()


def test_a_task_that_consumes_nothing_runs_once_for_its_data(
    run: Client, idle: EmbeddedWarehouse
) -> None:
    """Draining does not repeat what changes nothing."""
    run(
        "create task t when system$stream_has_data('s') as insert into notes select 'x'"
    )
    run("alter task t resume")
    run("insert into base values (1)")
    assert len(idle.run_tasks_until_idle()) == 1


def test_time_never_runs_backwards() -> None:
    """A negative factor is a configuration error."""
    with pytest.raises(ConfigurationError, match="time_factor"):
        EmbeddedWarehouse.start(time_factor=-1)


def test_the_scheduler_runs_what_is_triggered_and_what_is_due(tmp_path: Path) -> None:
    """With time passing fast nobody has to ask; tasks and history survive SIGKILL."""

    def wait_for(run: Client, query: str, wanted: list[Any]) -> None:
        deadline = time.monotonic() + 30
        while run(query) != wanted:
            assert time.monotonic() < deadline, run(query)
            time.sleep(0.05)

    with EmbeddedWarehouse.start(tmp_path, time_factor=300) as warehouse:
        with client(warehouse) as run:
            prepare(run)
            run("create stream s2 on table target append_only = true")
            run(LOAD)
            run(
                "create task kpi schedule = '1 minutes' when "
                "system$stream_has_data('s2') as insert into notes "
                "select count(*) from s2"
            )
            run("alter task kpi resume")
            run("alter task load resume")
            run("insert into base values (1), (2)")
            wait_for(run, "select id, n from target order by 1", [(1, 1), (2, 1)])
            wait_for(run, "select text from notes", [("2",)])
            before = run(
                "select count(*) > 1 from table(information_schema.task_history())"
            )
            assert before == [(True,)]
            run("alter task kpi suspend")
        warehouse.restart()
        with client(warehouse) as run:
            assert {("LOAD", "SUCCEEDED"), ("KPI", "SUCCEEDED")} <= set(states(run))
            shown = {task["name"]: task["state"] for task in run.shown("show tasks")}
            assert shown == {"LOAD": "started", "KPI": "suspended"}
            run("insert into base values (1)")
            wait_for(run, "select id, n from target order by 1", [(1, 2), (2, 1)])


def test_moments_of_runs_carry_a_zone(run: Client, idle: EmbeddedWarehouse) -> None:
    """What `run_tasks_until_idle` tells can be compared with any clock."""
    run(LOAD)
    run("alter task load resume")
    run("insert into base values (1)")
    (done,) = idle.run_tasks_until_idle()
    assert done.scheduled_time <= done.completed_time <= datetime.now(UTC)
