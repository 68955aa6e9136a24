"""Deploying to the embedded warehouse through the genuine connector."""

from collections.abc import Callable
from typing import Any

import pytest
from snowflake.connector import SnowflakeConnection

from winestream.errors import ConfigurationError
from winestream.operations.deploy import deploy, register_tables
from winestream.operations.migrations import Migration, packaged_migrations
from winestream.operations.session import DeployError
from winestream.operations.status import status

Connect = Callable[..., SnowflakeConnection]
NAMES = tuple(each.name for each in packaged_migrations())


def _rows(connection: SnowflakeConnection, query: str) -> list[Any]:
    return list(connection.cursor().execute(query).fetchall())


def _everything(connection: SnowflakeConnection) -> list[Any]:
    return _rows(
        connection,
        "SELECT TABLE_SCHEMA, TABLE_NAME FROM INFORMATION_SCHEMA.TABLES "
        "WHERE TABLE_SCHEMA IN ('RAW', 'OPS') ORDER BY 1, 2",
    )


@pytest.mark.parametrize("autocommit", [True, False])
def test_a_second_deploy_changes_nothing(connect: Connect, autocommit: bool) -> None:
    """Whatever the session's AUTOCOMMIT, another session sees what was deployed."""
    assert deploy(connect(autocommit=autocommit)).applied == NAMES
    other = connect(autocommit=autocommit)
    before = _everything(other), _rows(other, "SELECT * FROM OPS.DEPLOY_HISTORY")
    report = deploy(other)
    assert (report.applied, report.unchanged) == ((), NAMES)
    assert before == (
        _everything(other),
        _rows(other, "SELECT * FROM OPS.DEPLOY_HISTORY"),
    )
    assert len(before[0]) == 10


def _schemas(connection: SnowflakeConnection) -> set[str]:
    found = _rows(
        connection, "SELECT DISTINCT TABLE_SCHEMA FROM INFORMATION_SCHEMA.TABLES"
    )
    return {schema for (schema,) in found} - {"INFORMATION_SCHEMA"}


def test_the_core_is_what_every_sink_needs_and_no_more(
    connection: SnowflakeConnection,
) -> None:
    """RAW and OPS as of a whole deploy, no task; again it changes nothing."""
    report = deploy(connection, core_only=True)
    assert (report.applied, report.repeated) == (NAMES[:4], ("45_loader.sql",))
    assert not report.resumed
    assert _schemas(connection) == {"RAW", "OPS"}
    assert len(_everything(connection)) == 10
    seen = status(connection)
    assert (seen.tasks, seen.streams) == ((), ())
    assert [layer.layer for layer in seen.layers] == ["RAW"]
    again = deploy(connection, core_only=True)
    assert (again.applied, again.statements) == ((), ())
    assert again.unchanged == NAMES[:4]


def test_the_rest_may_follow_the_core(connection: SnowflakeConnection) -> None:
    """And the core alone after that takes nothing away and resumes nothing."""
    deploy(connection, core_only=True)
    rest = deploy(connection)
    assert (rest.unchanged, rest.applied) == (NAMES[:4], NAMES[4:])
    assert "ANALYTICS" in _schemas(connection)
    connection.cursor().execute("ALTER TASK OPS.LOAD_PROD_ORDERS SUSPEND")
    report = deploy(connection, core_only=True)
    assert (report.applied, report.repeated, report.resumed) == ((), (), ())
    assert len(status(connection).tasks) == 7


def test_the_history_says_who_and_when(connection: SnowflakeConnection) -> None:
    """One row per file, with its checksum, in UTC."""
    deploy(connection)
    history = _rows(
        connection,
        "SELECT VERSION, NAME, CHECKSUM, APPLIED_BY, "
        "ABS(DATEDIFF('second', APPLIED_AT, SYSDATE())) < 60 "
        "FROM OPS.DEPLOY_HISTORY ORDER BY VERSION",
    )
    assert [row[:3] for row in history] == [
        (each.version, each.name, each.checksum) for each in packaged_migrations()
    ]
    assert all(who and recent for *_, who, recent in history)


def test_a_dry_run_changes_nothing(connection: SnowflakeConnection) -> None:
    """Not even the history's own table appears."""
    before = _everything(connection)
    assert deploy(connection, dry_run=True).applied == NAMES
    assert _everything(connection) == before == []


def test_an_edited_migration_is_refused(connection: SnowflakeConnection) -> None:
    """The file is named and nothing runs."""
    deploy(connection)
    first, *rest = packaged_migrations()
    edited = Migration(first.version, first.name, first.text + "CREATE SCHEMA X;")
    with pytest.raises(ConfigurationError, match=r"0001_schemas\.sql was deployed"):
        deploy(connection, migrations=[edited, *rest])


def test_a_failed_deploy_goes_on_where_it_stopped(
    connection: SnowflakeConnection,
) -> None:
    """The warehouse's refusal names the statement; mended, the rest is applied."""
    last = len(NAMES) + 1
    name = f"{last:04}_new.sql"
    good = "CREATE TABLE IF NOT EXISTS OPS.MADE (A NUMBER);\n"
    broken = Migration(last, name, good + "INSERT INTO OPS.NOT_THERE SELECT 1;")
    with pytest.raises(DeployError, match=rf"{name}, line 2, statement 2 of 2"):
        deploy(connection, migrations=[*packaged_migrations(), broken])
    mended = Migration(last, name, good)
    report = deploy(connection, migrations=[*packaged_migrations(), mended])
    assert (report.applied, report.unchanged) == ((name,), NAMES)


def test_registered_tables_are_kept_once(connect: Connect) -> None:
    """Repeating it adds nothing; any pipeline name is stored as it is."""
    deploy(connect())
    pipeline = r"Caves d'Albert \ %s"
    assert register_tables(connect(), pipeline, ["raw_orders"]) == ("RAW_ORDERS",)
    assert register_tables(connect(), pipeline, ["RAW_ORDERS", "RAW_EVENTS"]) == (
        "RAW_EVENTS",
    )
    assert _rows(connect(), "SELECT * FROM OPS.INGEST_TABLES ORDER BY 2") == [
        (pipeline, "RAW_EVENTS"),
        (pipeline, "RAW_ORDERS"),
    ]


def test_tables_cannot_be_registered_before_deploy(
    connection: SnowflakeConnection,
) -> None:
    """The error names the table that is missing."""
    with pytest.raises(DeployError, match=r"OPS\.INGEST_TABLES"):
        register_tables(connection, "wine", ["RAW_ORDERS"])
