"""A sink whose writer keeps no cursors: Kafka's commit is the truth."""

import threading
import time
from collections.abc import Callable, Mapping
from datetime import timedelta

import attrs
import pytest
from plain_writers import PlainWorld, PlainWriter

from winestream.codec import Routes
from winestream.core import BatchPolicy, RetryPolicy
from winestream.errors import AbandonedError, FatalWriteError, FencedError
from winestream.events import Event
from winestream.ports import CommitResult, CursorStore
from winestream.records import Guarantee, LogPartition, Slice
from winestream.sink import BatchingSink
from winestream.telemetry import KafkaCommitted, SinkOpened, Telemetry
from winestream.testing import (
    Fault,
    FaultPlan,
    MemoryMessage,
    MemorySource,
    MemoryWarehouse,
)
from winestream.testing.contract import WriterContract, WriterWorld

P0, P1 = (LogPartition("cluster", "log", "corks", n) for n in range(2))
COUNT = 60
BEGINNING = {P0: 0, P1: 0}
"""Where the sink begins is told to Kafka as well, in passing."""

SOON = timedelta(milliseconds=20)


@attrs.frozen(kw_only=True)
class CorkReturned(Event):
    wine_id: str


ROUTES = Routes({CorkReturned: "RAW_CORKS"})


class TestPlainWriter(WriterContract):
    @pytest.fixture
    def world(self) -> WriterWorld:
        return PlainWorld()


class RefusingSource(MemorySource):
    """A log whose group coordinator refuses what `refuse` picks, and remembers."""

    def __init__(
        self, log: Mapping[LogPartition, list[MemoryMessage]], **settings: object
    ) -> None:
        super().__init__(log, **settings)  # type: ignore[arg-type]
        self.refuse: Callable[[LogPartition], bool] = lambda _: False
        self.gone = False
        self.asked: list[tuple[Mapping[LogPartition, int], bool]] = []

    def commit(
        self, positions: Mapping[LogPartition, int], *, wait: bool
    ) -> CommitResult | None:
        self.asked.append((dict(positions), wait))
        refused = {p for p in positions if self.refuse(p)}
        good = {p: at for p, at in positions.items() if p not in refused}
        answer = super().commit(good, wait=True)
        assert answer is not None
        errors = dict.fromkeys(refused, "COORDINATOR_LOAD_IN_PROGRESS")
        gone = frozenset(refused if self.gone else ())
        result = CommitResult(dict(positions), {**answer.errors, **errors}, gone)
        if wait:
            return result
        self._answers.append(result)
        return None


def source_of(*partitions: LogPartition, start: int = 0) -> RefusingSource:
    """Return a log of well-formed messages with a broken one in ten."""
    value = ROUTES.encode(CorkReturned(wine_id="pomerol"))
    messages = [
        MemoryMessage(n, b"{" if n % 10 == 9 else value) for n in range(start, COUNT)
    ]
    return RefusingSource({p: list(messages) for p in partitions})


def sink_of(
    source: MemorySource,
    writer: PlainWriter,
    told: list[Telemetry] | None = None,
    **others: object,
) -> BatchingSink:
    """Return a sink with small slices and quick retries."""
    settings: dict[str, object] = {
        "batch": BatchPolicy(max_rows=7, linger=SOON),
        "retry": RetryPolicy(first=timedelta(milliseconds=1), outage_cap=SOON),
        "hooks": [] if told is None else [told.append],
    }
    return BatchingSink(
        source,
        ROUTES,
        writer,
        pipeline="corks",
        **{**settings, **others},  # type: ignore[arg-type]
    )


def waits(source: RefusingSource) -> list[bool]:
    """Return, for each commit of something written, whether it was synchronous."""
    return [wait for positions, wait in source.asked if any(positions.values())]


def test_guarantee_is_derived_and_told() -> None:
    """Without cursors the sink promises at least once, and says so at its start."""
    told: list[Telemetry] = []
    writer = PlainWriter(MemoryWarehouse())
    assert not isinstance(writer, CursorStore)
    sink = sink_of(source_of(P0), writer, told)
    assert sink.guarantee is Guarantee.AT_LEAST_ONCE
    sink.run(until_caught_up=True, signals=False)
    opened = next(value for value in told if isinstance(value, SinkOpened))
    assert opened.guarantee == "at-least-once"


def test_all_lands_and_is_committed() -> None:
    """In fair weather everything lands once and Kafka knows both positions."""
    warehouse, source = MemoryWarehouse(), source_of(P0, P1)
    sink_of(source, PlainWriter(warehouse)).run(until_caught_up=True, signals=False)
    for partition in (P0, P1):
        assert warehouse.covered(partition) == list(range(COUNT))
    assert source.commits == {P0: COUNT, P1: COUNT}


def test_goes_on_at_the_committed_position() -> None:
    """The next start reads from Kafka's commit, not from the start policy."""
    warehouse, source = MemoryWarehouse(), source_of(P0)
    source.commits[P0] = 40
    sink_of(source, PlainWriter(warehouse)).run(until_caught_up=True, signals=False)
    assert warehouse.covered(P0) == list(range(40, COUNT))


def test_never_committed_before_it_is_written() -> None:
    """At any time a committed position lies behind rows that are there."""
    warehouse = MemoryWarehouse()
    source = source_of(P0, P1)

    def behind(partition: LogPartition) -> bool:
        positions = source.asked[-1][0]
        there = set(warehouse.covered(partition))
        assert there >= set(range(positions[partition]))
        return False

    source.refuse = behind
    sink_of(source, PlainWriter(warehouse, FaultPlan.fail(3))).run(
        until_caught_up=True, signals=False
    )
    assert source.commits == {P0: COUNT, P1: COUNT}


def test_refused_commit_is_asked_again() -> None:
    """A refusal counts for its partition only, which is asked again until it takes."""
    warehouse, source = MemoryWarehouse(), source_of(P0, P1)
    told: list[Telemetry] = []
    refusals = iter([True] * 2)
    source.refuse = lambda partition: partition == P1 and next(refusals, False)
    sink_of(source, PlainWriter(warehouse), told).run(
        until_caught_up=True, signals=False
    )
    assert source.commits == {P0: COUNT, P1: COUNT}
    committed = [value for value in told if isinstance(value, KafkaCommitted)]
    assert any(P0 in c.positions and set(c.errors) == {P1} for c in committed)


def test_stop_awaits_its_commits() -> None:
    """A stop is not done before Kafka has answered, and polls for the answer."""
    source = source_of(P0, P1)
    warehouse = MemoryWarehouse()
    with sink_of(source, PlainWriter(warehouse), batch=BatchPolicy()) as sink:
        while not sink.snapshot.all_read:
            sink.step(0.05)
        assert source.commits == BEGINNING
        sink.stop()
        while sink.step(0.05):
            pass
    assert source.commits == {P0: COUNT, P1: COUNT}
    assert waits(source) == [False]


def test_a_writer_that_is_fenced_without_cursors() -> None:
    """Nothing can be claimed anew, so it is told that it may not say so."""

    class Fenced(PlainWriter):
        def write(self, piece: Slice, epochs: Mapping[LogPartition, int]) -> None:
            assert set(epochs.values()) == {0}
            raise FencedError(piece.ranges)

    with pytest.raises(FatalWriteError, match="keeps no cursors"):
        sink_of(source_of(P0), Fenced(MemoryWarehouse())).run(signals=False)


def test_stop_that_cannot_commit() -> None:
    """What Kafka refuses until the deadline is told, and read again at a start."""
    source, told = source_of(P0), list[Telemetry]()
    source.refuse = lambda _: True
    warehouse = MemoryWarehouse()
    soon = timedelta(milliseconds=200)
    sink_of(source, PlainWriter(warehouse), told, stop_within=soon).run(
        until_caught_up=True, signals=False
    )
    assert source.commits == {}
    answers = [value for value in told if isinstance(value, KafkaCommitted)]
    assert answers[-1].errors.keys() == {P0}
    sink_of(source_of(P0), PlainWriter(warehouse)).run(
        until_caught_up=True, signals=False
    )
    assert warehouse.covered(P0) == sorted([*range(COUNT), *range(COUNT)])


def test_revocation_awaits_write_and_commit() -> None:
    """What leaves is written and committed, synchronously, before it is gone."""
    source, warehouse = source_of(P0, P1), MemoryWarehouse()
    sink = sink_of(source, PlainWriter(warehouse), batch=BatchPolicy())
    with sink:
        while not sink.snapshot.all_read:
            sink.step(0.05)
        source.revoke(P1)
        while P1 in sink.snapshot.partitions:
            sink.step(0.05)
        assert source.commits[P1] == COUNT
        assert waits(source) == [True]
        assert warehouse.covered(P1) == list(range(COUNT))
    assert warehouse.covered(P0) == list(range(COUNT))


def test_refused_commit_of_a_revocation_is_asked_again() -> None:
    """While a partition is ours a refused commit is repeated, within the drain."""
    source, warehouse = source_of(P0), MemoryWarehouse()
    refusals = iter([True])
    source.refuse = lambda p: source.asked[-1][0][p] > 0 and next(refusals, False)
    with sink_of(source, PlainWriter(warehouse), batch=BatchPolicy()) as sink:
        while not sink.snapshot.all_read:
            sink.step(0.05)
        source.revoke(P0)
        while P0 in sink.snapshot.partitions:
            sink.step(0.05)
    assert source.commits == {P0: COUNT}
    assert waits(source) == [True, True]


def test_revocation_does_not_outlast_the_membership() -> None:
    """Once the group has gone on, the drain ends, and the rest is read again."""
    source, warehouse = source_of(P0), MemoryWarehouse()
    with sink_of(source, PlainWriter(warehouse), batch=BatchPolicy()) as sink:
        while not sink.snapshot.all_read:
            sink.step(0.05)
        source.refuse, source.gone = (lambda _: True), True
        source.revoke(P0)
        while P0 in sink.snapshot.partitions:
            sink.step(0.05)
    assert source.commits == {P0: 0}
    assert waits(source) == [True]


def test_unknown_outcome_is_just_retried() -> None:
    """A lost answer means: write it again. Nothing is lost, something is doubled."""
    warehouse, source = MemoryWarehouse(), source_of(P0)
    writer = PlainWriter(warehouse, FaultPlan.of(Fault.NONE, Fault.ANSWER_LOST))
    sink_of(source, writer).run(until_caught_up=True, signals=False)
    covered = warehouse.covered(P0)
    assert set(covered) == set(range(COUNT))
    assert len(covered) > COUNT
    assert source.commits == {P0: COUNT}


def _stop_in_outage(sink: BatchingSink) -> None:
    while sink.snapshot.state != "outage":
        time.sleep(0.01)
    sink.stop()


def test_abandoned_is_read_again() -> None:
    """What a stop abandoned in an outage is not committed; the next start has it."""
    warehouse, source = MemoryWarehouse(), source_of(P0)
    down = PlainWriter(warehouse, FaultPlan.fail(1_000_000))
    sink = sink_of(source, down, stop_within=timedelta(milliseconds=100))
    stopper = threading.Thread(target=_stop_in_outage, args=(sink,), daemon=True)
    stopper.start()
    with pytest.raises(AbandonedError):
        sink.run(signals=False)
    stopper.join()
    assert source.commits == {P0: 0}
    again = source_of(P0)
    again.commits = source.commits
    sink_of(again, PlainWriter(warehouse)).run(until_caught_up=True, signals=False)
    assert warehouse.covered(P0) == list(range(COUNT))
