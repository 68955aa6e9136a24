import re
from collections.abc import Sequence
from typing import Any

import pytest

from winestream.errors import ConfigurationError
from winestream.operations.deploy import DeployReport, deploy, register_tables
from winestream.operations.migrations import Migration
from winestream.operations.session import DeployError, sql_text

FIRST = Migration(1, "0001_a.sql", "CREATE TABLE IF NOT EXISTS A (X NUMBER);")
SECOND = Migration(
    2,
    "0002_b.sql",
    "-- two\nCREATE TABLE IF NOT EXISTS B (\n X NUMBER);\n\nCREATE TABLE C (Y NUMBER);",
)


class FakeWarehouse:
    """A connection and its cursor: records statements and keeps the history."""

    def __init__(self, database: str | None = "WINE") -> None:
        self.database = database
        self.statements: list[str] = []
        self.history: list[tuple[int, str, str]] = []
        self.tables: list[tuple[str, str]] = []
        self.raw = ["RAW_A", "RAW_B", "RAW_C"]
        self.refuse: str | None = None
        self.commits = self.rollbacks = self.open_cursors = 0
        self.unreachable = False
        self._answer: Sequence[Any] = []

    def cursor(self) -> "FakeWarehouse":
        self.open_cursors += 1
        return self

    def close(self) -> None:
        self.open_cursors -= 1

    def commit(self) -> None:
        if self.unreachable:
            raise OSError("gone")
        self.commits += 1

    def rollback(self) -> None:
        self.rollbacks += 1
        if self.unreachable:
            raise OSError("gone")

    def execute(self, command: str, /) -> None:
        if self.refuse and self.refuse in command:
            raise RuntimeError("002003 (02000): no privilege")
        self.statements.append(command)
        self._answer = self._answer_to(command)

    def fetchall(self) -> Sequence[Any]:
        return self._answer

    def _answer_to(self, command: str) -> Sequence[Any]:
        if "CURRENT_DATABASE" in command:
            return [(self.database,)]
        if "TABLE_SCHEMA = 'RAW'" in command:
            return [(name,) for name in self.raw if f"'{name}'" in command]
        if "INFORMATION_SCHEMA.TABLES" in command:
            made = any("OPS.DEPLOY_HISTORY (\n" in each for each in self.statements)
            return [("DEPLOY_HISTORY",)] if made else []
        if command.startswith("SELECT VERSION"):
            return self.history
        if command.startswith("SELECT TABLE_NAME FROM OPS.INGEST_TABLES"):
            return [(name,) for pipeline, name in self.tables if pipeline in command]
        if found := re.search(r"SELECT (\d+), '(.*)', '(.*)', CURRENT_USER", command):
            self.history.append((int(found[1]), found[2], found[3]))
        if command.startswith("INSERT INTO OPS.INGEST_TABLES"):
            self.tables += re.findall(r"\('(\w+)', '(\w+)'\)", command)
        return [("done",)]

    @property
    def changes(self) -> list[str]:
        return [each for each in self.statements if not each.startswith("SELECT")]


def test_missing_migrations_are_applied_in_order() -> None:
    """Every statement of every file runs once, and each file is noted when done."""
    warehouse, told = FakeWarehouse(), []
    report = deploy(warehouse, migrations=[SECOND, FIRST], on_apply=told.append)
    assert report == DeployReport(
        applied=("0001_a.sql", "0002_b.sql"),
        unchanged=(),
        statements=tuple(
            part.text for each in (FIRST, SECOND) for part in each.statements
        ),
    )
    assert told == ["0001_a.sql", "0002_b.sql"]
    kinds = [each.split(" (")[0] for each in warehouse.changes[2:]]
    assert kinds == [
        "CREATE TABLE IF NOT EXISTS A",
        "INSERT INTO OPS.DEPLOY_HISTORY",
        "CREATE TABLE IF NOT EXISTS B",
        "CREATE TABLE C",
        "INSERT INTO OPS.DEPLOY_HISTORY",
    ]
    assert warehouse.commits == 2
    assert warehouse.open_cursors == 0


def test_deploying_again_changes_nothing() -> None:
    """The second run only reads."""
    warehouse = FakeWarehouse()
    deploy(warehouse, migrations=[FIRST])
    before = list(warehouse.changes)
    report = deploy(warehouse, migrations=[FIRST])
    assert report.applied == () == report.statements
    assert report.unchanged == ("0001_a.sql",)
    assert warehouse.changes == before


def test_only_the_new_migration_is_applied() -> None:
    """What was deployed before is left alone."""
    warehouse = FakeWarehouse()
    deploy(warehouse, migrations=[FIRST])
    report = deploy(warehouse, migrations=[FIRST, SECOND])
    assert (report.applied, report.unchanged) == (("0002_b.sql",), ("0001_a.sql",))


def test_an_edited_migration_is_refused_by_name() -> None:
    """A deployed file is history; the message says where the change belongs."""
    warehouse = FakeWarehouse()
    deploy(warehouse, migrations=[FIRST])
    before = list(warehouse.changes)
    edited = Migration(1, "0001_a.sql", "CREATE TABLE IF NOT EXISTS A (Y NUMBER);")
    with pytest.raises(ConfigurationError, match=r"0001_a\.sql.*WINE.*0002_"):
        deploy(warehouse, migrations=[edited])
    assert warehouse.changes == before


def test_a_new_comment_is_no_edit() -> None:
    """Explaining a deployed migration better is allowed."""
    warehouse = FakeWarehouse()
    deploy(warehouse, migrations=[FIRST])
    same = Migration(1, "0001_a.sql", f"-- explained\n{FIRST.text}")
    assert deploy(warehouse, migrations=[same]).applied == ()


def test_a_database_newer_than_the_library_is_refused() -> None:
    """An old winestream does not go on with a warehouse it cannot know."""
    warehouse = FakeWarehouse()
    deploy(warehouse, migrations=[FIRST, SECOND])
    with pytest.raises(ConfigurationError, match=r"0002_b\.sql.*Upgrade"):
        deploy(warehouse, migrations=[FIRST])


def test_a_refused_statement_is_named_and_the_next_run_continues() -> None:
    """File, line, statement and the warehouse's reason; then it goes on there."""
    warehouse = FakeWarehouse()
    warehouse.refuse = "TABLE C"
    with pytest.raises(
        DeployError,
        match=r"0002_b\.sql, line 5, statement 2 of 2 \(CREATE TABLE C.*002003",
    ):
        deploy(warehouse, migrations=[FIRST, SECOND])
    assert [version for version, *_ in warehouse.history] == [1]
    assert (warehouse.rollbacks, warehouse.open_cursors) == (1, 0)
    warehouse.refuse = None
    report = deploy(warehouse, migrations=[FIRST, SECOND])
    assert (report.applied, report.unchanged) == (("0002_b.sql",), ("0001_a.sql",))


def test_a_failing_rollback_does_not_hide_the_reason() -> None:
    """The first error is the one that is reported."""
    warehouse = FakeWarehouse()
    warehouse.refuse, warehouse.unreachable = "EXISTS A", True
    with pytest.raises(DeployError, match="002003"):
        deploy(warehouse, migrations=[FIRST])


def test_a_failing_commit_is_a_deploy_error() -> None:
    """The driver's own error does not come out."""
    warehouse = FakeWarehouse()
    warehouse.unreachable = True
    with pytest.raises(DeployError, match=r"0001_a\.sql, the commit: gone"):
        deploy(warehouse, migrations=[FIRST])


def test_a_dry_run_only_reads() -> None:
    """It reports what would run, and does not even make the history's table."""
    warehouse = FakeWarehouse()
    report = deploy(warehouse, migrations=[FIRST, SECOND], dry_run=True)
    assert report.dry_run
    assert report.applied == ("0001_a.sql", "0002_b.sql")
    assert len(report.statements) == 3
    assert warehouse.changes == []


def test_a_broken_file_stops_everything_before_it_begins() -> None:
    """An open quote in the last file leaves the warehouse untouched."""
    warehouse = FakeWarehouse()
    broken = Migration(2, "0002_b.sql", "SELECT 'a")
    with pytest.raises(ConfigurationError, match=r"0002_b\.sql, line 1"):
        deploy(warehouse, migrations=[FIRST, broken])
    assert warehouse.statements == []


def test_no_migrations_at_all_are_refused() -> None:
    """Deploying nothing is never what was meant."""
    with pytest.raises(ConfigurationError, match="no migration"):
        deploy(FakeWarehouse(), migrations=[])


@pytest.mark.parametrize("database", [None, ""])
def test_a_session_without_a_database_is_refused(database: str | None) -> None:
    """Snowflake signs in to a missing database without a word; deploy does not."""
    with pytest.raises(ConfigurationError, match="no current database"):
        deploy(FakeWarehouse(database), migrations=[FIRST])


def test_tables_are_registered_once() -> None:
    """However often, in whatever case; what is noted stays, and is not repeated."""
    warehouse = FakeWarehouse()
    assert register_tables(warehouse, "wine", ["raw_b", "RAW_A", "RAW_B"]) == (
        "RAW_A",
        "RAW_B",
    )
    assert register_tables(warehouse, "wine", ["RAW_B", "RAW_C"]) == ("RAW_C",)
    assert register_tables(warehouse, "wine", ["RAW_A"]) == ()
    assert register_tables(warehouse, "beer", ["RAW_A"]) == ("RAW_A",)
    assert len(warehouse.tables) == 4


def test_a_table_that_is_not_there_is_not_registered() -> None:
    """An audit of it could never be made; its neighbours wait, what is noted stays."""
    warehouse = FakeWarehouse()
    register_tables(warehouse, "wine", ["RAW_A"])
    with pytest.raises(ConfigurationError, match=r"RAW\.RAW_NOPE cannot") as caught:
        register_tables(warehouse, "wine", ["RAW_A", "RAW_B", "raw_nope"])
    assert "RAW_B" not in str(caught.value)
    assert warehouse.tables == [("wine", "RAW_A")]
    warehouse.raw.remove("RAW_A")
    assert register_tables(warehouse, "wine", ["RAW_A"]) == ()


@pytest.mark.parametrize(
    ("pipeline", "table"), [("", "RAW_A"), (" ", "RAW_A"), ("wine", "RAW.A")]
)
def test_names_that_are_none_are_refused(pipeline: str, table: str) -> None:
    """Nothing is sent for an empty pipeline or a qualified table."""
    warehouse = FakeWarehouse()
    with pytest.raises(ConfigurationError):
        register_tables(warehouse, pipeline, [table])
    assert warehouse.statements == []


def test_text_literals_end_where_they_should() -> None:
    """Quotes are doubled and backslashes, which Snowflake reads, escaped."""
    assert sql_text(r"it's \' over") == r"'it''s \\'' over'"
