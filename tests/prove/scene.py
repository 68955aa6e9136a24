"""One cell of the table of errors: a sink brought into a phase, and struck there.

The sink runs here, genuine clients on both ends, and a gate before the ledger's
statement keeps a write under way for as long as a phase is wanted. A cell counts once
the broker has answered with the error while the phase lasted; then the pipeline has to
come to the end of its log as if nothing had been.
"""

import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import attrs
import errors as table
from crew import DEFAULTS, FailedError
from errors import Cell
from member import sink_of
from pipelines import DATABASE, Stage
from truth import Truth

from winestream.errors import AbandonedError, FatalSourceError
from winestream.local import EmbeddedBroker
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
            newcomer = self.join()
            self.push()  # not before, or a heartbeat of quieter days may be hit
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
