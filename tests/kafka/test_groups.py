"""Groups, crashes and refusals: who reads what, and that nothing is lost or doubled."""

import time
from collections.abc import Callable
from datetime import timedelta

import pytest
from benchmarks.apache import ApacheKafka
from kafka_world import Cluster, Member, ids

from winestream.errors import FatalSourceError
from winestream.testing import MemoryWarehouse

PROTOCOLS = pytest.mark.parametrize("protocol", ["classic", "consumer"])
Make = Callable[..., Member]


@PROTOCOLS
def test_two_members_share_without_loss_or_repetition(
    cluster: Cluster, member: Make, protocol: str
) -> None:
    """One joins in the middle, one leaves later; each message lands exactly once."""
    topic = cluster.create(partitions=4)
    warehouse = MemoryWarehouse()
    cluster.produce(topic, range(2000), partitions=4)
    one = member(cluster, topic, warehouse, protocol=protocol)
    one.until(lambda: one.rows >= 400)
    two = member(cluster, topic, warehouse, protocol=protocol)
    cluster.produce(topic, range(2000, 3000), partitions=4)
    one.until(
        lambda: (
            len(one.sink.snapshot.partitions) == 2
            and len(two.sink.snapshot.partitions) == 2
        ),
        two,
    )
    cluster.produce(topic, range(3000, 4000), partitions=4)
    one.until(lambda: one.rows >= 3500, two)
    one.close()
    cluster.produce(topic, range(4000, 5000), partitions=4)
    two.until(lambda: two.rows >= 5000 and two.lag() == 0)
    assert two.ids() == ids(range(5000))
    two.exactly_once()


@PROTOCOLS
def test_a_static_member_comes_back_to_its_partitions(
    cluster: Cluster, member: Make, protocol: str
) -> None:
    """It goes and returns under its instance id; the other is not disturbed."""
    topic = cluster.create(partitions=2)
    warehouse = MemoryWarehouse()

    def joined(name: str) -> Member:
        config = {"group.instance.id": f"{topic}-{name}"}
        extra = {"session_timeout": timedelta(seconds=20)}
        return member(
            cluster,
            topic,
            warehouse,
            protocol=protocol,
            config=config,
            **(extra if protocol == "classic" else {}),
        )

    one, two = joined("one"), joined("two")
    one.until(
        lambda: (
            len(one.sink.snapshot.partitions) == 1
            and len(two.sink.snapshot.partitions) == 1
        ),
        two,
    )
    cluster.produce(topic, range(200), partitions=2)
    one.until(lambda: one.rows == 200, two)
    mine, terms = set(two.sink.snapshot.partitions), len(one.told)
    two.close()
    again = joined("two")
    cluster.produce(topic, range(200, 400), partitions=2)
    one.until(lambda: one.rows == 400, again)
    assert set(again.sink.snapshot.partitions) == mine
    disturbed = [
        t for t in one.told[terms:] if type(t).__name__.startswith("Partitions")
    ]
    assert disturbed == []
    assert one.ids() == ids(range(400))
    one.exactly_once()


@PROTOCOLS
def test_an_instance_id_used_twice_is_fatal(
    cluster: Cluster, member: Make, protocol: str
) -> None:
    """One of the two processes stops with an error that says what to do.

    The older one in the classic protocol, the newer one in the other.
    """
    topic = cluster.create()
    config = {"group.instance.id": f"{topic}-same"}
    one = member(cluster, topic, config=config, protocol=protocol)
    one.until(lambda: one.sink.snapshot.partitions)
    two = member(cluster, topic, config=config, protocol=protocol)
    with pytest.raises(FatalSourceError, match=r"group\.instance\.id"):
        one.until(lambda: False, two, seconds=12)


@PROTOCOLS
def test_a_broker_killed_and_restarted_on_its_data(
    mortal: ApacheKafka, member: Make, protocol: str
) -> None:
    """The sink polls on through the outage and goes on where it stood."""
    cluster = Cluster(mortal.bootstrap)
    topic = cluster.create(partitions=2)
    cluster.produce(topic, range(3000), partitions=2)
    reader = member(cluster, topic, protocol=protocol)
    reader.until(lambda: reader.rows >= 600)
    mortal.kill()
    reader.idle(1.0)
    mortal.start()
    cluster.produce(topic, range(3000, 4000), partitions=2)
    reader.until(lambda: reader.rows >= 4000 and reader.lag() == 0)
    assert reader.ids() == ids(range(4000))
    reader.exactly_once()


@PROTOCOLS
def test_kafka_is_told_in_the_end(
    cluster: Cluster, member: Make, protocol: str
) -> None:
    """Once all is confirmed Kafka's committed position is the cursor, never beyond."""
    topic = cluster.create(partitions=2)
    cluster.produce(topic, range(500), partitions=2)
    reader = member(cluster, topic, protocol=protocol)

    def behind() -> int:
        committed = reader.source.committed(reader.logs)
        cursors = reader.warehouse.cursors
        lags = [cursors[log].position - committed.get(log, 0) for log in reader.logs]
        assert min(lags, default=0) >= 0
        return sum(lags) if len(lags) == 2 else 1

    give_up = time.monotonic() + 60
    while reader.rows < 500 or behind():
        reader.sink.step(0.05)
        assert time.monotonic() < give_up, reader.sink.snapshot
    reader.exactly_once()
