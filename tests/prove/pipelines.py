"""The stage of a proof: one broker, one warehouse, and pipelines side by side."""

import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import attrs
import snowflake.connector
from confluent_kafka import Consumer, TopicPartition
from crew import FailedError, Member, Nursery
from telling import MARKER, Teller, messages
from truth import Judgement, judge

from winestream.local import EmbeddedBroker, EmbeddedWarehouse
from winestream.operations.audit import audit
from winestream.operations.audit_broker import KafkaBroker
from winestream.operations.deploy import deploy, register_tables
from winestream.operations.migrations import packaged_migrations

DATABASE = "PROOF"
TABLES = ("RAW_ORDERS", "RAW_INVENTORY", "RAW_EVENTS")


@attrs.frozen
class Verdict:
    """One pipeline's end: the truth's word, and the audit's findings."""

    pipeline: str
    judgement: Judgement
    findings: tuple[str, ...]
    lags: tuple[int | None, ...]

    @property
    def clean(self) -> bool:
        """Whether nothing at all is off."""
        return self.judgement.exact and not self.findings and not any(self.lags)

    def __str__(self) -> str:
        it = self.judgement
        return (
            f"{self.pipeline}: {it.produced} produced, {len(it.lost)} lost, "
            f"{sum(it.duplicates.values())} twice, {len(it.wrong)} wrong, lag "
            f"{self.lags}, audit {list(self.findings) or 'clean'}; "
            f"{sorted(it.lost)[:3]} {sorted(it.duplicates)[:3]} "
            f"{dict(sorted(it.wrong.items())[:3])}"
        )


@attrs.frozen
class Stage:
    """Where pipelines run. `nursery` makes their consumers."""

    broker: EmbeddedBroker
    warehouse: EmbeddedWarehouse
    nursery: Nursery

    def pipeline(self, name: str, partitions: int = 3, **teller: Any) -> "Pipeline":
        """Make a topic and a pipeline of this name."""
        self.broker.create_topic(name, partitions=partitions)
        with self.connect() as connection:
            register_tables(connection, name, TABLES)
        source = teller.pop("source", None) or messages(name)
        told = Teller(
            self.broker.bootstrap, name, name, partitions, source=source, **teller
        )
        return Pipeline(self, name, told)

    @contextmanager
    def connect(self) -> Iterator[Any]:
        """Open a new session in the proof's database."""
        with closing(
            snowflake.connector.connect(
                **self.warehouse.connection, database=DATABASE, autocommit=True
            )
        ) as connection:
            yield connection


@contextmanager
def stage(folder: Path, **defaults: Any) -> Iterator[Stage]:
    """Start a broker and a deployed warehouse that refuses what is marked."""
    with (
        EmbeddedBroker.start() as broker,
        EmbeddedWarehouse.start(time_factor=0.0) as warehouse,
        Nursery(folder, **defaults) as nursery,
    ):
        built = Stage(broker, warehouse, nursery)
        with closing(
            snowflake.connector.connect(**warehouse.connection, autocommit=True)
        ) as connection:
            connection.cursor().execute(f"CREATE DATABASE {DATABASE}")
            connection.cursor().execute(f"USE DATABASE {DATABASE}")
            # RAW and OPS alone: nobody reads here, and streams would cost every COMMIT.
            deploy(connection, migrations=packaged_migrations())
        for table in TABLES:
            warehouse.refuse(table=table, column="EVENT_ID", containing=MARKER)
        yield built


@attrs.define
class Pipeline:
    """A topic with its producer and its consumers' settings."""

    stage: Stage
    name: str
    teller: Teller

    def start(self, **told: Any) -> Member:
        """Start a consumer of this pipeline."""
        settings = {
            "topics": [self.name],
            "group": self.name,
            "pipeline": self.name,
            "bootstrap": self.stage.broker.bootstrap,
            "connection": self.stage.warehouse.connection,
            "database": DATABASE,
        }
        return self.stage.nursery.start(**settings | told)

    @contextmanager
    def producing(self) -> Iterator[None]:
        """Let the producer go on in a thread meanwhile."""
        stop = threading.Event()
        thread = threading.Thread(target=self.teller.tell_until, args=[stop])
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join(90)

    def finish(self, seconds: float = 180, **told: Any) -> None:
        """Let one more consumer go on until Kafka is told of everything; stop it.

        Not `until_caught_up`: a dead member's partitions may come to it late.
        """
        member = self.start(**told)
        self.wait_until_told(member, seconds)
        self.stop(member)

    def wait_until_told(self, member: Member, seconds: float = 180) -> None:
        """Wait until Kafka is told of everything."""
        ends = Counter(partition for _, partition, _ in self.teller.truth.places)
        give_up = time.monotonic() + seconds
        while self.committed() != ends:
            if member.over.is_set() or time.monotonic() > give_up:
                at = f"{self.committed()} of {dict(ends)}"
                raise FailedError(f"{self.name} came to {at}: {member.said}")
            time.sleep(0.1)

    def stop(self, member: Member) -> None:
        """Stop a consumer gracefully."""
        member.signal(signal.SIGTERM)
        if member.wait():
            raise FailedError(f"the last consumer of {self.name}: {member.said}")

    def committed(self) -> dict[int, int]:
        """Return the positions that Kafka was told, by partition."""
        settings = {
            "bootstrap.servers": self.stage.broker.bootstrap,
            "group.id": self.name,
            "log_level": 2,
        }
        partitions = range(self.teller.partitions)
        asking = Consumer(settings)
        try:
            names = [TopicPartition(self.name, number) for number in partitions]
            found = asking.committed(names, timeout=20)
        finally:
            asking.close()
        return {part.partition: part.offset for part in found if part.offset >= 0}

    def verdict(self) -> Verdict:
        """Ask the warehouse, in new sessions, and the audit."""
        self.teller.close()
        if self.teller.failed:
            raise FailedError(
                f"{self.name} could not be produced: {self.teller.failed}"
            )
        with (
            self.stage.connect() as connection,
            KafkaBroker(self.stage.broker.bootstrap, self.name) as broker,
        ):
            judgement = judge(connection, self.teller.truth)
            report = audit(connection, self.name, broker=broker)
        if report.not_made:
            raise FailedError(f"checks that were not made: {report.not_made}")
        return Verdict(
            pipeline=self.name,
            judgement=judgement,
            findings=tuple(map(str, report.findings)),
            lags=tuple(part.lag for part in report.partitions),
        )
