"""The processes of a demo: started in order, kept running, stopped in order."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import IO, Any, Final, Self

import attrs
import snowflake.connector

from full_stack.books import Books
from full_stack.child import CHILD
from full_stack.poison import MARKER
from full_stack.verdict import landed_by_table
from full_stack.wiring import (
    BOOTSTRAP,
    BROKER_PORT,
    CONSUMER_PORT,
    DATABASE,
    GROUP,
    METRICS_PORT,
    PIPELINE,
    PRODUCER_PORT,
    TOPICS,
    routes,
)
from winestream.local import EmbeddedBroker, EmbeddedWarehouse, TaskRun
from winestream.local.broker_metrics import BrokerMetrics
from winestream.operations.deploy import deploy, register_tables

STOP_SECONDS: Final = 45
"""A consumer's own stop takes at most 30 s; then a margin."""

TIME_FACTOR: Final = 15.0
"""For tasks a minute passes in four seconds: loads every two, KPIs every twenty."""

DRAIN: Final = timedelta(minutes=5)
"""A bound on what the tasks may need once everything has landed."""


@attrs.frozen
class Wish:
    """What the user asked for."""

    events: int
    rate: float
    seed: int
    poison: float
    data: Path
    live: bool


class Process:
    """A child of ours, with its output in a file and its input a pipe of ours."""

    def __init__(
        self, module: str, arguments: list[str], environment: dict[str, str], log: Path
    ) -> None:
        self.module = module
        self._command = [sys.executable, "-m", module, *arguments]
        self._environment = environment
        self._log = log
        self.lines: list[str] = []
        self._start()

    def _start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 — our own module
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env=self._environment,
                # A Ctrl-C in the terminal is for the demo, which stops in order.
                start_new_session=True,
            )
        self._reader = threading.Thread(
            target=self._read, args=(self._process.stdout,), daemon=True
        )
        self._reader.start()

    def _read(self, stream: IO[str]) -> None:
        self.lines.extend(line.strip() for line in stream)

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """How it ended; None while it runs."""
        return self._process.poll()

    def tell(self, line: str) -> None:
        """Write a line to its pipe."""
        with suppress(OSError, ValueError):
            if self._process.stdin:
                self._process.stdin.write(line + "\n")
                self._process.stdin.flush()

    def restart(self) -> None:
        """Start it again, as `restart: unless-stopped` would."""
        self._close()
        self._start()

    def stop(self) -> int:
        """SIGTERM, wait, and SIGKILL only if that takes too long."""
        with suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
        return self._close()

    def _close(self) -> int:
        code = self._process.wait()
        self._reader.join(1)
        for pipe in (self._process.stdin, self._process.stdout):
            with suppress(OSError):
                if pipe:
                    pipe.close()
        return code


class Stack:
    """Broker, warehouse, consumer, producer; a context manager.

    Start: broker and warehouse, deploy, consumer, producer. Stop: consumer, producer,
    broker and warehouse. What crashes in between is started again.
    """

    def __init__(self, wish: Wish) -> None:
        self.wish = wish
        self.restarts = 0
        self._landed: Mapping[str, int] = {}
        self._logs = wish.data / "logs"
        self._logs.mkdir(parents=True, exist_ok=True)
        self.broker = EmbeddedBroker.start(TOPICS)
        try:
            self.warehouse = EmbeddedWarehouse.start(wish.data, time_factor=TIME_FACTOR)
            self._deploy()
            if wish.poison:
                for table in ("RAW_ORDERS", "RAW_INVENTORY"):
                    self.warehouse.refuse(
                        table=table, column="EVENT_ID", containing=MARKER
                    )
            self.consumer_port = free_port(CONSUMER_PORT)
            self.producer_port = free_port(PRODUCER_PORT)
            self.consumer = self._consumer()
            self.producer = self._producer()
            self.broker_metrics = BrokerMetrics.start(
                self.broker.bootstrap, groups=[GROUP], port=free_port(BROKER_PORT)
            )
        except BaseException:
            self._stop_servers()
            raise

    def connect(self) -> Any:  # noqa: ANN401 — the vendor's connection
        """Open a new session with the warehouse, as an auditor would."""
        return snowflake.connector.connect(
            **self.warehouse.connection,
            database=DATABASE,
            paramstyle="qmark",
            login_timeout=5,  # it may have been killed a moment ago
        )

    def supervise(self) -> None:
        """Start again what has crashed; only the broker takes its log with it."""
        if not self.broker.alive:
            raise RuntimeError("the embedded broker ended, and its log with it")
        if not self.warehouse.alive:
            self.warehouse.restart()
            self.restarts += 1
        if self.consumer.exit_code is not None:
            self.consumer.restart()
            self.restarts += 1

    def landed(self) -> Mapping[str, int]:
        """Count this run's rows by table; the last known while nobody answers."""
        try:
            with self.connect() as connection:
                self._landed = landed_by_table(connection, self.broker.cluster_id)
        except Exception:  # noqa: BLE001, S110 — it may be restarting just now
            pass
        return self._landed

    def acknowledged(self) -> Mapping[tuple[str, int], int] | None:
        """Return what the broker acknowledged by partition, once the story is told."""
        report = self._report()
        if report is None:
            return None
        return {
            (topic, number): count for topic, number, count in report["acknowledged"]
        }

    def broken(self) -> Mapping[str, int]:
        """Return how many messages were published broken, by reason."""
        report = self._report()
        return {} if report is None else report["broken"]

    def books(self) -> Books:
        """Return what the sound messages of this run are worth, by the producer."""
        report = self._report()
        return Books() if report is None else Books.from_json(report)

    def run_tasks(self) -> tuple[TaskRun, ...]:
        """Let the warehouse's tasks work until they have nothing left to do."""
        return self.warehouse.run_tasks_until_idle(DRAIN)

    def close(self) -> None:
        """Stop in order: what is being read is written before its source goes."""
        try:
            for name in ("consumer", "producer"):
                process = getattr(self, name, None)
                if process is not None:
                    process.stop()
        finally:
            self._stop_servers()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -------------------------------------------------------------------- privately

    def _report(self) -> dict[str, Any] | None:
        lines = self.producer.lines
        if lines:
            report: dict[str, Any] = json.loads(lines[-1])
            return report
        if self.producer.exit_code is not None:
            raise RuntimeError(f"the producer ended early, see {self._logs}")
        return None

    def _deploy(self) -> None:
        with snowflake.connector.connect(**self.warehouse.connection) as connection:
            cursor = connection.cursor()
            cursor.execute(f"CREATE DATABASE IF NOT EXISTS {DATABASE}")
            cursor.execute(f"USE DATABASE {DATABASE}")
            deploy(connection)
            register_tables(connection, PIPELINE, routes().tables)

    def _consumer(self) -> Process:
        connection = json.dumps(self.warehouse.connection)
        return self._start(
            "consumer",
            [],
            {
                METRICS_PORT: str(self.consumer_port),
                "WINESTREAM_EMBEDDED_WAREHOUSE": connection,
                "WINESTREAM_ON_NEW_LOG": "start",
            },
        )

    def _producer(self) -> Process:
        wish = self.wish
        arguments = [
            f"--events={wish.events}",
            f"--rate={wish.rate}",
            f"--seed={wish.seed}",
            f"--poison={wish.poison}",
            "--windowed",
            *(["--live"] if wish.live else []),
        ]
        return self._start(
            "producer", arguments, {METRICS_PORT: str(self.producer_port)}
        )

    def _start(
        self, name: str, arguments: list[str], variables: dict[str, str]
    ) -> Process:
        examples = str(Path(__file__).parent.parent)
        path = os.pathsep.join(filter(None, [examples, os.environ.get("PYTHONPATH")]))
        environment = {
            **os.environ,
            **variables,
            BOOTSTRAP: self.broker.bootstrap,
            CHILD: "1",
            "PYTHONPATH": path,
        }
        return Process(
            f"full_stack.{name}", arguments, environment, self._logs / f"{name}.log"
        )

    def _stop_servers(self) -> None:
        if hasattr(self, "broker_metrics"):
            self.broker_metrics.close()
        if hasattr(self, "warehouse"):
            self.warehouse.close()
        self.broker.close()


def free_port(wanted: int) -> int:
    """Return `wanted` if nobody listens there, else any free port of loopback."""
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", wanted))
        except OSError:
            probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
