"""What `SnowflakeWriter` puts into the warehouse, asked for in another session."""

import base64
import hashlib
import json
from typing import Any

import pytest
from warehouse_world import World, rows_of, segment

from winestream.errors import FencedError, RejectedWriteError, RetryableWriteError
from winestream.records import DeadLetter, Gap, Segment, Slice, Want

pytestmark = pytest.mark.timeout(60)


def test_everything_in_a_slice_lands_as_it_came(world: World) -> None:
    """Text, keys, microseconds and Kafka's times are what the message had."""
    here = world.partition(5)
    writer, epochs = world.owned(None, here)
    writer.write(Slice("me/1", (segment(here, 0, 2),)), epochs)
    assert world.ask(
        "SELECT EVENT_ID, EVENT_TYPE, TO_CHAR(OCCURRED_AT, "
        "'YYYY-MM-DD HH24:MI:SS.FF6'), SCHEMA_VERSION, TOPIC_ID, TOPIC, "
        "KAFKA_PARTITION, KAFKA_OFFSET, MESSAGE_KEY, "
        "TO_CHAR(MESSAGE_TIMESTAMP, 'YYYY-MM-DD HH24:MI:SS.FF3'), SLICE_ID, PAYLOAD "
        "FROM RAW.RAW_ORDERS WHERE CLUSTER_ID = ? ORDER BY KAFKA_OFFSET",
        world.cluster,
    ) == [
        (
            f"e-{offset}",
            "ORDER_CREATED",
            "2026-01-31 16:20:00.123456",
            1,
            "id-1",
            "wine.orders",
            5,
            offset,
            key,
            time,
            "me/1",
            '{"name": "Château Müller"}',
        )
        for offset, key, time in (
            (0, None, None),
            (1, b"k\xff", "2026-01-31 16:20:00.123"),
        )
    ]


@pytest.mark.parametrize(
    "text",
    [
        '{"name": "Gewürztraminer 🍷", "n": 1.10, "n": 1.100}',
        '{"quote": "it\'s \\"so\\"", "back": "\\\\n", "tab": "\t", "sql": "?; --"}',
        '{"n": 19.999999999999999999, "big": 12345678901234567890}  ',
    ],
)
def test_a_payload_is_the_exact_text(world: World, text: str) -> None:
    """No space, digit, key or backslash of it is touched."""
    here = world.partition()
    writer, epochs = world.owned(None, here)
    writer.write(Slice("me/1", (segment(here, 0, 1, payload=text),)), epochs)
    assert world.ask(
        "SELECT PAYLOAD FROM RAW.RAW_ORDERS WHERE CLUSTER_ID = ?", world.cluster
    ) == [(text,)]


def test_one_slice_fills_several_tables_at_once(world: World) -> None:
    """Rows of one partition go to their tables, and one range covers them all."""
    here = world.partition()
    writer, epochs = world.owned(None, here)
    parts = tuple(
        rows_of([number, number + 3], table=table)
        for number, table in enumerate(("RAW_ORDERS", "RAW_INVENTORY", "RAW_EVENTS"))
    )
    writer.write(Slice("me/1", (Segment(here, 0, 6, parts),)), epochs)
    world.assert_exactly_once()
    for number, part in enumerate(parts):
        assert world.ask(
            f"SELECT KAFKA_OFFSET FROM RAW.{part.table} WHERE CLUSTER_ID = ? "
            "ORDER BY 1",
            world.cluster,
        ) == [(number,), (number + 3,)]


def test_dead_letters_keep_the_message_whole(world: World) -> None:
    """Value, key and headers come back byte for byte; what was null stays null."""
    here = world.partition()
    writer, epochs = world.owned(None, here)
    headers = [("a", b"\xff\x00"), ("a", b"again"), ("none", None), ("é", b"")]
    broken = DeadLetter(
        0, b"\xff{", b"key\x00", 1_769_876_400_123, "invalid-utf8", "$", headers
    )
    null = DeadLetter(1, None, None, -1, "null-value", "$")
    writer.write(Slice("me/1", (segment(here, 0, 3, dead=[broken, null]),)), epochs)
    first, second = world.ask(
        "SELECT KAFKA_OFFSET, VALUE, MESSAGE_KEY, REASON, ERROR_PATH, "
        "MESSAGE_TIMESTAMP IS NULL, HEADERS FROM RAW.DEAD_LETTERS "
        "WHERE CLUSTER_ID = ? ORDER BY 1",
        world.cluster,
    )
    assert first[:6] == (0, b"\xff{", b"key\x00", "invalid-utf8", "$", False)
    assert second == (1, None, None, "null-value", "$", True, None)
    decoded = [
        (name, None if value is None else base64.b64decode(value))
        for name, value in json.loads(first[6])
    ]
    assert decoded == headers
    world.assert_exactly_once()


def test_gaps_land_with_their_reasons(world: World) -> None:
    """Each offset that holds no message is accounted for; gaps alone are a slice."""
    here = world.partition()
    writer, epochs = world.owned(None, here)
    gaps = [Gap(1, 3, "jump"), Gap(4, 5, "retention")]
    writer.write(Slice("me/1", (segment(here, 0, 5, gaps=gaps),)), epochs)
    alone = segment(here, 5, 9, gaps=[Gap(5, 9, "trailing")])
    writer.write(Slice("me/2", (alone,)), epochs)
    assert world.ask(
        "SELECT SLICE_ID, FROM_OFFSET, TO_OFFSET, REASON FROM OPS.INGEST_GAPS "
        "WHERE CLUSTER_ID = ? ORDER BY 2",
        world.cluster,
    ) == [
        ("me/1", 1, 3, "jump"),
        ("me/1", 4, 5, "retention"),
        ("me/2", 5, 9, "trailing"),
    ]
    world.assert_exactly_once()


def test_the_ledger_counts_what_sql_counts(world: World) -> None:
    """Rows, dead letters, bytes and fingerprints are the same, recomputed in SQL."""
    here, there = world.partition(0), world.partition(1)
    writer, epochs = world.owned(None, here, there)
    letter = DeadLetter(2, b"\xffbroken", None, -1, "invalid-utf8", "$")
    payloads = ['{"é": 1}', '{"🍷": "ü"}']
    piece = Slice(
        "me/1",
        (
            segment(here, 0, 4, dead=[letter], payload=payloads[0]),
            segment(there, 0, 50, payload=payloads[1]),
            segment(here, 4, 6, payload=payloads[1]),
        ),
    )
    writer.write(piece, epochs)
    lower = [
        int.from_bytes(hashlib.md5(p.encode(), usedforsecurity=False).digest()[8:])
        for p in payloads
    ]
    sizes = [len(p.encode()) for p in payloads]
    assert world.ledger(
        "KAFKA_PARTITION",
        "FROM_OFFSET",
        "TO_OFFSET",
        "ROW_COUNT",
        "DEAD_COUNT",
        "PAYLOAD_BYTES",
        "PAYLOAD_FINGERPRINT",
        "EPOCH",
    ) == [
        (
            0,
            0,
            6,
            5,
            1,
            3 * sizes[0] + 2 * sizes[1] + 7,
            3 * lower[0] + 2 * lower[1],
            1,
        ),
        (1, 0, 50, 50, 0, 50 * sizes[1], 50 * lower[1], 1),
    ]
    assert world.ask(
        "SELECT KAFKA_PARTITION, COUNT(*), SUM(OCTET_LENGTH(PAYLOAD)), "
        "SUM(MD5_NUMBER_LOWER64(PAYLOAD)) FROM RAW.RAW_ORDERS WHERE CLUSTER_ID = ? "
        "GROUP BY 1 ORDER BY 1",
        world.cluster,
    ) == [
        (0, 5, 3 * sizes[0] + 2 * sizes[1], 3 * lower[0] + 2 * lower[1]),
        (1, 50, 50 * sizes[1], 50 * lower[1]),
    ]
    world.assert_exactly_once()


def test_a_slice_over_many_partitions_moves_every_cursor(world: World) -> None:
    """One transaction moves the cursors of two topics and twenty partitions."""
    parts = [world.partition(n, topic=t) for t in ("a", "b") for n in range(10)]
    writer, epochs = world.owned(None, *parts)
    writer.write(Slice("me/1", tuple(segment(p, 0, 2) for p in parts)), epochs)
    cursors = world.cursors()
    assert {cursors[p].position for p in parts} == {2}
    world.assert_exactly_once()


def test_the_same_slice_again_is_fenced_by_its_range(world: World) -> None:
    """A slice that landed cannot land twice, whoever sends it, under whatever id."""
    here = world.partition()
    writer, epochs = world.owned(None, here)
    writer.write(Slice("me/1", (segment(here, 0, 3),)), epochs)
    for name in ("me/1", "me/2"):
        with pytest.raises(FencedError) as caught:
            writer.write(Slice(name, (segment(here, 0, 3),)), epochs)
        assert caught.value.partitions == {here}
    world.assert_exactly_once()


def test_one_fenced_partition_holds_the_whole_slice_back(world: World) -> None:
    """Nothing lands for the partitions that are still ours, and the error names one."""
    mine, taken = world.partition(0), world.partition(1)
    writer, epochs = world.owned(None, mine, taken)
    world.owned(None, taken, owner="rival")
    piece = Slice("me/1", (segment(mine, 0, 2), segment(taken, 0, 2)))
    with pytest.raises(FencedError) as caught:
        writer.write(piece, epochs)
    assert caught.value.partitions == {taken}
    assert world.offsets(mine) == world.offsets(taken) == []
    writer.write(piece.without([taken], "me/2"), epochs)
    assert world.offsets(mine) == [0, 1]
    world.assert_exactly_once()


def test_a_refused_row_rejects_the_slice(world: World) -> None:
    """The error has the warehouse's code, not the value, and nothing is written."""
    here = world.partition()
    marker = f"poison-{world.pipeline}"
    world.warehouse.refuse(table="RAW_ORDERS", column="EVENT_ID", containing=marker)
    writer, epochs = world.owned(None, here)
    poison = Slice("me/1", (segment(here, 0, 3, event_id=marker),))
    with pytest.raises(RejectedWriteError) as caught:
        writer.write(poison, epochs)
    assert caught.value.code == "100078 (22000)"
    assert caught.value.offenders == ()
    assert marker not in str(caught.value)
    assert world.offsets(here) == []
    writer.write(Slice("me/2", (segment(here, 0, 3),)), epochs)
    world.assert_exactly_once()


def test_a_copy_that_loads_too_few_rows_is_not_committed(world: World) -> None:
    """COPY's count is held against the file's, whatever made it differ."""
    here = world.partition()
    writer, epochs = world.owned(None, here)

    def empty_the_stage(when: str, step: str) -> None:
        if (when, step) == ("after", "begin"):
            world.ask(f"REMOVE @RAW.INGEST_STAGE/{world.pipeline}/")

    writer.hook = empty_the_stage
    with pytest.raises(RetryableWriteError):
        writer.write(Slice("me/1", (segment(here, 0, 3),)), epochs)
    assert world.offsets(here) == []
    writer.hook = None
    writer.write(Slice("me/1", (segment(here, 0, 3),)), epochs)
    world.assert_exactly_once()


def test_an_empty_slice_is_no_transaction(world: World) -> None:
    """Nothing to write writes nothing."""
    seen: list[str] = []
    writer, _ = world.owned(lambda _, step: seen.append(step))
    writer.write(Slice("me/1", ()), {})
    assert seen == []


def test_reading_asks_only_for_what_is_there(world: World) -> None:
    """A log partition without a cursor is absent; no partitions are no statement."""
    here, unknown = world.partition(0), world.partition(1)
    writer = world.writer()
    writer.claim("me", {here: Want(7)})
    assert writer.read([here, unknown, world.partition(topic_id="other")]).keys() == {
        here
    }
    assert writer.read([]) == {}
    assert writer.claim("me", {}) == {}


def test_slice_ids_are_a_pipelines_own(world: World, new_world: Any) -> None:
    """The same id in another pipeline, at the same place, moves no cursor here."""
    here, other = world.partition(), new_world(world.warehouse)
    other.owned(None, here)
    writer, epochs = world.owned(None, here)
    writer.write(Slice("me/1", (segment(here, 0, 2),)), epochs)
    assert other.cursors()[here].position == 0
    world.assert_exactly_once()
