"""Small loads by INSERT: the same contents as by COPY, and the same guards."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import pytest
from warehouse_world import HookedWriter, World, rows_of, segment, settings_of

from winestream.codec import Routes
from winestream.core import BatchPolicy, RetryPolicy
from winestream.errors import (
    ConfigurationError,
    FatalWriteError,
    FencedError,
    RejectedWriteError,
    RetryableWriteError,
)
from winestream.events import Event
from winestream.records import DeadLetter, Gap, LogPartition, Segment, Slice
from winestream.sink import BatchingSink
from winestream.snowflake import SnowflakeWriter
from winestream.snowflake.inserts import MOST_BYTES, MOST_ROWS
from winestream.snowflake.session import Row
from winestream.testing import MemoryMessage, MemorySource

pytestmark = pytest.mark.timeout(90)

NOW = datetime(2026, 2, 1, 3, 4, 5, 678901, tzinfo=UTC)
TIMES = "'YYYY-MM-DD HH24:MI:SS.FF9'"


@attrs.frozen(kw_only=True)
class BottleOpened(Event):
    """Somebody opened a bottle."""

    name: str


ROUTES = Routes({BottleOpened: "RAW_EVENTS"})


@attrs.frozen
class Way:
    """A writer with its epochs, and the steps of its statements."""

    world: World
    writer: HookedWriter
    epochs: dict[LogPartition, int]
    steps: list[str]

    def write(self, *parts: Segment, name: str = "me/1") -> None:
        self.steps.clear()
        self.writer.write(Slice(name, parts), self.epochs)


@pytest.fixture
def way(world: World) -> Callable[..., Way]:
    """Make a writer of partition 0 in a world of its own."""

    def make(insert_below: int, *, inside: World = world) -> Way:
        steps: list[str] = []

        def note(when: str, step: str) -> None:
            if when == "after":
                steps.append(step)

        writer, epochs = inside.owned(
            note, inside.partition(), insert_below=insert_below, now=lambda: NOW
        )
        return Way(inside, writer, epochs, steps)

    return make


def _contents(world: World) -> dict[str, list[Row]]:
    """Return everything of this world's log but its cluster."""
    where = "WHERE CLUSTER_ID = ? ORDER BY TOPIC, KAFKA_PARTITION"
    message = (
        "TOPIC_ID, TOPIC, KAFKA_PARTITION, KAFKA_OFFSET, MESSAGE_KEY, "
        f"TO_CHAR(MESSAGE_TIMESTAMP, {TIMES}), SLICE_ID, TO_CHAR(LOADED_AT, {TIMES})"
    )
    raw = (
        f"EVENT_ID, EVENT_TYPE, TO_CHAR(OCCURRED_AT, {TIMES}), SCHEMA_VERSION, PAYLOAD"
    )
    dead = "VALUE, HEADERS, REASON, ERROR_PATH"
    asked = {
        "RAW.RAW_ORDERS": f"{raw}, {message}",
        "RAW.RAW_EVENTS": f"{raw}, {message}",
        "RAW.DEAD_LETTERS": f"{dead}, {message}",
    }
    found = {
        table: world.ask(
            f"SELECT {columns} FROM {table} {where}, KAFKA_OFFSET", world.cluster
        )
        for table, columns in asked.items()
    }
    found["OPS.INGEST_GAPS"] = world.ask(
        "SELECT SLICE_ID, TOPIC_ID, TOPIC, KAFKA_PARTITION, FROM_OFFSET, TO_OFFSET, "
        f"REASON FROM OPS.INGEST_GAPS {where}, FROM_OFFSET",
        world.cluster,
    )
    return found


def _everything(world: World) -> Segment:
    """Return a segment that has one of each."""
    headers = [("a", b"\xff\x00"), ("a", b"again"), ("none", None), ("é", b"")]
    text = '{"name": "Gewürztraminer 🍷", "q": "it\'s \\"so\\" ?", "n": 1.10}'
    return Segment(
        world.partition(),
        0,
        13,
        (
            rows_of([0, 1, 2, 3], payload=text),
            rows_of([4, 5], table="RAW_EVENTS", event_id="é'?"),
        ),
        (
            DeadLetter(6, None, None, -1, "null-value", "$"),
            DeadLetter(7, b"\xff{", b"key\x00", 1_769_876_400_123, "bad", "$", headers),
            DeadLetter(8, b"", b"", 0, "malformed-json", "$", []),
        ),
        (Gap(9, 12, "jump"), Gap(12, 13, "retention")),
    )


def test_an_insert_brings_in_what_copy_brings_in(
    world: World, way: Callable[..., Way], new_world: Callable[..., World]
) -> None:
    """Text, bytes, NULLs, headers, gaps and all times to the microsecond are alike."""
    copied = way(0)
    inserted = way(100, inside=new_world(world.warehouse))
    for one in (copied, inserted):
        one.write(_everything(one.world))
        one.world.assert_exactly_once()
    assert copied.steps.count("copy") == 4
    assert "copy" not in inserted.steps
    wanted = _contents(copied.world)
    assert {table: len(rows) for table, rows in wanted.items()} == {
        "RAW.RAW_ORDERS": 4,
        "RAW.RAW_EVENTS": 2,
        "RAW.DEAD_LETTERS": 3,
        "OPS.INGEST_GAPS": 2,
    }
    assert _contents(inserted.world) == wanted


def test_times_keep_their_microseconds(world: World, way: Callable[..., Way]) -> None:
    """No time is rounded, none is shifted by a zone, and one before 1970 is itself."""
    made = way(100)
    old = attrs.evolve(rows_of([1]), occurred_at=[-1.000001])
    made.write(Segment(world.partition(), 0, 2, (rows_of([0]), old)))
    assert world.ask(
        f"SELECT TO_CHAR(OCCURRED_AT, {TIMES}), TO_CHAR(LOADED_AT, {TIMES}) "
        "FROM RAW.RAW_ORDERS WHERE CLUSTER_ID = ? ORDER BY KAFKA_OFFSET",
        world.cluster,
    ) == [
        ("2026-01-31 16:20:00.123456000", "2026-02-01 03:04:05.678901000"),
        ("1969-12-31 23:59:58.999999000", "2026-02-01 03:04:05.678901000"),
    ]


def test_nothing_is_staged_when_all_is_inserted(
    world: World, way: Callable[..., Way]
) -> None:
    """No PUT, no file, no folder to remove; the ledger comes first, the lock last."""
    made = way(100)
    for number in range(3):
        made.write(
            segment(world.partition(), number * 3, number * 3 + 3), name=f"me/{number}"
        )
        # Both INSERTs are called so: the ledger's and the rows'.
        assert made.steps == [
            "rollback",
            "begin",
            "ledger",
            "ledger",
            "lock",
            "compare",
            "commit",
        ]
    assert world.ask(f"LIST @RAW.INGEST_STAGE/{world.pipeline}/") == []
    made.writer.close()
    assert "remove" not in made.steps
    world.assert_exactly_once()


def test_each_table_goes_its_own_way(world: World, way: Callable[..., Way]) -> None:
    """In one slice the table above the crossover is copied, the other inserted."""
    made, here = way(5), world.partition()
    many, few = list(range(10)), [10, 11, 12, 13]
    parts = (rows_of(many), rows_of(few, table="RAW_EVENTS"))
    made.write(Segment(here, 0, 14, parts))
    assert made.steps.count("put") == made.steps.count("copy") == 1
    assert made.steps.count("ledger") == 2
    for table, offsets in (("RAW_ORDERS", many), ("RAW_EVENTS", few)):
        assert world.ask(
            f"SELECT KAFKA_OFFSET FROM RAW.{table} WHERE CLUSTER_ID = ? ORDER BY 1",
            world.cluster,
        ) == [(offset,) for offset in offsets]
    world.assert_exactly_once()


def test_the_crossover_itself_is_copied(world: World, way: Callable[..., Way]) -> None:
    """Fewer rows than the setting are inserted, as many are not."""
    made, here = way(3), world.partition()
    made.write(segment(here, 0, 2))
    assert "copy" not in made.steps
    made.write(segment(here, 2, 5), name="me/2")
    assert "copy" in made.steps
    world.assert_exactly_once()


def test_the_largest_insert_fits(world: World, way: Callable[..., Way]) -> None:
    """One row fewer than the most that may be set goes in one statement."""
    made = way(MOST_ROWS)
    made.write(segment(world.partition(), 0, MOST_ROWS - 1, payload="{}"))
    assert "copy" not in made.steps
    world.assert_exactly_once()


def test_few_rows_that_are_large_are_copied(
    world: World, way: Callable[..., Way]
) -> None:
    """A statement has its limits in bytes, too."""
    made = way(100)
    text = f'{{"n": "{"x" * MOST_BYTES}"}}'
    made.write(segment(world.partition(), 0, 1, payload=text))
    assert "copy" in made.steps
    world.assert_exactly_once()


def test_a_refused_row_rejects_the_slice(world: World, way: Callable[..., Way]) -> None:
    """The error has the warehouse's code, not the value, and nothing is written."""
    made, here = way(100), world.partition()
    marker = f"poison-{world.pipeline}"
    world.warehouse.refuse(table="RAW_ORDERS", column="EVENT_ID", containing=marker)
    with pytest.raises(RejectedWriteError) as caught:
        made.write(segment(here, 0, 3, event_id=marker))
    assert caught.value.code == "100078 (22000)"
    assert marker not in str(caught.value)
    assert world.offsets(here) == []
    assert world.ledger("SLICE_ID") == []
    made.write(segment(here, 0, 3), name="me/2")
    world.assert_exactly_once()


def test_a_refused_dead_letter_is_nobodys_poison(
    world: World, way: Callable[..., Way]
) -> None:
    """The library's own bookkeeping that is refused is fatal, as with COPY."""
    made = way(100)
    marker = f"reason-{world.pipeline}"
    world.warehouse.refuse(table="DEAD_LETTERS", column="REASON", containing=marker)
    letter = DeadLetter(0, b"x", None, -1, marker, "$")
    with pytest.raises(FatalWriteError):
        made.write(segment(world.partition(), 0, 1, dead=[letter]))
    assert world.offsets(world.partition()) == []


def test_poison_is_found_by_halving(world: World) -> None:
    """A sink that inserts dead-letters the refused rows, and the rest lands."""
    here = world.partition()
    marker = f"corked-{world.pipeline}"
    world.warehouse.refuse(table="RAW_EVENTS", column="EVENT_ID", containing=marker)

    def value(offset: int) -> bytes:
        name = f"{marker}-{offset}" if offset in (3, 8) else f"e-{offset}"
        return ROUTES.encode(BottleOpened(event_id=name, occurred_at=NOW, name="Ü"))

    log = [MemoryMessage(n, value(n), key=b"k", timestamp=n) for n in range(12)]
    source = MemorySource({here: log})
    sink = BatchingSink(
        source,
        ROUTES,
        world.unopened(insert_below=100),
        pipeline=world.pipeline,
        batch=BatchPolicy(max_rows=12, linger=timedelta(milliseconds=20)),
        retry=RetryPolicy(first=timedelta(milliseconds=10)),
    )
    sink.run(until_caught_up=True, signals=False)
    world.assert_exactly_once()
    assert source.commits == {here: 12}
    assert world.ask(
        "SELECT KAFKA_OFFSET, REASON, VALUE FROM RAW.DEAD_LETTERS "
        "WHERE CLUSTER_ID = ? ORDER BY 1",
        world.cluster,
    ) == [(n, "rejected", value(n)) for n in (3, 8)]


def test_a_count_that_is_not_the_loads_is_not_committed(
    world: World, way: Callable[..., Way], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What INSERT says it brought in is held against the slice's rows."""
    made, here = way(100), world.partition()
    made.write(segment(here, 0, 1))
    session = made.writer._session
    assert session is not None
    honest = session._execute

    def short(sql: str, values: Any) -> list[Row]:
        rows = honest(sql, values)
        into_raw = sql.startswith('INSERT INTO "RAW"')
        return [(rows[0][0] - 1,)] if into_raw else rows

    with monkeypatch.context() as patch:
        patch.setattr(session, "_execute", short)
        with pytest.raises(RetryableWriteError, match="2 of 3 rows"):
            made.write(segment(here, 1, 4), name="me/2")
    assert world.offsets(here) == [0]
    made.write(segment(here, 1, 4), name="me/2")
    world.assert_exactly_once()


def test_an_insert_cannot_land_twice(world: World, way: Callable[..., Way]) -> None:
    """The compare-and-set fences it as it does a COPY, and the rows are rolled back."""
    made, here = way(100), world.partition()
    made.write(segment(here, 0, 3))
    with pytest.raises(FencedError):
        made.write(segment(here, 0, 3), name="me/2")
    assert world.offsets(here) == [0, 1, 2]
    world.assert_exactly_once()


@pytest.mark.parametrize("rows", [-1, MOST_ROWS + 1, 10_000])
def test_the_crossover_has_bounds(world: World, rows: int) -> None:
    """A setting that no INSERT could keep is refused at once, by its name."""
    settings = settings_of(world.warehouse.connection)
    with pytest.raises(ConfigurationError, match="insert_below"):
        SnowflakeWriter(settings, pipeline=world.pipeline, insert_below=rows)
