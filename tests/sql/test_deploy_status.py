"""`winestream deploy --status`: what it says of a warehouse that has worked."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import snowflake.connector

from winestream.local import EmbeddedWarehouse
from winestream.operations.deploy import deploy
from winestream.operations.status import status

MAIN = "from winestream.cli import main; main()"


@pytest.fixture(scope="module")
def deployed() -> Iterator[EmbeddedWarehouse]:
    """Offer a warehouse in which one load has worked and one task has failed."""
    with EmbeddedWarehouse.start(time_factor=0) as warehouse:
        connection = snowflake.connector.connect(
            **warehouse.connection, database="WINE", autocommit=True
        )
        deploy(connection)
        cursor = connection.cursor()
        cursor.execute(
            "insert into RAW.RAW_INVENTORY select 'e', 'INVENTORY_ADJUSTED', "
            "sysdate(), 1, 'c', 't', 'wine.inventory', 0, 0, null, null, 's', "
            "sysdate(), '{}'"
        )
        cursor.execute("create stream RAW.S on table RAW.RAW_EVENTS append_only = true")
        cursor.execute(
            "create task OPS.BROKEN schedule = '1 hour' as insert into OPS.NO select 1"
        )
        cursor.execute("execute task OPS.BROKEN")
        warehouse.run_tasks_until_idle()
        yield warehouse
        connection.close()


def test_status_tells_tasks_streams_layers_and_failures(
    deployed: EmbeddedWarehouse,
) -> None:
    """Each with its state; an empty layer has no lag."""
    connection = snowflake.connector.connect(**deployed.connection, database="WINE")
    seen = status(connection)
    connection.close()
    assert seen.database == "WINE"
    tasks = {task.name: task for task in seen.tasks}
    assert tasks["OPS.LOAD_STAGING_INVENTORY"].last_state == "SUCCEEDED"
    assert tasks["OPS.LOAD_STAGING_INVENTORY"].state == "started"
    assert tasks["OPS.LOAD_STAGING_ORDERS"].last_state is None
    assert tasks["OPS.BROKEN"].state == "suspended"
    assert tasks["OPS.REFRESH_ANALYTICS"].schedule == "5 MINUTES"
    assert {stream.name for stream in seen.streams} >= {"RAW.S", "RAW.ORDER_STREAM"}
    assert not any(stream.pending or stream.stale for stream in seen.streams)
    lags = {layer.layer: layer.lag_seconds for layer in seen.layers}
    assert list(lags) == ["RAW", "STAGING", "PRODUCTION", "ANALYTICS"]
    assert lags["RAW"] is not None
    assert lags["RAW"] >= 0
    (failure,) = seen.failures
    assert failure.task == "OPS.BROKEN"
    assert "NO" in failure.message


def _run(warehouse: EmbeddedWarehouse, *arguments: str) -> Any:
    options = {"host": "127.0.0.1", "port": str(warehouse.port), "protocol": "http"}
    options |= {"account": "local", "user": "winestream", "database": "WINE"}
    given = [part for name, value in options.items() for part in (f"--{name}", value)]
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", MAIN, "deploy", *given, *arguments],
        env=os.environ | {"WINESTREAM_SNOWFLAKE_PASSWORD": "local", "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_the_command_prints_tables_or_json(deployed: EmbeddedWarehouse) -> None:
    """One JSON object is the last line; people see every task by its name."""
    told = _run(deployed, "--status", "--json")
    assert told.returncode == 0, told.stderr
    report = json.loads(told.stdout.splitlines()[-1])
    assert set(report) == {"database", "tasks", "streams", "layers", "failures"}
    shown = _run(deployed, "--status")
    assert shown.returncode == 0, shown.stderr
    for task in report["tasks"]:
        assert task["name"] in shown.stdout


def test_a_wrong_variable_changes_nothing(deployed: EmbeddedWarehouse) -> None:
    """It is one line on standard error, and exit code 1."""
    told = _run(deployed, "--var", "kpi_schedule=x'; drop")
    assert (told.returncode, told.stdout) == (1, "")
    assert "kpi_schedule" in told.stderr
