"""`winestream audit --every … --freshness`: the layers' figures beside the verdict."""

import os
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import snowflake.connector

from winestream.local import EmbeddedWarehouse
from winestream.operations.deploy import deploy, register_tables

MAIN = "from winestream.cli import main; main()"
PATIENCE = 60.0


@pytest.fixture
def warehouse() -> Iterator[EmbeddedWarehouse]:
    """Offer all layers, and a row that has waited in RAW for 1000 s."""
    with EmbeddedWarehouse.start(time_factor=0) as started:
        with snowflake.connector.connect(
            **started.connection, database="WINE", autocommit=True
        ) as connection:
            deploy(connection)
            register_tables(connection, "shop", ["RAW_INVENTORY"])
            connection.cursor().execute(
                "insert into RAW.RAW_INVENTORY select 'e', 'INVENTORY_ADJUSTED', "
                "sysdate(), 1, 'c', 't', 'wine.inventory', 0, 0, null, null, 's', "
                "dateadd('second', -1000, sysdate()), '{}'"
            )
        yield started


@pytest.fixture
def served(warehouse: EmbeddedWarehouse, tmp_path: Path) -> Iterator[str]:
    """Audit each second; yield the address of its metrics."""
    options = {"host": "127.0.0.1", "port": str(warehouse.port), "protocol": "http"}
    options |= {"account": "local", "user": "winestream", "database": "WINE"}
    options |= {"pipeline": "shop", "every": "1s", "metrics-port": "0"}
    given = [f"--{name}={value}" for name, value in options.items()]
    log = tmp_path / "stderr"
    with (
        log.open("w") as errors,
        subprocess.Popen(
            [sys.executable, "-c", MAIN, "audit", *given, "--freshness"],
            env=os.environ | {"WINESTREAM_SNOWFLAKE_PASSWORD": "local"},
            stdout=subprocess.DEVNULL,
            stderr=errors,
        ) as process,
    ):
        try:
            until(lambda: "serving" in log.read_text() or process.poll() is not None)
            found = re.search(r"serving (\S+)", log.read_text())
            assert found, log.read_text()
            yield found[1]
        finally:
            process.terminate()
            process.wait(30)


def until(true: Callable[[], Any]) -> Any:
    """Wait until it is so."""
    deadline = time.monotonic() + PATIENCE
    while not (found := true()):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    return found


def figure(address: str, name: str) -> float | None:
    """Scrape one sample; None while there is none."""
    with urllib.request.urlopen(address, timeout=10) as answer:  # noqa: S310 — loopback
        text = answer.read().decode()
    found = re.search(rf"^{re.escape(name)} (\S+)$", text, re.MULTILINE)
    return float(found[1]) if found else None


def test_layers_are_served_and_age_while_nobody_answers(
    warehouse: EmbeddedWarehouse, served: str
) -> None:
    """What waits counts; once it has moved on, 0; without a warehouse, ever older."""
    staging = 'layer_freshness_seconds{layer="STAGING"}'
    late = until(lambda: figure(served, staging))
    assert 1000 <= late < 1000 + PATIENCE
    assert figure(served, 'layer_freshness_seconds{layer="PRODUCTION"}') == late
    # The row's slice is in no ledger: the audit says so, and the layers come anyway.
    assert until(lambda: figure(served, 'audit_ok{pipeline="shop"}') is not None)
    assert figure(served, 'audit_ok{pipeline="shop"}') == 0
    warehouse.run_tasks_until_idle()
    until(lambda: figure(served, staging) == 0)
    warehouse.kill()
    failures = 'audit_failures_total{pipeline="shop"}'
    until(lambda: (figure(served, failures) or 0) >= 1)
    first = until(lambda: figure(served, staging))
    until(lambda: (figure(served, staging) or 0) > first)
    warehouse.restart()
    until(lambda: figure(served, staging) == 0)


def test_freshness_goes_with_every() -> None:
    """A single audit has no figure that somebody could scrape: refused, code 2."""
    done = subprocess.run(
        [sys.executable, "-c", MAIN, "audit", "--pipeline=shop", "--freshness"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 2
    assert "--freshness goes with --every" in done.stderr
