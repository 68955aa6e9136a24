"""`winestream schema` and user migrations, as a user runs them, on the warehouse."""

import json
from decimal import Decimal
from functools import partial
from pathlib import Path

import pytest
from cork_project import EVENTS, forget_project, run, write_project
from snowflake.connector import connect

from winestream.cli import schema
from winestream.errors import ConfigurationError
from winestream.operations.migrations import Migration
from winestream.operations.user_migrations import deploy_user_migrations
from winestream.testing.service import ServiceUnderTest

CLASS = "cork_service.events:CorkReturned"

RICH = """
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

import attrs

from winestream import Event


@attrs.frozen(kw_only=True)
class Taster:
    name: str
    born: date | None = None


@attrs.frozen(kw_only=True)
class CorkReturned(Event):
    cork_id: UUID
    deposit: Decimal
    quantity: int
    weight: float
    intact: bool
    drawn_at: datetime
    taster: Taster | None = None
    order: int = 0
    notes: tuple[str, ...] = ()
"""

BODY = {
    "event_type": "CORK_RETURNED",
    "cork_id": "6c8c8f7e-8a0c-4c56-9f0f-5d4b8f2e9a10",
    "deposit": "0.25",
    "quantity": 3,
    "weight": 1.5,
    "intact": True,
    "drawn_at": "2026-01-31T10:00:00+02:00",
    "taster": {"name": "Zoë", "born": "1990-05-04"},
    "order": 7,
    "notes": ["dry"],
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a project with one event class."""
    (tmp_path / "cork_service").mkdir()
    _events(tmp_path, EVENTS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    forget_project()
    return tmp_path


def _events(folder: Path, text: str) -> None:
    (folder / "cork_service" / "events.py").write_text(text)


def _insert(service: ServiceUnderTest, payload: str, number: int) -> None:
    quoted = payload.replace("'", "''")
    service.query(
        "INSERT INTO RAW.RAW_CORKS (EVENT_ID, EVENT_TYPE, OCCURRED_AT, SCHEMA_VERSION, "
        "CLUSTER_ID, TOPIC_ID, TOPIC, KAFKA_PARTITION, KAFKA_OFFSET, SLICE_ID, PAYLOAD)"
        f" SELECT 'e{number}', 'CORK_RETURNED', SYSDATE(), 1, 'c', 't', 'corks', 0, "
        f"{number}, 's', '{quoted}'"
    )


def test_the_printed_sql_gives_typed_values(
    winestream_service: ServiceUnderTest, folder: Path
) -> None:
    """Deployed as a migration of the user's own; a value that does not fit is NULL.

    Money is rounded to ten digits behind the point; 29 before it do not fit.
    """
    service = winestream_service
    _events(folder, RICH)
    code, sql, errors = run(folder, "schema", "ddl", CLASS, "--table", "RAW_CORKS")
    assert (code, errors) == (0, "")
    service.deploy()
    migration = Migration(1, "0001_corks.sql", sql)
    with connect(**service.connection.sign_in(), autocommit=True) as connection:
        deploy_user_migrations(connection, [migration])
    _insert(service, json.dumps(BODY), 0)
    _insert(service, json.dumps(BODY | {"quantity": "many", "taster": None}), 1)
    _insert(service, json.dumps(BODY | {"deposit": "0.12345678905"}), 2)
    _insert(service, json.dumps(BODY | {"deposit": "1" + "0" * 28}), 3)
    rows = service.query(
        'SELECT CORK_ID, DEPOSIT, QUANTITY, WEIGHT, INTACT, DRAWN_AT, "ORDER", '
        "TASTER_NAME, TASTER_BORN, NOTES, TOPIC FROM RAW.CORK_RETURNED "
        "ORDER BY KAFKA_OFFSET"
    )
    assert rows[0][:5] == (BODY["cork_id"], Decimal("0.25"), 3, 1.5, True)
    assert str(rows[0][5]) == "2026-01-31 08:00:00"
    assert rows[0][6:8] == (7, "Zoë")
    assert str(rows[0][8]) == "1990-05-04"
    assert json.loads(rows[0][9]) == ["dry"]
    assert rows[0][10] == "corks"
    assert (rows[1][2], rows[1][7], rows[1][8]) == (None, None, None)
    assert [row[1] for row in rows[2:]] == [Decimal("0.1234567891"), None]


@pytest.mark.parametrize(
    ("before", "after", "code", "says"),
    [
        ("cork_id: str", "cork_id: str", 0, "no difference"),
        ("deposit: Decimal", "deposit: Decimal | None", 0, "compatible"),
        ("cork_id: str", "cork_id: str\n    colour: str = ''", 1, "needs new view"),
        ("cork_id: str", "cork_id: str\n    colour: str", 2, "breaking"),
        ("cork_id: str", "cork_id: int", 2, "breaking"),
    ],
)
def test_diff_says_what_a_change_means(
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    before: str,
    after: str,
    code: int,
    says: str,
) -> None:
    """A saved schema against the changed class; the exit code is the verdict."""
    schema.export(CLASS)
    (folder / "corks.json").write_text(capsys.readouterr().out)
    _events(folder, EVENTS.replace(before, after))
    forget_project()
    with pytest.raises(SystemExit) as ended:
        schema.diff("corks.json", CLASS)
    printed = capsys.readouterr()
    assert (ended.value.code, printed.err) == (code, "")
    assert printed.out.splitlines()[-1] == says


def test_diff_of_two_classes_and_of_none(folder: Path) -> None:
    """Two classes are compared as well; what cannot be compared is exit code 3."""
    _events(folder, EVENTS + EVENTS.replace("CorkReturned", "CorkKept"))
    code, out, _ = run(folder, "schema", "diff", CLASS, "cork_service.events:CorkKept")
    assert (code, "event_type: CORK_RETURNED became CORK_KEPT" in out) == (2, True)
    code, out, errors = run(folder, "schema", "diff", "missing.json", CLASS)
    assert (code, out) == (3, "")
    assert errors == "winestream: missing.json: No such file or directory\n"


def test_own_migrations_have_their_own_folder_and_numbers(
    winestream_service: ServiceUnderTest, tmp_path: Path
) -> None:
    """After ours, from 0001, once; two services share a database by two scopes."""
    service = winestream_service
    file = write_project(tmp_path, service, service.topic("corks"))
    service.query("SELECT 1")
    folder = tmp_path / "migrations"
    folder.mkdir()
    ddl = ["schema", "ddl", CLASS, "--table", "RAW_CORKS"]
    sql = run(tmp_path, *ddl, "--loader-role", "WINESTREAM_LOADER")[1]
    grant = "GRANT INSERT ON TABLE RAW.RAW_CORKS TO ROLE WINESTREAM_LOADER;\n"
    assert (sql, sql.count("GRANT ")) == (
        run(tmp_path, *ddl)[1] + "\n" + grant,
        1,
    )
    (folder / "0001_corks.sql").write_text(sql)
    deploy = ["deploy", "--config", file.name, "--migrations", "migrations"]
    deploy += ["--pipeline", service.pipeline, "--table", "RAW_CORKS"]
    code, out, errors = run(tmp_path, *deploy, "--dry-run")
    assert (code, errors) == (0, "")
    assert "CREATE TABLE IF NOT EXISTS RAW.RAW_CORKS" in out
    code, out, errors = run(tmp_path, *deploy)
    assert (code, errors) == (0, "")
    assert "applying migrations/0001_corks.sql" in out
    assert "migrations: 1 applied, 0 there" in out
    assert f"registered RAW_CORKS for {service.pipeline}" in out
    assert service.query("SELECT * FROM RAW.CORK_RETURNED") == []
    assert "migrations: 0 applied, 1 there" in run(tmp_path, *deploy)[1]


def test_a_history_is_kept_by_scope_and_never_rewritten(
    winestream_service: ServiceUnderTest,
) -> None:
    """Two services share a database by two scopes; an edited file is refused."""
    service = winestream_service
    service.deploy()
    first = Migration(1, "0001_corks.sql", "CREATE SCHEMA IF NOT EXISTS CORKS")
    second = Migration(2, "0002_more.sql", "CREATE SCHEMA IF NOT EXISTS MORE")
    edited = Migration(2, "0002_more.sql", "CREATE SCHEMA IF NOT EXISTS LESS")
    with connect(**service.connection.sign_in(), autocommit=True) as connection:
        deploy = partial(deploy_user_migrations, connection)
        assert deploy([first], dry_run=True).applied == (first.name,)
        assert deploy([first]).applied == (first.name,)
        report = deploy([second, first])
        assert (report.applied, report.unchanged) == ((second.name,), (first.name,))
        assert len(deploy([first, second], scope="other").applied) == 2
        with pytest.raises(ConfigurationError, match=r"was deployed to .* and edited"):
            deploy([first, edited])
        with pytest.raises(ConfigurationError, match="Two services need two scopes"):
            deploy([first])
        with pytest.raises(ConfigurationError, match="is missing before"):
            deploy([second], scope="third")
