"""At least once on a real group: when nothing is doubled, and when it must be."""

import sys
import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path

import pytest
from kafka_world import Cluster, Member, ids

from winestream import telemetry as tell
from winestream.records import LogPartition, Slice
from winestream.testing import MemoryWarehouse

# Tests are no package: what they share is found by its folder.
sys.path.append(str(Path(__file__).parents[1] / "contract"))

from plain_writers import PlainWriter

PROTOCOLS = pytest.mark.parametrize("protocol", ["classic", "consumer"])
Make = Callable[..., Member]


def share(one: Member, two: Member) -> None:
    """Step both until each has one partition."""
    one.until(
        lambda: (
            len(one.sink.snapshot.partitions) == len(two.sink.snapshot.partitions) == 1
        ),
        two,
    )


@PROTOCOLS
def test_a_partition_moves_without_a_double(
    cluster: Cluster, member: Make, protocol: str
) -> None:
    """One joins, one leaves: what they hand over is written and committed."""
    topic = cluster.create(partitions=2)
    warehouse = MemoryWarehouse()

    def joined() -> Member:
        writer = PlainWriter(warehouse)
        return member(cluster, topic, warehouse, writer=writer, protocol=protocol)

    cluster.produce(topic, range(500), partitions=2)
    one = joined()
    one.until(lambda: one.rows >= 100)
    two = joined()
    cluster.produce(topic, range(500, 1000), partitions=2)
    share(one, two)
    cluster.produce(topic, range(1000, 1500), partitions=2)
    one.until(lambda: one.rows >= 1400, two)
    one.close()
    cluster.produce(topic, range(1500, 2000), partitions=2)
    two.until(lambda: two.rows >= 2000 and two.lag() == 0)
    assert two.ids() == ids(range(2000))


class SlowOnce(PlainWriter):
    """A writer whose next write takes longer than the group is patient."""

    seconds = 0.0

    def write(self, piece: Slice, epochs: Mapping[LogPartition, int]) -> None:
        seconds, self.seconds = self.seconds, 0.0
        time.sleep(seconds)
        super().write(piece, epochs)


def test_a_drain_that_outlasts_the_membership_ends_with_its_write(
    cluster: Cluster, member: Make
) -> None:
    """Its commit is refused, once, and is not asked for until the drain's limit.

    With the classic protocol the client stays a member until its callback returns.
    """
    topic = cluster.create(partitions=2)
    warehouse = MemoryWarehouse()
    slow = SlowOnce(warehouse)
    settings = {"protocol": "consumer", "max_poll_interval": timedelta(seconds=6)}
    one = member(cluster, topic, warehouse, writer=slow, **settings)
    cluster.produce(topic, range(100), partitions=2)
    one.until(lambda: one.rows == 100 and one.lag() == 0)
    slow.seconds = 15.0
    cluster.produce(topic, range(100, 102), partitions=2)
    one.until(lambda: slow.seconds == 0.0)
    plain = PlainWriter(warehouse)
    two = member(cluster, topic, warehouse, writer=plain, protocol="consumer")
    one.until(
        lambda: any(isinstance(value, tell.PartitionsReleased) for value in one.told),
        two,
    )
    answers = [value for value in one.told if isinstance(value, tell.KafkaCommitted)]
    refused = {why for answer in answers for why in answer.errors.values()}
    assert refused == {"UNKNOWN_MEMBER_ID"}
    assert len([answer for answer in answers if answer.errors]) == 1
    two.until(lambda: set(two.ids()) == set(ids(range(102))), one)
