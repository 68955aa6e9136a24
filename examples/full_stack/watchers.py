"""Who looks on while a demo runs: the audit, Prometheus, the page, the control.

None of them is needed. One that cannot be had takes its own panel away and nothing
else, and one that ends is started again.
"""

import importlib.util
import json
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final, Self

import attrs

from full_stack.control import Control
from full_stack.ports import free_port
from full_stack.process import Process, foreign, ours
from full_stack.stack import Stack
from full_stack.wiring import (
    AUDIT_PORT,
    BOOTSTRAP,
    BREAK_PORT,
    BREAK_URL,
    DASHBOARD_PORT,
    DATABASE,
    EMBEDDED_WAREHOUSE,
    GROUP,
    METRICS_URLS,
    PIPELINE,
    PROMETHEUS_PORT,
    PROMETHEUS_URL,
)

AUDIT_EVERY: Final = "10s"
SCRAPE_EVERY: Final = "2s"
AGAIN_SECONDS: Final = 10.0
"""What ended is started again, but not more often."""

TRIES: Final = 3
"""What ends within a minute of its start so often is left alone: its log says why."""

STEADY_SECONDS: Final = 60.0

_WINESTREAM: Final = [sys.executable, "-c", "from winestream.cli import main; main()"]


@attrs.define
class _Watcher:
    process: Process
    started: float = attrs.field(factory=time.monotonic)
    tries: int = 1


class Watchers:
    """Starts whoever can look on at `stack`; a context manager.

    `missing` says who could not be had, and why.
    """

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._running: dict[str, _Watcher] = {}
        self.missing: dict[str, str] = {}
        self.audit_port = free_port(AUDIT_PORT)
        self.prometheus: str | None = None
        self.dashboard: str | None = None
        with ExitStack() as failed:
            failed.callback(self.close)
            self.control = Control(stack.breaker, free_port(BREAK_PORT))
            self._start(
                "audit", lambda log: audit(stack, self.audit_port, log, AUDIT_EVERY)
            )
            self._start_prometheus()
            self._start_dashboard()
            failed.pop_all()

    @property
    def metrics(self) -> dict[str, str]:
        """Where each one's metrics are."""
        stack = self._stack
        return {
            "consumer": f"http://127.0.0.1:{stack.consumer_port}/metrics",
            "producer": f"http://127.0.0.1:{stack.producer_port}/metrics",
            "broker": stack.broker_metrics.url,
            "audit": f"http://127.0.0.1:{self.audit_port}/metrics",
        }

    def supervise(self) -> None:
        """Start again who has ended, at most every few seconds and not for ever."""
        for name, watcher in self._running.items():
            code, age = watcher.process.exit_code, time.monotonic() - watcher.started
            if code is None or age < AGAIN_SECONDS or watcher.tries > TRIES:
                continue
            watcher.tries = 1 if age > STEADY_SECONDS else watcher.tries + 1
            what = f"the {name} had ended ({code})"
            if watcher.tries > TRIES:
                log = self._stack.logs / f"{name}.log"
                self._stack.events.note(f"{what} and stays away, see {log}")
                continue
            watcher.process.restart()
            watcher.started = time.monotonic()
            self._stack.events.note(f"{what} and was started again")

    def close(self) -> None:
        """Stop all of them, the page first."""
        for watcher in reversed(self._running.values()):
            watcher.process.stop()
        self._running.clear()
        if hasattr(self, "control"):
            self.control.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -------------------------------------------------------------------- privately

    def _start(self, name: str, start: Callable[[Path], Process]) -> None:
        self._running[name] = _Watcher(start(self._stack.logs / f"{name}.log"))

    def _start_prometheus(self) -> None:
        program = shutil.which("prometheus")
        if program is None:
            self.missing["prometheus"] = "not installed (apt-get install prometheus)"
            return
        try:
            from full_stack import native_monitoring as native  # noqa: PLC0415
        except ModuleNotFoundError as error:
            self.missing["prometheus"] = f"its configuration needs {error.name}"
            return
        stack = self._stack
        port = free_port(PROMETHEUS_PORT)
        addresses = {
            "consumer:8000": stack.consumer_port,
            "producer:8001": stack.producer_port,
            "redpanda:9644": stack.broker_metrics.port,
            native.AUDIT: self.audit_port,
            native.PROMETHEUS_ITSELF: port,
        }
        node = shutil.which("prometheus-node-exporter")
        if node is None:
            self.missing["node_exporter"] = (
                "not installed (apt-get install prometheus-node-exporter)"
            )
        else:
            addresses[native.NODE] = node_port = free_port(9100)
            command = [node, f"--web.listen-address=127.0.0.1:{node_port}"]
            self._start("node_exporter", lambda log: foreign(command, log))
        folder = stack.wish.data / "prometheus"
        config = native.prometheus_config(
            folder,
            {name: f"127.0.0.1:{number}" for name, number in addresses.items()},
            every=SCRAPE_EVERY,
        )
        self._start(
            "prometheus",
            lambda log: foreign(_prometheus(program, config, folder, port), log),
        )
        self.prometheus = f"http://127.0.0.1:{port}"

    def _start_dashboard(self) -> None:
        for module in ("streamlit", "altair", "pandas"):
            if importlib.util.find_spec(module) is None:
                self.missing["page"] = (
                    f"{module} is not installed (pip install 'winestream[dashboard]')"
                )
                return
        port = free_port(DASHBOARD_PORT)
        variables = {
            EMBEDDED_WAREHOUSE: json.dumps(self._stack.warehouse.connection),
            METRICS_URLS: ",".join(self.metrics.values()),
            BOOTSTRAP: self._stack.broker.bootstrap,
            BREAK_URL: self.control.origin,
        }
        if self.prometheus is not None:
            variables[PROMETHEUS_URL] = self.prometheus
        self._start(
            "dashboard",
            lambda log: ours("dashboard", [f"--port={port}"], variables, log),
        )
        self.dashboard = f"http://127.0.0.1:{port}"


def audit(stack: Stack, port: int, log: Path, every: str) -> Process:
    """Start the audit of a running stack, as compose.yaml's service does."""
    sign_in = stack.warehouse.connection
    names = ("account", "user", "password", "host", "port", "protocol")
    variables = {
        f"WINESTREAM_SNOWFLAKE_{name.upper()}": str(sign_in[name]) for name in names
    }
    variables["WINESTREAM_SNOWFLAKE_DATABASE"] = DATABASE
    command = [
        *_WINESTREAM,
        "audit",
        f"--pipeline={PIPELINE}",
        f"--bootstrap={stack.broker.bootstrap}",
        f"--group={GROUP}",
        f"--every={every}",
        "--freshness",
        f"--metrics-port={port}",
    ]
    return foreign(command, log, variables)


def _prometheus(program: str, config: Path, folder: Path, port: int) -> Sequence[str]:
    return [
        program,
        f"--config.file={config}",
        f"--storage.tsdb.path={folder / 'data'}",
        "--storage.tsdb.retention.time=1d",
        f"--web.listen-address=127.0.0.1:{port}",
        "--log.level=warn",
    ]
