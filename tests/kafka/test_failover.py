"""Three brokers, and the one that leads is killed while messages pass through it."""

import os
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from benchmarks.apache import NoKafkaError, ThreeBrokers
from kafka_world import PATIENCE, Cluster, Member, event, ids

Make = Callable[..., Member]
PARTITIONS, EACH_ROUND = 2, 1500


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ThreeBrokers]:
    """Start three brokers that may be killed."""
    if os.environ.get("WINESTREAM_TEST_BROKERS"):
        pytest.skip("needs brokers that it may kill")
    try:
        with ThreeBrokers(tmp_path_factory.mktemp("three")) as started:
            yield started
    except NoKafkaError as error:
        pytest.skip(str(error))


class Story:
    """A producer in a thread: acknowledged by two replicas, each message once."""

    def __init__(self, cluster: Cluster, topic: str) -> None:
        self._producer = cluster.producer(acks="all")
        self._topic = topic
        self._wanted = self._sent = 0
        self.acknowledged = 0
        self.errors: list[str] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._tell)
        self._thread.start()

    def more(self, messages: int) -> None:
        """Send so many more."""
        self._wanted += messages

    def end(self) -> None:
        """Wait until all are acknowledged."""
        self._ended.set()
        self._thread.join()
        assert self._producer.flush(PATIENCE) == 0

    def _tell(self) -> None:
        while not self._ended.is_set():
            if self._sent == self._wanted:
                self._producer.poll(0.01)
                continue
            number, self._sent = self._sent, self._sent + 1
            self._producer.produce(
                self._topic,
                event(number),
                b"k%d" % number,
                number % PARTITIONS,
                on_delivery=self._heard,
            )
            self._producer.poll(0.001)  # some hundred a second

    def _heard(self, error: object, _message: object) -> None:
        if error is None:
            self.acknowledged += 1
        else:
            self.errors.append(str(error))


@pytest.mark.parametrize("protocol", ["classic", "consumer"])
def test_the_leader_is_killed(
    three: ThreeBrokers, member: Make, protocol: str, request: pytest.FixtureRequest
) -> None:
    """Another broker leads, the consumer goes on; nothing is lost, nothing doubled.

    The group's coordinator and the producer's broker may be the same machine. It comes
    back on its data, and then its successor is killed.
    """
    cluster = Cluster(three.bootstrap)
    topic = cluster.create(
        partitions=PARTITIONS, replication=3, min_insync_replicas="2"
    )
    reader = member(cluster, topic, protocol=protocol)
    story = Story(cluster, topic)
    request.addfinalizer(story._ended.set)
    leaders = []
    for _ in range(2):
        begun = reader.rows
        story.more(EACH_ROUND // 2)
        reader.until(lambda: reader.rows >= begun + EACH_ROUND // 3)  # noqa: B023
        leader = cluster.leader(topic)
        leaders.append(leader)
        three.nodes[leader].kill()
        try:
            # Acknowledged by another leader, or not at all.
            story.more(EACH_ROUND // 2)
            reader.until(lambda: reader.rows == begun + EACH_ROUND)  # noqa: B023
            reader.until(lambda: cluster.leader(topic) not in (leader, -1))  # noqa: B023
        finally:
            three.nodes[leader].start()
        give_up = time.monotonic() + PATIENCE
        while cluster.in_sync(topic) < 3:
            reader.sink.step(0.05)
            assert time.monotonic() < give_up, "the broker did not catch up"
    story.end()
    assert story.errors == []
    assert story.acknowledged == 2 * EACH_ROUND
    assert leaders[0] != leaders[1]
    reader.until(lambda: reader.lag() == 0)
    assert reader.ids() == ids(range(2 * EACH_ROUND))  # lost 0, duplicates 0
    reader.exactly_once()
    assert reader.warehouse.gaps == []
