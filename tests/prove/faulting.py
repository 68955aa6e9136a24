"""Each error of the broker in each phase of a sink's life, one sink for each.

The sinks run here, genuine clients on both ends, and a gate before the ledger's
statement keeps a write under way for as long as a phase is wanted. A cell of the table
counts once the broker has answered with the error while the phase lasted; then the
pipeline has to come to the end of its log as if nothing had been.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from itertools import count
from pathlib import Path
from typing import Any

import attrs
import errors as table
from crew import DEFAULTS, FailedError
from errors import Cell
from killing import Outcome
from member import sink_of
from pipelines import DATABASE, TABLES, Stage, Verdict, stage
from telling import Teller, messages
from timing import say_now_and_then
from truth import Truth, judge

from winestream.errors import AbandonedError, FatalSourceError
from winestream.local import EmbeddedBroker
from winestream.operations.audit import audit
from winestream.operations.audit_broker import KafkaBroker
from winestream.operations.deploy import register_tables
from winestream.records import LogPartition
from winestream.sink import BatchingSink

ROWS = 20
SLICES = 5
"""Full ones, before half of one that waits for company."""
PARTITIONS = 2
PATIENCE = 40.0
TURN_SECONDS = 0.02
COMMIT_SECONDS = 0.5
"""A commit that was sent has long come to a broker on this machine by then."""
SETTLED_SECONDS = 10.0
ATTEMPTS = 4
"""Rebalances until the error must have come: some requests are not made in each."""


@attrs.define
class Gate:
    """A diary in memory whose writer waits before the ledger's statement."""

    lines: list[str] = attrs.field(factory=list)
    passing: int = 10**6
    """So many writes may still pass."""
    waiting: bool = False
    open: threading.Event = attrs.field(factory=threading.Event)

    def note(self, *words: object) -> None:
        """Note it, and wait where a write must wait."""
        line = " ".join(map(str, words))
        self.lines.append(line)
        if line == "> ledger":
            if self.passing <= 0:
                self.waiting = True
                self.open.wait(PATIENCE)
                self.open.clear()
                self.waiting = False
            self.passing -= 1

    def let(self, passing: int = 10**6) -> None:
        """Let this many writes pass, the waiting one included."""
        self.passing = passing
        if self.waiting:
            self.open.set()

    @property
    def written(self) -> int:
        """How many slices landed."""
        return sum(line.startswith("slicewritten") for line in self.lines)


def messages_for(cell: Cell) -> int:
    """Return how many messages a cell's topic has.

    With a slice and a half there is room while the first is written, so that Kafka is
    read on; where commits are to be refused, several slices have to follow each other.
    """
    if cell.phase == table.WRITING and cell.api != table.OFFSET_COMMIT:
        return ROWS + ROWS // 2
    return SLICES * ROWS + ROWS // 2


@attrs.define
class Scene:
    """One cell's topic, its sinks and the broker that fails them."""

    cell: Cell
    broker: EmbeddedBroker
    stage: Stage
    pipeline: str
    topic: str
    truth: Truth
    sinks: list[tuple[BatchingSink, Gate]] = attrs.field(factory=list)

    def join(self, *, linger: float = 60.0, passing: int = 10**6) -> Gate:
        """Open one more sink of this group."""
        gate = Gate(passing=passing)
        told: Mapping[str, Any] = DEFAULTS | {
            "topics": [self.topic],
            "group": self.topic,
            "pipeline": self.pipeline,
            "bootstrap": self.broker.bootstrap,
            "connection": self.stage.warehouse.connection,
            "database": DATABASE,
            "protocol": self.cell.protocol,
            "session_timeout": 1.0 if self.cell.protocol == "classic" else None,
            "max_rows": ROWS,
            "linger": linger,
        }
        sink = sink_of(dict(told), gate.note)
        sink.open()
        self.sinks.append((sink, gate))
        return gate

    def until(self, wanted: Callable[[], object], what: str) -> None:
        """Let every sink take turns until it is so."""
        give_up = time.monotonic() + PATIENCE
        while not wanted():
            for sink, _ in self.sinks:
                sink.step(TURN_SECONDS)
            if time.monotonic() > give_up:
                raise FailedError(f"{self.cell}: no sign of {what}: {self._said}")

    def push(self) -> None:
        """Have the broker answer with the error, and with what provokes it."""
        self.broker.fail(self.cell.api, self.cell.code)
        if self.cell.provoked_by is not None:
            self.broker.fail(*self.cell.provoked_by)

    @property
    def _said(self) -> list[list[str]]:
        dull = "progress", "<"
        return [
            [line for line in gate.lines if not line.startswith(dull)][-25:]
            for _, gate in self.sinks
        ]

    @property
    def struck(self) -> bool:
        """Whether the broker has answered with the error."""
        return self.broker.failures_answered(self.cell.api) > 0

    def leave(self) -> None:
        """Close every sink; what it abandons is read again."""
        while self.sinks:
            sink, gate = self.sinks.pop()
            gate.let()
            with suppress(AbandonedError):
                sink.close()

    def play(self) -> None:
        """Strike in the phase, then come to the end."""
        phases = {
            table.ASSIGNING: self._assigning,
            table.FILLING: self._filling,
            table.WRITING: self._writing,
            table.REBALANCING: self._rebalancing,
            table.STOPPING: self._stopping,
        }
        try:
            phases[self.cell.phase]()
            if not self.struck:
                raise FailedError(f"{self.cell}: it was not answered")
            self.leave()
            self._forgive()
            self.join(linger=0.1)
            self.until(self._at_the_end, "the end of the log")
        except FatalSourceError as error:
            raise FailedError(f"{self.cell}: {error}") from error
        finally:
            self.leave()
            self._forgive()

    def _forgive(self) -> None:
        for api in table.NAMES:
            self.broker.clear_failures(api)

    def _at_the_end(self) -> bool:
        parts = self.sinks[0][0].snapshot.partitions.values()
        return len(parts) == PARTITIONS and all(part.lag == 0 for part in parts)

    # ---------------------------------------------------------------------- phases

    def _full(self, *, passing: int) -> Gate:
        """Go on until the next write waits, and what follows it is full."""
        gate = self.join(passing=passing)
        self.until(lambda: gate.waiting, "a write under way")
        return gate

    def _assigning(self) -> None:
        self.push()
        gate = self.join()
        self.until(lambda: gate.written and self.struck, "a slice after the error")

    def _filling(self) -> None:
        if self.cell.api == table.OFFSET_COMMIT:  # what the slice before is told
            gate = self._full(passing=2)
            self.push()
            gate.let()
        else:
            gate = self.join()
            self.until(lambda: gate.written >= SLICES, "the slices written")
            self.push()
        self.until(lambda: self.struck, "the error")

    def _writing(self) -> None:
        commits = self.cell.api == table.OFFSET_COMMIT
        gate = self._full(passing=1 if commits else 0)
        self.push()
        if commits:
            self._commit_while_writing(gate)
        self.until(lambda: self.struck, "the error")
        if not gate.waiting:
            raise FailedError(f"{self.cell}: the write was over")

    def _commit_while_writing(self, gate: Gate) -> None:
        """Let slices pass until one has confirmed what was written before it."""
        for number in range(2, SLICES):
            gate.let(1)
            self.until(
                lambda it=number: gate.written >= it and gate.waiting, "the next write"
            )
            settled = time.monotonic() + COMMIT_SECONDS
            self.until(lambda it=settled: time.monotonic() > it or self.struck, "time")
            if self.struck:
                return

    def _rebalancing(self) -> None:
        gate = self.join()
        self.until(lambda: gate.written >= SLICES, "the slices written")
        for _ in range(ATTEMPTS):
            self.push()
            newcomer = self.join()
            settled = time.monotonic() + SETTLED_SECONDS
            self.until(
                lambda it=newcomer, at=settled: (
                    self.struck or _has_a_share(it) or time.monotonic() > at
                ),
                "a rebalance",
            )
            if self.struck:
                return
            self._send_away()

    def _send_away(self) -> None:
        sink, _ = self.sinks.pop()
        with suppress(AbandonedError):
            sink.close()

    def _stopping(self) -> None:
        gate = self._full(passing=2)
        sink, _ = self.sinks[0]
        sink.stop()
        sink.step(TURN_SECONDS)
        self.push()
        if self.cell.api not in (table.OFFSET_COMMIT, table.LEAVE):
            self.until(lambda: self.struck, "the error")
        gate.let()
        self.leave()


def _has_a_share(gate: Gate) -> bool:
    return any(line.startswith("assigned") for line in gate.lines)


def fault(folder: Path, cells: Sequence[Cell], *, workers: int = 3) -> Outcome:
    """Play every cell, each worker with a broker of its own; judge all of it."""
    began = time.monotonic()
    kinds: Counter[str] = Counter()
    waiting, lock = iter(cells), threading.Lock()

    def taken() -> Cell | None:
        with lock:
            return next(waiting, None)

    with stage(folder) as built, ThreadPoolExecutor(workers) as pool:
        going = [
            pool.submit(_work, built, f"faults-{number}", taken)
            for number in range(workers)
        ]
        ended = [done.result() for done in going]
    failures = [failure for _, _, failed in ended for failure in failed]
    if failures:
        raise FailedError("\n".join(failures))
    for struck, _, _ in ended:
        kinds += struck
    return Outcome(kinds, [v for _, v, _ in ended], time.monotonic() - began)


def _work(
    built: Stage, pipeline: str, taken: Callable[[], Cell | None]
) -> tuple[Counter[str], Verdict, list[str]]:
    kinds: Counter[str] = Counter()
    failures = []
    truth, numbers = Truth(), count()
    with built.connect() as connection:
        register_tables(connection, pipeline, TABLES)
    with ExitStack() as stack:
        broker = stack.enter_context(EmbeddedBroker.start())
        while (cell := taken()) is not None:
            topic = f"{pipeline}-{next(numbers)}"
            broker.create_topic(topic, partitions=PARTITIONS)
            teller = Teller(
                broker.bootstrap, topic, topic, PARTITIONS, messages(topic), truth=truth
            )
            teller.tell(messages_for(cell))
            teller.close()
            try:
                Scene(cell, broker, built, pipeline, topic, truth).play()
            except FailedError as error:
                failures.append(str(error))
            else:
                kinds[str(cell)] += 1
            say_now_and_then(pipeline, f"{kinds.total()} errors sat through")
        with built.connect() as connection:
            judgement = judge(connection, truth)
            report = audit(connection, pipeline, broker=_Groups(broker.bootstrap))
    lags = tuple(part.lag for part in report.partitions)
    findings = tuple(map(str, report.findings))
    return kinds, Verdict(pipeline, judgement, findings, lags), failures


@attrs.frozen
class _Groups:
    """What an audit asks of Kafka, where each topic has a group of its own."""

    bootstrap: str

    def committed(self, logs: Iterable[LogPartition]) -> Mapping[LogPartition, int]:
        found: dict[LogPartition, int] = {}
        wanted = list(logs)
        for topic in {log.topic for log in wanted}:
            with KafkaBroker(self.bootstrap, topic) as broker:
                found |= broker.committed(log for log in wanted if log.topic == topic)
        return found

    def ends(
        self, logs: Iterable[LogPartition]
    ) -> Mapping[LogPartition, tuple[int, int]]:
        with KafkaBroker(self.bootstrap, "nobody") as broker:
            return broker.ends(logs)
