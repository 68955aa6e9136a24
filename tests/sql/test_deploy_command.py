"""`winestream deploy` and `winestream --version`, as a user runs them."""

import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from winestream.local import EmbeddedWarehouse
from winestream.operations.migrations import packaged_migrations

PASSWORD = {"WINESTREAM_SNOWFLAKE_PASSWORD": "local"}
SIGN_IN = ["--database", "X", "--account", "a", "--user", "u"]
MAIN = "from winestream.cli import main; main()"


def _run(*arguments: str, **environment: str) -> tuple[int, list[str], str]:
    """Return exit code, lines of stdout, and stderr with its lines joined."""
    inherited = {k: v for k, v in os.environ.items() if "WINESTREAM" not in k}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", MAIN, *arguments],
        env=inherited | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return done.returncode, done.stdout.splitlines(), " ".join(done.stderr.split())


def _embedded(warehouse: EmbeddedWarehouse, database: str) -> list[str]:
    options = {"host": "127.0.0.1", "port": str(warehouse.port), "protocol": "http"}
    options |= {"account": "local", "user": "winestream", "database": database}
    return [part for name, value in options.items() for part in (f"--{name}", value)]


def test_the_version_is_the_packages() -> None:
    """`winestream --version` prints it and nothing else."""
    assert _run("--version") == (0, [version("winestream")], "")


def test_help_loads_no_vendor() -> None:
    """Asking for help is quick: no connector, broker client or Arrow is imported."""
    probe = (
        "import sys\nfrom winestream.cli import app\n"
        "app(['--help'], result_action='return_value')\n"
        "print({'snowflake', 'pyarrow', 'confluent_kafka'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", probe], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "set()"
    assert "deploy" in done.stdout


def test_deploying_twice_applies_once(
    warehouse: EmbeddedWarehouse, database: str
) -> None:
    """The last line sums up; tables are registered on the way."""
    options = _embedded(warehouse, database)
    tables = ["--pipeline", "wine", "--table", "raw_orders", "--table", "RAW_EVENTS"]
    code, lines, errors = _run("deploy", *options, *tables, **PASSWORD)
    assert (code, errors) == (0, "")
    files = [line.split()[1] for line in lines if line.startswith("applying ")]
    migrations = [each.name for each in packaged_migrations()]
    assert files[: len(migrations)] == migrations
    repeated, total = len(files) - len(migrations), len(migrations)
    assert lines[len(files) : len(files) + 2] == [
        "registered RAW_EVENTS for wine",
        "registered RAW_ORDERS for wine",
    ]
    assert lines[-3].startswith("resumed LOAD_")
    assert lines[-2:] == [
        f"repeatable files: {repeated} applied, 0 same",
        f"{database}: {total} migrations applied, 0 there already",
    ]
    again = _run("deploy", *options, *tables, **PASSWORD)
    assert again[::2] == (0, "")
    assert again[1] == [
        f"repeatable files: 0 applied, {repeated} same",
        f"{database}: 0 migrations applied, {total} there already",
    ]


def test_a_table_that_does_not_exist_is_refused(
    warehouse: EmbeddedWarehouse, database: str
) -> None:
    """Exit code 1, its name and what to do; none of the tables is registered."""
    options = _embedded(warehouse, database)
    tables = ["--pipeline", "ghost", "--table", "RAW_NOPE", "--table", "RAW_ORDERS"]
    code, lines, errors = _run("deploy", *options, *tables, **PASSWORD)
    assert code == 1
    assert not [line for line in lines if line.startswith("registered")]
    assert errors.startswith("winestream: RAW.RAW_NOPE cannot be noted for the audit")
    assert "winestream schema ddl" in errors


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        ([], "WINESTREAM"),
        (["--warehouse", "CELLAR_WH"], "CELLAR_WH"),
        (["--warehouse", "CELLAR_WH", "--var", "warehouse=TASKS_WH"], "TASKS_WH"),
    ],
)
def test_tasks_run_on_the_warehouse_that_was_given(
    warehouse: EmbeddedWarehouse, database: str, arguments: list[str], wanted: str
) -> None:
    """On the sign-in's, on another where `--var` names one, else on the default."""
    options = [*_embedded(warehouse, database), *arguments]
    code, lines, errors = _run("deploy", *options, "--dry-run", **PASSWORD)
    assert (code, errors) == (0, "")
    named = [
        line.split(" = ")[1].rstrip(";") for line in lines if "WAREHOUSE = " in line
    ]
    assert set(named) == {wanted}


def test_a_dry_run_prints_the_statements(
    warehouse: EmbeddedWarehouse, database: str, tmp_path: Path
) -> None:
    """What it prints could be run as it stands; the next deploy still has it all."""
    secret = tmp_path / "password"
    secret.write_text("local\n")
    options = [*_embedded(warehouse, database), "--password-file", str(secret)]
    code, lines, _ = _run("deploy", *options, "--dry-run")
    assert code == 0
    assert "CREATE SCHEMA IF NOT EXISTS RAW;" in lines
    total = len(packaged_migrations())
    assert lines[-1] == (
        f"{database}: {total} migrations would be applied, 0 there already"
    )
    done = _run("deploy", *options)[1][-1]
    assert done.startswith(f"{database}: {total} migrations app")


def test_options_may_come_from_the_environment(
    warehouse: EmbeddedWarehouse, database: str
) -> None:
    """A container needs no arguments."""
    code, lines, _ = _run(
        "deploy",
        "--dry-run",
        WINESTREAM_SNOWFLAKE_HOST="127.0.0.1",
        WINESTREAM_SNOWFLAKE_PORT=str(warehouse.port),
        WINESTREAM_SNOWFLAKE_PROTOCOL="http",
        WINESTREAM_SNOWFLAKE_ACCOUNT="local",
        WINESTREAM_SNOWFLAKE_USER="winestream",
        **PASSWORD,
        WINESTREAM_SNOWFLAKE_DATABASE=database,
    )
    assert code == 0
    assert lines[-1].startswith(database)


def test_the_core_alone_is_an_option(
    warehouse: EmbeddedWarehouse, database: str
) -> None:
    """A service of one's own needs no merchant's warehouse, and says what it got."""
    code, lines, errors = _run(
        "deploy", *_embedded(warehouse, database), "--core-only", **PASSWORD
    )
    assert (code, errors) == (0, "")
    assert "applying 0004_stage.sql" in lines
    assert lines[-2:] == [
        "repeatable files: 1 applied, 0 same",
        f"{database}: 4 migrations applied, 0 there already",
    ]
    assert not any("resumed" in line or "STAGING" in line.upper() for line in lines)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--database", "X"], "connection_name, or account and user"),
        (
            ["--database", "X", "--pipeline", "wine"],
            "--pipeline and --table go together",
        ),
        (
            [*SIGN_IN, "--password-file", "/nowhere/secret"],
            "--password-file: password_file /nowhere/secret: No such file",
        ),
        (
            [*SIGN_IN, "--private-key-file", "/nowhere/key.p8"],
            "--private-key-file: private_key_file /nowhere/key.p8 does not exist",
        ),
    ],
)
def test_a_wrong_setting_is_one_line_with_its_name(
    arguments: list[str], says: str
) -> None:
    """No traceback: exit code 1 and a sentence that names the option."""
    code, lines, errors = _run("deploy", *arguments)
    assert (code, lines) == (1, [])
    assert errors.startswith("winestream: ")
    assert says in errors


def test_a_database_that_refuses_names_the_connectors_reason() -> None:
    """Nobody listens there: one line, and no secret in it."""
    code, lines, errors = _run(
        *("deploy", *SIGN_IN),
        *("--host", "127.0.0.1", "--port", "9", "--protocol", "http"),
        **dict.fromkeys(PASSWORD, "hunter2"),
    )
    assert (code, lines) == (1, [])
    assert "winestream: cannot sign in" in errors
    assert "hunter2" not in errors
