"""What only a real log has: transactions, compaction, retention, times, rebirth."""

import time
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from confluent_kafka import TopicPartition
from kafka_world import Cluster, Member, event, ids

from winestream.core import SafetyPolicy
from winestream.errors import NewLogError, RetentionLossError

PROTOCOLS = pytest.mark.parametrize("protocol", ["classic", "consumer"])
Make = Callable[..., Member]


def transact(cluster: Cluster, topic: str, rounds: int, *, each: int = 3) -> list[int]:
    """Write committed and aborted transactions in turn; return what was committed."""
    producer = cluster.producer(transactional_id=f"tx-{topic}")
    producer.init_transactions(30)
    committed: list[int] = []
    number = 0
    for turn in range(rounds):
        numbers = range(number, number + each)
        number += each
        producer.begin_transaction()
        for one in numbers:
            producer.produce(topic, event(one), b"k", 0)
        if turn % 2:
            producer.flush(30)  # or aborted messages never reach the log
            producer.abort_transaction(30)
        else:
            producer.commit_transaction(30)
            committed += numbers
    return committed


@PROTOCOLS
def test_aborted_transactions_are_gaps(
    cluster: Cluster, member: Make, protocol: str
) -> None:
    """Only committed messages land, every hole is recorded, and the lag returns to 0.

    Reading starts anew for the first hole and not again for each of the others.
    """
    topic = cluster.create()
    committed = transact(cluster, topic, 30)
    reader = member(cluster, topic, protocol=protocol)
    reader.until(lambda: reader.rows >= len(committed) and reader.lag() == 0)
    assert reader.ids() == ids(committed)
    reader.exactly_once()
    assert reader.starts <= 4
    [log] = reader.logs
    # 30 transactions of 3 messages and a marker each.
    assert reader.warehouse.cursors[log].position == 120
    assert {gap.reason for _, gap in reader.warehouse.gaps} >= {"jump", "trailing"}


def test_transactions_while_reading(cluster: Cluster, member: Make) -> None:
    """Trailing markers do not stop what comes after them, again and again."""
    topic = cluster.create()
    cluster.produce(topic, range(1000, 1010))
    reader = member(cluster, topic)
    reader.until(lambda: reader.rows == 10 and reader.lag() == 0)
    committed = transact(cluster, topic, 6)
    reader.until(lambda: reader.rows == 10 + len(committed) and reader.lag() == 0)
    cluster.produce(topic, range(2000, 2010))
    reader.until(lambda: reader.rows == 20 + len(committed) and reader.lag() == 0)
    reader.exactly_once()


def test_an_open_transaction_holds_reading_back(cluster: Cluster, member: Make) -> None:
    """Messages behind an open transaction land once it ends, none before."""
    topic = cluster.create()
    producer = cluster.producer(transactional_id=f"tx-{topic}")
    producer.init_transactions(30)
    producer.begin_transaction()
    producer.produce(topic, event(1), b"k", 0)
    producer.flush(30)
    cluster.produce(topic, range(2, 12))
    reader = member(cluster, topic)
    reader.until(lambda: reader.logs)
    reader.idle(1.0)
    assert reader.rows == 0
    producer.commit_transaction(30)
    reader.until(lambda: reader.rows == 11 and reader.lag() == 0)
    reader.exactly_once()


def test_compaction_gaps(cluster: Cluster, member: Make) -> None:
    """A compacted log is read with its holes recorded; the newest of each key lands."""
    topic = cluster.create(
        cleanup_policy="compact",
        segment_ms="200",
        min_cleanable_dirty_ratio="0.0",
        delete_retention_ms="0",
    )
    producer = cluster.producer()
    for number in range(300):
        producer.produce(topic, event(number), b"k%d" % (number % 7), 0)
        if number % 60 == 59:
            producer.flush(30)
            time.sleep(0.4)  # so that a segment ends
    producer.flush(30)
    give_up = time.monotonic() + 40
    wanted = 300
    while wanted > 200:  # until the cleaner has run
        assert time.monotonic() < give_up, "nothing was compacted"
        time.sleep(0.5)
        producer.produce(topic, event(300), b"last", 0)
        producer.flush(30)
        probe = Member(cluster, topic, group=f"probe-{time.time_ns()}")
        try:
            probe.until(lambda: probe.rows and probe.lag() == 0)  # noqa: B023
            wanted = probe.rows
        finally:
            probe.close()
    reader = member(cluster, topic)
    reader.until(lambda: reader.rows and reader.lag() == 0)
    reader.exactly_once()
    assert any(gap.reason == "jump" for _, gap in reader.warehouse.gaps)
    newest = {f"e{number}" for number in range(293, 300)}
    assert newest <= set(reader.ids())


def overtake(cluster: Cluster, topic: str, offset: int) -> None:
    """Delete everything below an offset, as retention would."""
    part = TopicPartition(topic, 0, offset)
    for future in cluster.admin.delete_records([part]).values():
        future.result(timeout=30)


@PROTOCOLS
def test_retention_that_overtook_the_cursor_stops(
    cluster: Cluster, member: Make, protocol: str
) -> None:
    """It is loss: the sink stops, names the offsets, and changes nothing."""
    topic = cluster.create()
    cluster.produce(topic, range(100))
    reader = member(cluster, topic, protocol=protocol)
    reader.until(lambda: reader.rows == 100 and reader.lag() == 0)
    reader.close()
    cluster.produce(topic, range(100, 200))
    overtake(cluster, topic, 150)
    late = member(cluster, topic, reader.warehouse, protocol=protocol)
    with pytest.raises(RetentionLossError, match="offsets 100 to 149"):
        late.until(lambda: False)
    assert late.rows == 100
    late.exactly_once()


def test_retention_loss_is_recorded_if_wanted(cluster: Cluster, member: Make) -> None:
    """The lost offsets are a gap with that reason; the rest lands."""
    topic = cluster.create()
    cluster.produce(topic, range(100))
    reader = member(cluster, topic)
    reader.until(lambda: reader.rows == 100 and reader.lag() == 0)
    reader.close()
    cluster.produce(topic, range(100, 200))
    overtake(cluster, topic, 150)
    safety = SafetyPolicy(on_retention_loss="record")
    late = member(cluster, topic, reader.warehouse, safety=safety)
    late.until(lambda: late.rows == 150 and late.lag() == 0)
    late.exactly_once()
    [(_, gap)] = late.warehouse.gaps
    assert (gap.start, gap.stop, gap.reason) == (100, 150, "retention")


def test_start_at_a_time(cluster: Cluster, member: Make) -> None:
    """A new cursor begins at the first message of that time or later."""
    topic = cluster.create(retention_ms="-1")  # or 2023 is long gone
    producer = cluster.producer()
    for number in range(50):
        stamp = 1_700_000_000_000 + 1000 * number
        producer.produce(topic, event(number), b"k", 0, timestamp=stamp)
    assert producer.flush(30) == 0
    begin = datetime.fromtimestamp(1_700_000_000 + 19.5, UTC)
    reader = member(cluster, topic, start=begin)
    reader.until(lambda: reader.rows == 30 and reader.lag() == 0)
    assert reader.ids() == ids(range(20, 50))
    [cursor] = reader.warehouse.cursors.values()
    assert (cursor.first, cursor.position) == (20, 50)
    beyond = member(
        cluster, topic, start=datetime(2030, 1, 1, tzinfo=UTC), group=f"late-{topic}"
    )
    beyond.until(lambda: beyond.logs)
    assert [c.first for c in beyond.warehouse.cursors.values()] == [50]


@PROTOCOLS
def test_a_topic_made_again_between_two_runs(
    cluster: Cluster, member: Make, protocol: str
) -> None:
    """Another log of the old name stops the sink; `on_new_log="start"` begins one."""
    topic = cluster.create()
    cluster.produce(topic, range(20))
    reader = member(cluster, topic, protocol=protocol)
    reader.until(lambda: reader.rows == 20 and reader.lag() == 0)
    reader.close()
    cluster.delete(topic)
    cluster.create(topic)
    cluster.produce(topic, range(100, 130))
    warned = member(cluster, topic, reader.warehouse, protocol=protocol)
    with pytest.raises(NewLogError, match="another log of this name"):
        warned.until(lambda: False)
    assert warned.rows == 20
    warned.close()
    safety = SafetyPolicy(on_new_log="start")
    again = member(cluster, topic, reader.warehouse, protocol=protocol, safety=safety)
    again.until(lambda: again.rows == 50 and again.lag() == 0)
    again.exactly_once()
    assert len(again.logs) == 2


@PROTOCOLS
def test_a_topic_made_again_while_it_is_read(
    cluster: Cluster, member: Make, protocol: str
) -> None:
    """The identity guard notices within its check and stops; nothing lands twice."""
    topic = cluster.create()
    cluster.produce(topic, range(20))
    reader = member(cluster, topic, protocol=protocol)
    reader.until(lambda: reader.rows == 20 and reader.lag() == 0)
    cluster.delete(topic)
    cluster.create(topic)
    with pytest.raises(NewLogError):
        reader.until(lambda: False)
    reader.exactly_once()
    assert reader.rows == 20
