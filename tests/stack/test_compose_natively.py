"""Our own services' commands and variables, taken from compose.yaml, without Docker.

Only addresses change: a container's name becomes this machine, fixed ports free ones.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import snowflake.connector
from stack_files import STACK, WANTED, read

from full_stack.docker import healthy
from full_stack.ports import free_port
from full_stack.wiring import DATABASE, TOPICS
from winestream.local import EmbeddedBroker

pytestmark = [
    pytest.mark.skipif(not WANTED, reason="slow: WINESTREAM_TEST_STACK=1 runs it"),
    pytest.mark.timeout(300),
]

SERVICES = read(STACK / "compose.yaml")["services"]
SECONDS = 90.0
PROGRAMS = {
    "python": [sys.executable],
    "winestream": [sys.executable, "-c", "from winestream.cli import main; main()"],
}


class Native:
    """Starts services of compose.yaml as processes of this machine."""

    def __init__(self, folder: Path, bootstrap: str) -> None:
        self._folder = folder
        self.warehouse_port = free_port(8084)
        self.audit_port = free_port(0)
        self.dashboard_port = free_port(0)
        self._replaced = {
            "redpanda:9092": bootstrap,
            "0.0.0.0": "127.0.0.1",  # noqa: S104 — what containers listen on
            '"warehouse"': '"127.0.0.1"',
            "8084": str(self.warehouse_port),
            "--metrics-port=8002": f"--metrics-port={self.audit_port}",
            "--port=8501": f"--port={self.dashboard_port}",
            "${AUDIT_EVERY:-1m}": "1s",
            "/data": str(folder / "data"),
            "${PRODUCER_RATE:-40}": "40",
            "${PRODUCER_POISON:-0}": "0.02",
        }

    @contextmanager
    def start(self, name: str) -> Iterator[subprocess.Popen[str]]:
        """Run a service; at the end of the block it is sent what Compose sends."""
        service = SERVICES[name]
        program, *arguments = service["command"]
        variables = {
            key: self._here(value)
            for key, value in service.get("environment", {}).items()
        }
        if variables.get("WINESTREAM_SNOWFLAKE_HOST") == "warehouse":
            variables["WINESTREAM_SNOWFLAKE_HOST"] = "127.0.0.1"
        with (
            self.log(name).open("w") as log,
            subprocess.Popen(
                [*PROGRAMS[program], *map(self._here, arguments)],
                env={
                    **os.environ,
                    **variables,
                    "WINESTREAM_METRICS_PORT": self._port,
                    "PYTHONPATH": str(STACK.parent),  # as the image has it
                },
                stdout=log,
                stderr=subprocess.STDOUT,
                text=True,
            ) as process,
        ):
            try:
                yield process
            finally:
                process.send_signal(signal.SIGTERM)
                grace = int(service.get("stop_grace_period", "10s").removesuffix("s"))
                try:
                    process.wait(grace)
                except subprocess.TimeoutExpired:
                    process.kill()
                    raise

    def log(self, name: str) -> Path:
        """Return where its output goes."""
        return self._folder / f"{name}.log"

    @property
    def _port(self) -> str:
        return str(free_port(0))

    def _here(self, text: str) -> str:
        for there, here in self._replaced.items():
            text = text.replace(there, here)
        return text


def rows(native: Native) -> int:
    """Count the orders that have landed; -1 before there is a table."""
    try:
        with snowflake.connector.connect(
            user="test",
            password="local",  # noqa: S106 — nobody checks it
            account="local",
            host="127.0.0.1",
            port=native.warehouse_port,
            protocol="http",
            database=DATABASE,
        ) as connection:
            found = connection.cursor().execute("SELECT COUNT(*) FROM RAW.RAW_ORDERS")
            assert found is not None
            (count,) = found.fetchone()
            return int(count)
    except snowflake.connector.Error:
        return -1


def lines(log: Path) -> list[Mapping[str, Any]]:
    """Return the JSON lines of a log, which are all that Alloy will parse."""
    return [json.loads(line) for line in log.read_text().splitlines()]


@pytest.mark.filterwarnings("ignore")
def test_the_services_run_as_compose_starts_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows land, audit and dashboard are healthy, and a stop is a clean one."""
    monkeypatch.setenv("SNOWFLAKE_DISABLE_PLATFORM_DETECTION", "true")
    (tmp_path / "data").mkdir()
    with EmbeddedBroker.start(TOPICS) as broker:
        native = Native(tmp_path, broker.bootstrap)
        with native.start("warehouse") as warehouse:
            _until(lambda: "Serving" in native.log("warehouse").read_text())
            with native.start("deploy") as deploy:
                deploy.wait(SECONDS)
            assert deploy.returncode == 0, native.log("deploy").read_text()
            with native.start("producer") as producer:
                with native.start("consumer") as consumer:
                    _until(lambda: rows(native) >= 200)
                    _healthy(native, monkeypatch, "audit", 8002, native.audit_port)
                    _healthy(
                        native, monkeypatch, "dashboard", 8501, native.dashboard_port
                    )
                assert consumer.returncode == 0
            assert producer.returncode == 0
            landed = rows(native)
        assert warehouse.returncode == 0
    assert landed >= 200
    said = [line["event"] for line in lines(native.log("consumer"))]
    for event in ("configuration", "connect", "subscribe", "claim", "write", "commit"):
        assert event in said
    assert said[-1] == "shutdown"


def _healthy(
    native: Native,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    there: int,
    here: int,
) -> None:
    """Run a service until its health check, which is asked at its port, is content."""
    get = healthy._get
    with monkeypatch.context() as patched:
        patched.setattr(
            healthy, "_get", lambda url: get(url.replace(f":{there}", f":{here}"))
        )
        patched.setattr(sys, "argv", ["healthy", name])
        assert healthy.main() == 1, "nobody is there yet"
        with native.start(name) as process:
            _until(lambda: healthy.main() == 0)
            assert process.poll() is None, native.log(name).read_text()


def _until(true: Any) -> None:
    deadline = time.monotonic() + SECONDS
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.5)
