"""The processes of a demo: started in order, kept running, stopped in order."""

import json
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, Self

import attrs
import snowflake.connector
from confluent_kafka.admin import AdminClient

from full_stack.books import Books
from full_stack.breaking import Breaker, Events, Target
from full_stack.poison import MARKER
from full_stack.ports import free_port
from full_stack.process import Process, ours
from full_stack.progress import scrape
from full_stack.verdict import landed_by_table
from full_stack.wiring import (
    BOOTSTRAP,
    BROKER_PORT,
    CONSUMER_PORT,
    DATABASE,
    EMBEDDED_WAREHOUSE,
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

TIME_FACTOR: Final = 15.0
"""For tasks a minute passes in four seconds: loads every two, KPIs every twenty."""

DRAIN: Final = timedelta(minutes=5)
"""A bound on what the tasks may need once everything has landed."""

LOOK_SECONDS: Final = 2.0

BROKER_DOWN_SECONDS: Final = 10.0
"""Longer than SESSION: the group forgets the consumer, which has to join again."""


@attrs.frozen
class Wish:
    """What the user asked for."""

    events: int
    rate: float
    seed: int
    poison: float
    data: Path
    live: bool


class Stack:
    """Broker, warehouse, consumer, producer; a context manager.

    Start: broker and warehouse, deploy, consumer, producer. Stop: consumer, producer,
    broker and warehouse. What crashes in between is started again.
    """

    def __init__(self, wish: Wish) -> None:
        self.wish = wish
        self.restarts = 0
        self._landed: Mapping[str, int] = {}
        self.logs = wish.data / "logs"
        self.logs.mkdir(parents=True, exist_ok=True)
        self.events = Events()
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
            self.breaker = Breaker(self._targets(), self._landed_rows, self.events)
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
            self._restarted("warehouse")
        if self.consumer.exit_code is not None:
            self.consumer.restart()
            self._restarted("consumer")

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
            if hasattr(self, "breaker"):
                self.breaker.close()
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
            raise RuntimeError(f"the producer ended early, see {self.logs}")
        return None

    def _deploy(self) -> None:
        with snowflake.connector.connect(**self.warehouse.connection) as connection:
            cursor = connection.cursor()
            cursor.execute(f"CREATE DATABASE IF NOT EXISTS {DATABASE}")
            cursor.execute(f"USE DATABASE {DATABASE}")
            deploy(connection)
            register_tables(connection, PIPELINE, routes().tables)

    def _consumer(self) -> Process:
        return self._start(
            "consumer",
            [],
            {
                METRICS_PORT: str(self.consumer_port),
                EMBEDDED_WAREHOUSE: json.dumps(self.warehouse.connection),
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
        variables = {**variables, BOOTSTRAP: self.broker.bootstrap}
        return ours(name, arguments, variables, self.logs / f"{name}.log")

    def _restarted(self, name: str) -> None:
        self.restarts += 1
        self.events.note(f"the {name} had ended and was started again")

    # ------------------------------------------------------------------ to break it

    def _targets(self) -> Mapping[str, Target]:
        # The consumer and the warehouse come back because `supervise` starts them.
        return {
            "consumer": Target(
                broken="the consumer is killed (SIGKILL)",
                back="the consumer has its partitions again",
                breaks=self.consumer.kill,
                works=self._consumer_reads,
            ),
            "warehouse": Target(
                broken="the warehouse is killed (SIGKILL)",
                back="the warehouse answers again",
                breaks=self.warehouse.kill,
                works=self._warehouse_answers,
            ),
            "broker": Target(
                broken="the broker drops every connection and accepts none",
                back="the broker answers again",
                breaks=self.broker.down,
                works=self._broker_answers,
                mend=self.broker.up,
                lasts=BROKER_DOWN_SECONDS,
            ),
        }

    def _consumer_reads(self) -> bool:
        return any(
            name == "partitions_assigned" and value > 0
            for name, _, value in scrape(self.consumer_port)
        )

    def _warehouse_answers(self) -> bool:
        with self.connect() as connection:
            connection.cursor().execute("SELECT 1")
        return True

    def _broker_answers(self) -> bool:
        client = AdminClient(
            {"bootstrap.servers": self.broker.bootstrap, "log_level": 0}
        )
        return bool(client.list_topics(timeout=LOOK_SECONDS).topics)

    def _landed_rows(self) -> int:
        return sum(self.landed().values())

    def _stop_servers(self) -> None:
        if hasattr(self, "broker_metrics"):
            self.broker_metrics.close()
        if hasattr(self, "warehouse"):
            self.warehouse.close()
        self.broker.close()
