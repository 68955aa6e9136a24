"""Deploying repeatable files against the embedded warehouse."""

from collections.abc import Callable
from typing import Any

import pytest
from snowflake.connector import SnowflakeConnection

from winestream.errors import ConfigurationError
from winestream.operations.deploy import deploy
from winestream.operations.migrations import Migration
from winestream.operations.repeatables import Template, Templates
from winestream.operations.session import DeployError

Connect = Callable[..., SnowflakeConnection]

FIRST = Migration(
    1,
    "0001_first.sql",
    "CREATE SCHEMA IF NOT EXISTS OPS; CREATE TABLE IF NOT EXISTS OPS.A (X NUMBER);",
)
TASK = """
ALTER TASK IF EXISTS OPS.T SUSPEND;
CREATE TASK IF NOT EXISTS OPS.T WAREHOUSE = ${warehouse}
    SCHEDULE = '${kpi_schedule}' AS SELECT 1;
ALTER TASK OPS.T SET WAREHOUSE = ${warehouse};
ALTER TASK OPS.T SET SCHEDULE = '${kpi_schedule}';
"""
VIEW = "CREATE OR REPLACE VIEW OPS.V AS SELECT {} AS N;"


def templates(view: str = VIEW.format(1), **options: str) -> Templates:
    """Offer a task and a view; `before` is one more file, run before migrations."""
    before = (Template("hybrid.sql", options["before"]),) if options else ()
    return Templates(before, (Template("10_t.sql", TASK), Template("30_v.sql", view)))


def _rows(connection: SnowflakeConnection, query: str) -> list[Any]:
    return list(connection.cursor().execute(query).fetchall())


def test_what_changed_is_applied_again(connect: Connect) -> None:
    """A new text or value applies its file; otherwise nothing happens at all."""
    connection = connect(autocommit=True)
    first = deploy(connection, migrations=[FIRST], templates=templates())
    assert (first.repeated, first.same) == (("10_t.sql", "30_v.sql"), ())
    assert first.resumed == ("T",)
    again = deploy(connect(), migrations=[FIRST], templates=templates())
    assert (again.applied, again.repeated, again.resumed) == ((), (), ())
    assert again.same == ("10_t.sql", "30_v.sql")
    view = deploy(connection, migrations=[FIRST], templates=templates(VIEW.format(2)))
    assert view.repeated == ("30_v.sql",)
    assert _rows(connection, "SELECT N FROM OPS.V") == [(2,)]
    value = deploy(
        connection,
        migrations=[FIRST],
        templates=templates(VIEW.format(2)),
        variables={"kpi_schedule": "7 MINUTES"},
    )
    assert (value.repeated, value.resumed) == (("10_t.sql",), ("T",))
    assert _rows(connection, "SHOW TASKS IN SCHEMA OPS")[0][8] == "7 MINUTES"
    history = _rows(
        connection, "SELECT NAME FROM OPS.DEPLOY_REPEATABLES ORDER BY APPLIED_AT"
    )
    names = [name for (name,) in history]
    assert names == ["10_t.sql", "30_v.sql", "30_v.sql", "10_t.sql"]


def test_a_dry_run_shows_what_would_change(connect: Connect) -> None:
    """With the variables filled in, and nothing is made."""
    connection = connect()
    report = deploy(connection, migrations=[FIRST], templates=templates(), dry_run=True)
    assert report.repeated == ("10_t.sql", "30_v.sql")
    assert "ALTER TASK OPS.T SET WAREHOUSE = WINESTREAM" in report.statements
    assert not _rows(connection, "SHOW TASKS IN DATABASE")


def test_tasks_can_be_left_as_they_are(connect: Connect) -> None:
    """Without `resume` they stay suspended, until a deploy that resumes them."""
    connection = connect()
    kept = deploy(connection, migrations=[FIRST], templates=templates(), resume=False)
    assert kept.resumed == ()
    resumed = deploy(connection, migrations=[FIRST], templates=templates())
    assert (resumed.repeated, resumed.resumed) == ((), ("T",))


def test_options_come_before_the_migrations(connect: Connect) -> None:
    """So a migration's IF NOT EXISTS finds what an option has made."""
    made: list[str] = []
    option = (
        "-- When: cursor_table = hybrid\n\n"
        "CREATE SCHEMA IF NOT EXISTS OPS; CREATE TABLE OPS.A (Y NUMBER);"
    )
    deploy(
        connect(),
        migrations=[FIRST],
        templates=templates(before=option),
        variables={"cursor_table": "hybrid"},
        on_apply=made.append,
    )
    assert made == ["hybrid.sql", "0001_first.sql", "10_t.sql", "30_v.sql"]
    assert _rows(connect(), "SELECT COUNT(Y) FROM OPS.A") == [(0,)]


def test_nothing_runs_when_a_file_replaces_a_table(connect: Connect) -> None:
    """It is refused before the first statement."""
    connection = connect()
    bad = templates("CREATE OR REPLACE TABLE OPS.V (N NUMBER);")
    with pytest.raises(ConfigurationError, match=r"30_v\.sql, line 1"):
        deploy(connection, migrations=[FIRST], templates=bad)
    assert not _rows(
        connection,
        "SELECT * FROM INFORMATION_SCHEMA.TABLES WHERE TABLE_SCHEMA = 'OPS'",
    )


def test_a_refused_file_is_tried_again(connect: Connect) -> None:
    """What came before it stays applied; it is not in the history."""
    connection = connect(autocommit=True)
    bad = templates("CREATE OR REPLACE VIEW OPS.V AS SELECT * FROM OPS.NOWHERE;")
    with pytest.raises(DeployError, match=r"30_v\.sql, line 1, statement 1 of 1"):
        deploy(connection, migrations=[FIRST], templates=bad)
    report = deploy(connection, migrations=[FIRST], templates=templates())
    assert (report.repeated, report.same) == (("30_v.sql",), ("10_t.sql",))
    assert report.resumed == ("T",)
