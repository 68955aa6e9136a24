"""A whole sink on the genuine connector: poison, crashes and rivals."""

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import attrs
import pytest
from warehouse_world import HookedWriter, World

from winestream.codec import Routes
from winestream.core import BatchPolicy, RetryPolicy
from winestream.errors import AbandonedError, FatalWriteError, NewLogError
from winestream.events import Event
from winestream.local import EmbeddedWarehouse
from winestream.records import LogPartition
from winestream.sink import BatchingSink
from winestream.testing import MemoryMessage, MemorySource

pytestmark = pytest.mark.timeout(120)

STEPS = ("put", "begin", "ledger", "copy", "lock", "compare", "commit")
POINTS = [("before", "put"), *(("after", step) for step in STEPS)]
"""Before a statement is after the one in front of it: the server sees no difference."""


@attrs.frozen(kw_only=True)
class BottleTasted(Event):
    """What a guest thought of a bottle."""

    score: int


ROUTES = Routes({BottleTasted: "RAW_EVENTS"})


def _value(name: str) -> bytes:
    now = datetime(2026, 1, 31, tzinfo=UTC)
    return ROUTES.encode(BottleTasted(event_id=name, occurred_at=now, score=17))


def _log(count: int) -> list[MemoryMessage]:
    return [MemoryMessage(n, _value(f"e-{n}"), timestamp=n) for n in range(count)]


def _sink(source: MemorySource, writer: HookedWriter, rows: int) -> BatchingSink:
    return BatchingSink(
        source,
        ROUTES,
        writer,
        pipeline=writer._pipeline,
        batch=BatchPolicy(max_rows=rows, linger=timedelta(milliseconds=20)),
        retry=RetryPolicy(first=timedelta(milliseconds=10)),
    )


def _confirmed(source: MemorySource, *partitions: LogPartition) -> None:
    """Check that Kafka was told of everything the log holds."""
    ends = {p: source.log[p][-1].offset + 1 for p in partitions}
    assert source.commits == ends


@pytest.fixture
def unopened(world: World) -> HookedWriter:
    """Return a writer that its sink is going to open."""
    return world.unopened()


def test_broken_and_refused_messages_become_dead_letters(
    world: World, unopened: HookedWriter
) -> None:
    """The poison is found by halving; every other row of its slice lands."""
    here, there = world.partition(0), world.partition(1)
    marker = f"corked-{world.pipeline}"
    world.warehouse.refuse(table="RAW_EVENTS", column="EVENT_ID", containing=marker)
    log = {here: _log(12), there: _log(9)}
    for where, offset, value in (
        (here, 3, _value(f"{marker}-a")),
        (there, 8, _value(f"{marker}-b")),
        (here, 5, b'{"event_type": '),
        (there, 0, None),
    ):
        log[where][offset] = MemoryMessage(offset, value, key=b"k", timestamp=offset)
    source = MemorySource(log)
    _sink(source, unopened, 21).run(until_caught_up=True, signals=False)
    world.assert_exactly_once()
    _confirmed(source, here, there)
    letters = world.ask(
        "SELECT KAFKA_PARTITION, KAFKA_OFFSET, REASON, ERROR_PATH, VALUE, MESSAGE_KEY "
        "FROM RAW.DEAD_LETTERS WHERE CLUSTER_ID = ? ORDER BY 1, 2",
        world.cluster,
    )
    assert letters == [
        (0, 3, "rejected", "100078 (22000)", _value(f"{marker}-a"), b"k"),
        (0, 5, "malformed-json", "$", b'{"event_type": ', b"k"),
        (1, 0, "null-value", "$", None, b"k"),
        (1, 8, "rejected", "100078 (22000)", _value(f"{marker}-b"), b"k"),
    ]


def test_a_table_that_refuses_everything_is_no_poison(
    world: World, unopened: HookedWriter
) -> None:
    """More refused rows than poison explains end the sink, and no value is told."""
    here = world.partition()
    marker = f"every-{world.pipeline}"
    world.warehouse.refuse(table="RAW_EVENTS", column="EVENT_ID", containing=marker)
    log = [MemoryMessage(n, _value(f"{marker}-{n}")) for n in range(24)]
    source = MemorySource({here: log})
    with pytest.raises(FatalWriteError) as caught:
        _sink(source, unopened, 24).run(until_caught_up=True, signals=False)
    error: BaseException | None = caught.value
    while error is not None:
        assert marker not in f"{error!r} {error}"
        error = error.__cause__
    position = world.cursors()[here].position
    assert source.commits.get(here, 0) <= position < 24
    world.assert_exactly_once()


def test_a_new_log_stops_the_sink(world: World, unopened: HookedWriter) -> None:
    """The topic was made again: nothing is written until somebody decides."""
    world.owned(None, world.partition(topic_id="before"))
    source = MemorySource({world.partition(): _log(3)})
    with pytest.raises(NewLogError, match="on_new_log"):
        _sink(source, unopened, 10).run(until_caught_up=True, signals=False)
    assert world.offsets(world.partition()) == []


def test_the_warehouse_may_crash_at_every_statement(
    mortal_warehouse: EmbeddedWarehouse,
    new_world: Callable[[EmbeddedWarehouse], World],
) -> None:
    """Killed before and after each one, slice after slice: nothing lost or doubled."""
    world = new_world(mortal_warehouse)
    here, there = world.partition(0), world.partition(1)
    todo, seen = list(POINTS), list[tuple[str, str]]()

    def crash(when: str, step: str) -> None:
        if todo and (when, step) == todo[0]:
            seen.append(todo.pop(0))
            mortal_warehouse.kill()
            mortal_warehouse.restart()

    writer = world.unopened()
    writer.hook = crash
    source = MemorySource({here: _log(60), there: _log(60)})
    _sink(source, writer, 10).run(until_caught_up=True, signals=False)
    assert seen == POINTS
    world.assert_exactly_once()
    assert world.offsets(here) == world.offsets(there) == list(range(60))
    _confirmed(source, here, there)


def test_a_crash_during_claims_and_confirms_is_waited_out(
    mortal_warehouse: EmbeddedWarehouse,
    new_world: Callable[[EmbeddedWarehouse], World],
) -> None:
    """Before the first row is read and after the last one is written, too."""
    world = new_world(mortal_warehouse)
    here = world.partition()
    todo = [("after", "merge"), ("before", "commit"), ("before", "remove")]

    def crash(when: str, step: str) -> None:
        if todo and (when, step) == todo[0]:
            todo.pop(0)
            mortal_warehouse.kill()
            mortal_warehouse.restart()

    writer = world.unopened()
    writer.hook = crash
    source = MemorySource({here: _log(5)})
    _sink(source, writer, 10).run(until_caught_up=True, signals=False)
    assert todo == []
    world.assert_exactly_once()
    _confirmed(source, here)


def test_two_sinks_that_both_believe_they_own_a_partition(
    world: World, unopened: HookedWriter
) -> None:
    """They fence each other, and between them every message lands once."""
    here = world.partition()
    mine, theirs = MemorySource({here: _log(40)}), MemorySource({here: _log(40)})
    first, second = _sink(mine, unopened, 5), _sink(theirs, world.unopened(), 5)
    # Who loses in the end holds what the other has written, and says so.
    with suppress(AbandonedError), first, suppress(AbandonedError), second:
        while 40 not in {source.commits.get(here) for source in (mine, theirs)}:
            first.step(0.02)
            second.step(0.02)
    owners = world.ask(
        "SELECT COUNT(DISTINCT SPLIT_PART(SLICE_ID, '/', 1)), MAX(EPOCH) "
        "FROM OPS.INGEST_LEDGER WHERE PIPELINE = ?",
        world.pipeline,
    )
    print(owners)
    world.assert_exactly_once()
    assert world.offsets(here) == list(range(40))
