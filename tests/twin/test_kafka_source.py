"""The genuine client against the embedded broker: what `KafkaSource` promises."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import chain, count
from types import FrameType

import pytest
from confluent_kafka import Producer

from winestream.errors import ConfigurationError, FatalSourceError, SourceError
from winestream.kafka import KafkaSource
from winestream.local import EmbeddedBroker
from winestream.ports import Poll
from winestream.records import LogPartition, Room, Run, Watermarks

ROOM = Room(500, 1_000_000)
FETCH, OFFSET_COMMIT = 1, 8
PROTOCOLS = pytest.mark.parametrize("protocol", ["classic", "consumer"])
_numbers = count()


class Member:
    """A source, what it delivered, and bounded waits."""

    def __init__(self, topic: str, bootstrap: str, **settings: object) -> None:
        self.revoked: list[frozenset[LogPartition]] = []
        self.offsets: dict[LogPartition, list[int]] = {}
        self.commits: list[object] = []
        on_revoke = settings.pop("on_revoke", self.revoked.append)
        if settings.get("protocol", "classic") == "classic":
            settings.setdefault("session_timeout", timedelta(seconds=3))
        self.source = KafkaSource(
            [topic], group=f"group-{topic}", bootstrap=bootstrap, **settings
        )
        self.source.open(on_revoke)

    def poll(self, room: Room = ROOM, timeout: float = 0.05) -> Poll:
        polled = self.source.poll(room, timeout)
        for run in polled.runs:
            self.offsets.setdefault(run.partition, []).extend(run.offsets)
        self.commits += polled.commits
        return polled

    def until(self, wanted: Callable[[Poll], object], seconds: float = 20.0) -> Poll:
        give_up = time.monotonic() + seconds
        while not wanted(polled := self.poll()):
            assert time.monotonic() < give_up, f"waited {seconds} s; {polled}"
        return polled

    def join(self, partitions: int = 2) -> list[LogPartition]:
        assigned = self.until(lambda polled: len(polled.assigned) == partitions)
        return sorted(assigned.assigned)

    def read(self, messages: int) -> None:
        self.until(lambda _: sum(map(len, self.offsets.values())) >= messages)

    def idle(self, seconds: float) -> list[Run]:
        end = time.monotonic() + seconds
        return list(
            chain.from_iterable(
                self.poll().runs for _ in iter(lambda: time.monotonic() < end, False)
            )
        )


@pytest.fixture(scope="module")
def broker() -> Iterator[EmbeddedBroker]:
    """One broker for the module; every test has a topic and a group of its own."""
    with EmbeddedBroker.start() as started:
        yield started


@pytest.fixture
def topic(broker: EmbeddedBroker) -> str:
    """Make a topic of two partitions."""
    name = f"topic-{next(_numbers)}"
    broker.create_topic(name, partitions=2)
    return name


@pytest.fixture
def open_source(broker: EmbeddedBroker, topic: str) -> Iterator[Callable[..., Member]]:
    """Open sources on the topic; they are closed at the end."""
    members: list[Member] = []

    def make(**settings: object) -> Member:
        members.append(Member(topic, broker.bootstrap, **settings))
        return members[-1]

    yield make
    for member in members:
        member.source.close()


def produce(broker: EmbeddedBroker, topic: str, messages: int, size: int = 10) -> None:
    """Write messages to the two partitions in turn."""
    producer = Producer({"bootstrap.servers": broker.bootstrap, "linger.ms": 5})
    for number in range(messages):
        producer.produce(topic, b"x" * size, b"k%d" % number, number % 2)
    assert producer.flush(20) == 0


@PROTOCOLS
def test_a_start_is_not_undone_by_a_late_answer(
    broker: EmbeddedBroker,
    topic: str,
    open_source: Callable[..., Member],
    protocol: str,
) -> None:
    """A new partition has no question under way whose answer could move it.

    The client puts an outdated question for a log's end again half a second later, and
    would go there: past everything, for ever if nothing comes any more.
    """
    for _ in range(20):
        produce(broker, topic, 2, size=20_000)
    member = open_source(protocol=protocol, config={"max.partition.fetch.bytes": 1000})
    logs = member.join()
    broker.set_round_trip(timedelta(milliseconds=400))
    try:
        late = time.monotonic() + 0.6
        member.until(lambda _: time.monotonic() > late)
        member.source.start(dict.fromkeys(logs, 0))
        late += 1.0
        member.until(lambda _: time.monotonic() > late)
    finally:
        broker.set_round_trip(timedelta(0))
    member.read(40)
    assert [member.offsets[log] for log in logs] == [list(range(20))] * 2


@PROTOCOLS
def test_new_partition_waits_for_its_start(
    broker: EmbeddedBroker,
    topic: str,
    open_source: Callable[..., Member],
    protocol: str,
) -> None:
    """A new partition is reported with its identity and delivers nothing unstarted."""
    produce(broker, topic, 1000)
    member = open_source(protocol=protocol)
    logs = member.join()
    assert {log.cluster_id for log in logs} == {broker.cluster_id}
    assert {len(log.topic_id) for log in logs} == {22}
    assert member.idle(0.5) == []
    member.source.start({logs[0]: 7})
    member.read(493)
    assert member.idle(0.3) == []
    assert member.offsets == {logs[0]: list(range(7, 500))}


def test_columns(
    broker: EmbeddedBroker, topic: str, open_source: Callable[..., Member]
) -> None:
    """A run has every column as the producer wrote it, null values included."""
    producer = Producer({"bootstrap.servers": broker.bootstrap, "linger.ms": 5})
    producer.produce(topic, b"a", b"k", 0, timestamp=1_700_000_000_000)
    producer.produce(topic, None, None, 0, timestamp=1_700_000_000_001)
    producer.produce(
        topic, b"c", None, 0, timestamp=1_700_000_000_002, headers=[("h", b"1")]
    )
    producer.flush(10)
    member = open_source()
    logs = member.join()
    member.source.start(dict.fromkeys(logs, 0))
    runs = list(member.until(lambda polled: polled.runs).runs)
    assert [run.offsets for run in runs] == [range(3)]
    assert list(runs[0].values) == [b"a", None, b"c"]
    assert list(runs[0].keys) == [b"k", None, None]
    assert list(runs[0].timestamps) == [1_700_000_000_000 + n for n in range(3)]
    assert runs[0].headers is not None
    assert list(runs[0].headers) == [None, None, [("h", b"1")]]


def test_start_elsewhere_while_prefetched(
    broker: EmbeddedBroker, topic: str, open_source: Callable[..., Member]
) -> None:
    """After `start` nothing of an older position is delivered, prefetched or not."""
    produce(broker, topic, 4000)
    member = open_source()
    log = member.join()[0]
    for position in (0, 1500, 20, 700, 3, 0):
        member.source.start({log: position})
        member.offsets.clear()
        polled = member.until(lambda polled: polled.runs)
        assert polled.runs[0].offsets[0] == position
        time.sleep(0.2)  # the client prefetches meanwhile
        member.read(450)
        first = member.offsets[log][0]
        assert first == position
        expected = list(range(first, first + len(member.offsets[log])))
        assert member.offsets[log] == expected


@PROTOCOLS
def test_hold(
    broker: EmbeddedBroker,
    topic: str,
    open_source: Callable[..., Member],
    protocol: str,
) -> None:
    """A hold delivers nothing, loses nothing, and binds what is started under it."""
    produce(broker, topic, 2000)
    member = open_source(protocol=protocol)
    logs = member.join()
    member.source.start({logs[0]: 0})
    member.until(lambda polled: polled.runs)
    member.source.hold(True)
    member.source.start({logs[1]: 10})
    assert member.idle(0.4) == []
    began = time.monotonic()
    member.source.hold(False)
    member.until(lambda polled: polled.runs)
    assert time.monotonic() - began < 0.9, "the fetcher slept through the resume"
    member.read(1990)
    assert member.offsets == {
        logs[0]: list(range(1000)),
        logs[1]: list(range(10, 1000)),
    }


@PROTOCOLS
def test_revocation(
    broker: EmbeddedBroker,
    topic: str,
    open_source: Callable[..., Member],
    protocol: str,
) -> None:
    """`on_revoke` runs inside `poll`, may drain for a second, and nothing comes late.

    What it commits synchronously is what the new owner finds.
    """
    produce(broker, topic, 4000)
    seen: list[tuple[frozenset[LogPartition], dict[LogPartition, int]]] = []
    refused: dict[LogPartition, str] = {}

    def drain(partitions: frozenset[LogPartition]) -> None:
        if seen:
            return
        time.sleep(1.0)
        ends = {log: member.offsets[log][-1] + 1 for log in partitions}
        answer = member.source.commit(ends, wait=True)
        assert answer is not None
        refused.update(answer.errors)
        seen.append((partitions, ends))

    member = open_source(protocol=protocol, on_revoke=drain)
    logs = member.join()
    member.source.start(dict.fromkeys(logs, 0))
    small = Room(20, 1_000_000)
    give_up = time.monotonic() + 10
    while set(member.offsets) != set(logs):
        member.poll(small)
        assert time.monotonic() < give_up
    other = open_source(protocol=protocol)
    give_up = time.monotonic() + 20
    while not (polled := other.poll()).assigned:
        member.poll(small, timeout=0.02)
        assert time.monotonic() < give_up
    [(revoked, ends)] = seen
    assert polled.assigned == revoked
    assert len(revoked) == 1
    member.idle(0.5)
    assert {log: member.offsets[log][-1] + 1 for log in revoked} == ends
    if refused:
        pytest.skip(f"the group went on before the drain ended: {refused}")
    assert other.source.committed(logs) == ends
    answer = member.source.commit(ends, wait=True)  # not owned any more
    assert answer is not None
    assert set(answer.errors.values()) == {"NOT_OWNED"}


def test_lost(
    broker: EmbeddedBroker, topic: str, open_source: Callable[..., Member]
) -> None:
    """Who polls too late loses the partitions without being asked, and rejoins."""
    produce(broker, topic, 100)
    patience = {"session_timeout": timedelta(seconds=1.5)}
    member = open_source(max_poll_interval=timedelta(seconds=2), **patience)
    logs = member.join()
    member.source.start(dict.fromkeys(logs, 0))
    member.read(100)
    time.sleep(3)
    polled = member.until(lambda polled: polled.lost)
    assert polled.lost == set(logs)
    assert member.revoked == []
    assert member.join() == logs
    assert member.idle(0.3) == []
    member.source.start(dict.fromkeys(logs, 40))
    member.offsets.clear()
    member.read(20)
    assert member.offsets == {log: list(range(40, 50)) for log in logs}


def test_a_lone_message_does_not_wait(
    broker: EmbeddedBroker, topic: str, open_source: Callable[..., Member]
) -> None:
    """A poll ends soon after the first messages, long before its timeout."""
    produce(broker, topic, 2)
    member = open_source()
    logs = member.join()
    member.source.start(dict.fromkeys(logs, 0))
    member.read(2)
    produce(broker, topic, 1)
    began = time.monotonic()
    assert member.poll(timeout=5.0).runs
    assert time.monotonic() - began < 1.5


def test_raising_on_revoke(
    broker: EmbeddedBroker, topic: str, open_source: Callable[..., Member]
) -> None:
    """An exception in `on_revoke` never gets into the client; `poll` raises it."""

    def fail(_: frozenset[LogPartition]) -> None:
        raise ValueError("a bug")

    produce(broker, topic, 10)
    member = open_source(on_revoke=fail)
    member.join()
    other = open_source()
    give_up = time.monotonic() + 20

    def poll_both() -> None:
        while time.monotonic() < give_up:
            other.poll(timeout=0.02)
            member.poll(timeout=0.02)

    with pytest.raises(SourceError, match="a bug"):
        poll_both()


def test_commits(
    broker: EmbeddedBroker, topic: str, open_source: Callable[..., Member]
) -> None:
    """Both kinds of commit are answered, refusals by name, and strangers left out."""
    produce(broker, topic, 100)
    member = open_source()
    one, two = member.join()
    stranger = one._replace(topic_id="another")
    member.source.commit({one: 5, stranger: 9}, wait=False)
    answers = []
    while len(answers) < 2:
        answers += member.until(lambda polled: polled.commits).commits
    taken = {log: at for answer in answers for log, at in answer.positions.items()}
    refused = {log: why for answer in answers for log, why in answer.errors.items()}
    assert taken == {one: 5, stranger: 9}
    assert refused == {stranger: "NOT_OWNED"}
    assert {log for answer in answers for log in answer.gone} == {stranger}
    answer = member.source.commit({one: 6, two: 7}, wait=True)
    assert answer is not None
    assert (dict(answer.positions), dict(answer.errors)) == ({one: 6, two: 7}, {})
    assert member.source.committed([one, two]) == {one: 6, two: 7}
    for wait in (False, True):
        broker.fail(OFFSET_COMMIT, 28)
        answer = member.source.commit({one: 8}, wait=wait)
        if answer is None:
            [answer] = member.until(lambda polled: polled.commits).commits
        assert dict(answer.errors) == {one: "INVALID_COMMIT_OFFSET_SIZE"}
        assert not answer.gone
    assert member.source.committed([one, two]) == {one: 6, two: 7}


@pytest.mark.parametrize(
    ("code", "name"), [(22, "ILLEGAL_GENERATION"), (25, "UNKNOWN_MEMBER_ID")]
)
@pytest.mark.parametrize("wait", [False, True])
def test_commit_of_one_who_is_no_member(
    broker: EmbeddedBroker,
    topic: str,
    open_source: Callable[..., Member],
    code: int,
    name: str,
    *,
    wait: bool,
) -> None:
    """That the group has gone on is told apart from what a later commit may heal."""
    produce(broker, topic, 10)
    member = open_source()
    one, two = member.join()
    broker.fail(OFFSET_COMMIT, code)
    answer = member.source.commit({one: 5, two: 5}, wait=wait)
    if answer is None:
        [answer] = member.until(lambda polled: polled.commits).commits
    assert dict(answer.errors) == {one: name, two: name}
    assert answer.gone == {one, two}


def test_no_commit_yet(
    broker: EmbeddedBroker, topic: str, open_source: Callable[..., Member]
) -> None:
    """Partitions the group never committed are absent from `committed`."""
    produce(broker, topic, 10)
    member = open_source()
    assert member.source.committed(member.join()) == {}


def test_out_of_range(
    broker: EmbeddedBroker, topic: str, open_source: Callable[..., Member]
) -> None:
    """A position the log has not is reported once with its ends, and can be left."""
    produce(broker, topic, 100)
    member = open_source()
    one, two = member.join()
    member.source.start({one: 4000, two: 0})
    polled = member.until(lambda polled: polled.out_of_range)
    [found] = polled.out_of_range
    assert (found.partition, found.low, found.high) == (one, 0, 50)
    assert member.idle(0.3) == []
    member.source.start({one: 40})
    member.read(60)
    assert member.offsets == {one: list(range(40, 50)), two: list(range(50))}


@pytest.mark.parametrize(
    ("start", "position"),
    [
        ("earliest", 0),
        ("latest", 50),
        # The embedded broker knows no times: it answers "after the last message".
        (datetime(2020, 1, 1, tzinfo=UTC), 50),
    ],
)
def test_initial_positions(
    broker: EmbeddedBroker,
    topic: str,
    open_source: Callable[..., Member],
    start: object,
    position: int,
) -> None:
    """The start policy resolves to offsets; after the last message is the end."""
    produce(broker, topic, 100)
    member = open_source(start=start)
    logs = member.join()
    assert member.source.initial_positions(logs) == dict.fromkeys(logs, position)
    assert member.source.initial_positions([]) == {}


def test_reached_is_never_stale(
    broker: EmbeddedBroker, topic: str, open_source: Callable[..., Member]
) -> None:
    """A position from before a `start` is never reported as reached."""
    produce(broker, topic, 400)
    member = open_source()
    log, _ = member.join()
    member.source.start({log: 0})
    member.read(200)
    polled = member.until(lambda polled: polled.reached)
    assert polled.reached == {log: 200}
    for position in (50, 0, 199):
        member.source.hold(True)
        member.source.start({log: position})
        for _ in range(5):
            assert log not in member.poll(timeout=0.01).reached
        member.source.hold(False)
        member.offsets.clear()
        polled = member.until(lambda polled: polled.reached)
        assert member.offsets == {log: list(range(position, 200))}
        assert polled.reached == {log: 200}


def test_fetch_errors(
    broker: EmbeddedBroker, topic: str, open_source: Callable[..., Member]
) -> None:
    """Broker errors while fetching cost no message and deliver none twice."""
    produce(broker, topic, 2000)
    member = open_source()
    logs = member.join()
    member.source.start(dict.fromkeys(logs, 0))
    # not leader, leader unavailable, timed out, storage error, unknown, fenced epoch
    broker.fail(FETCH, 6, 5, 7, 56, -1, 74)
    give_up = time.monotonic() + 20
    while sum(map(len, member.offsets.values())) < 2000:
        assert time.monotonic() < give_up
        try:
            member.poll()
        except FatalSourceError:
            raise
        except SourceError:
            member.source.start({log: len(member.offsets.get(log, ())) for log in logs})
    assert member.offsets == {log: list(range(1000)) for log in logs}


def test_denied_topic(
    broker: EmbeddedBroker, topic: str, open_source: Callable[..., Member]
) -> None:
    """A missing right is fatal, and the error names the right to grant."""
    produce(broker, topic, 10)
    member = open_source()
    logs = member.join()
    broker.clear_failures(FETCH)
    broker.fail(FETCH, *[29] * 3)
    member.source.start(dict.fromkeys(logs, 0))
    with pytest.raises(FatalSourceError, match="grant this user READ"):
        member.until(lambda _: False, 10)
    broker.clear_failures(FETCH)


def test_interrupt_inside_poll(
    broker: EmbeddedBroker, topic: str, open_source: Callable[..., Member]
) -> None:
    """An interrupt destroys what was fetched; a restart from there reads it again."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    def poll_until_interrupted() -> None:
        kill = threading.Timer(0.02, os.kill, (os.getpid(), signal.SIGUSR1))
        kill.start()
        give_up = time.monotonic() + 60
        while time.monotonic() < give_up:
            member.poll(Room(100_000, 1 << 40), 5.0)

    produce(broker, topic, 20_000)
    member = open_source()
    logs = member.join()
    member.source.start(dict.fromkeys(logs, 0))
    old = signal.signal(signal.SIGUSR1, interrupt)
    try:
        for _ in range(4):
            with pytest.raises(KeyboardInterrupt):
                poll_until_interrupted()
            counts = {log: len(member.offsets.get(log, ())) for log in logs}
            member.source.start(counts)
    finally:
        signal.signal(signal.SIGUSR1, old)
    member.read(20_000)
    assert member.offsets == {log: list(range(10_000)) for log in logs}


def test_failed_poll_heals_itself(
    broker: EmbeddedBroker,
    topic: str,
    open_source: Callable[..., Member],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """After a poll that raised, reading goes on where delivery stopped."""
    produce(broker, topic, 4000)
    member = open_source()
    logs = member.join()
    member.source.start(dict.fromkeys(logs, 0))
    member.read(100)
    real = member.source._consumer

    class Destroying:
        def __getattr__(self, name: str) -> object:
            return getattr(real, name)

        def consume(self, size: int, timeout: float) -> list[object]:
            real.consume(size, timeout)
            raise RuntimeError("a callback raised")

    with monkeypatch.context() as patch:
        patch.setattr(member.source, "_consumer", Destroying())
        with pytest.raises(SourceError, match="a callback raised"):
            member.poll()
    member.read(4000)
    assert member.offsets == {log: list(range(2000)) for log in logs}


def test_room(
    broker: EmbeddedBroker, topic: str, open_source: Callable[..., Member]
) -> None:
    """A poll brings no more rows or bytes than there is room for, but always one."""
    produce(broker, topic, 400, size=1000)
    member = open_source()
    logs = member.join()
    member.source.start(dict.fromkeys(logs, 0))
    first = member.until(lambda polled: polled.runs)
    assert sum(map(len, first.runs)) <= 1_000_000 // (16 * 1024)

    def polled_with(room: Room) -> int:
        give_up = time.monotonic() + 10
        while time.monotonic() < give_up:
            if runs := member.poll(room, 0.5).runs:
                return sum(map(len, runs))
        raise AssertionError

    assert polled_with(Room(7, 1_000_000)) <= 7
    assert polled_with(Room(500, 5_500)) <= 5
    assert polled_with(Room(0, 0)) == 1


def test_outage(topic: str) -> None:
    """A broker that goes away is reported, and reading goes on when it is back."""
    with EmbeddedBroker.start({topic: 2}) as broker:
        produce(broker, topic, 100)
        member = Member(topic, broker.bootstrap)
        logs = member.join()
        member.source.start(dict.fromkeys(logs, 0))
        member.read(100)
        broker.down()
        with pytest.raises(SourceError, match="brokers"):
            member.until(lambda _: False, 10)
        broker.up()
        give_up = time.monotonic() + 20
        try:
            produce(broker, topic, 100)
            while sum(map(len, member.offsets.values())) < 200:
                assert time.monotonic() < give_up
                try:
                    member.poll()
                except SourceError:
                    continue
        finally:
            member.source.close()
        assert member.offsets == {log: list(range(100)) for log in logs}


def test_closing_does_not_wait_for_ever(topic: str) -> None:
    """A commit that nobody answers, as in a rebalance, keeps `close` only so long."""
    with EmbeddedBroker.start({topic: 2}) as broker:
        produce(broker, topic, 100)
        member = Member(topic, broker.bootstrap, leave_within=timedelta(seconds=1))
        logs = member.join()
        member.source.start(dict.fromkeys(logs, 0))
        member.read(100)
        os.kill(broker.pid, signal.SIGSTOP)
        try:
            member.source.commit(dict.fromkeys(logs, 50), wait=False)
            with pytest.raises(SourceError, match="did not let go within 1 s"):
                member.source.close()
        finally:
            os.kill(broker.pid, signal.SIGCONT)
        for thread in threading.enumerate():
            if thread.name == "winestream-leave":
                thread.join(30)
                assert not thread.is_alive(), "the answer is there"


def test_watermarks(
    broker: EmbeddedBroker, topic: str, open_source: Callable[..., Member]
) -> None:
    """The ends of the log are known while reading; before that they may be absent."""
    produce(broker, topic, 100)
    member = open_source()
    one, two = member.join()
    assert set(member.source.watermarks().values()) <= {Watermarks(0, 50)}
    member.source.start({one: 0, two: 0})
    member.read(100)
    marks = member.source.watermarks()
    assert {log: (m.low, m.high) for log, m in marks.items()} == {
        one: (0, 50),
        two: (0, 50),
    }


def test_missing_topic(broker: EmbeddedBroker) -> None:
    """A topic that does not appear within the patience is fatal; the error names it."""
    member = Member(
        "not-there", broker.bootstrap, topic_patience=timedelta(seconds=0.5)
    )
    try:
        with pytest.raises(SourceError, match="not-there") as first:
            member.until(lambda _: False, 10)
        assert not isinstance(first.value, FatalSourceError)
        with pytest.raises(FatalSourceError, match="not-there does not exist"):
            member.until(lambda _: False, 10)
    finally:
        member.source.close()


def test_unknown_property(broker: EmbeddedBroker) -> None:
    """A property the client does not know is a configuration error."""
    source = KafkaSource(
        ["t"], group="g", bootstrap=broker.bootstrap, config={"no.such": 1}
    )
    with pytest.raises(ConfigurationError, match=r"no\.such"):
        source.open(lambda _: None)
