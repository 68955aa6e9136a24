from collections.abc import Iterable
from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException, Uuid

from winestream.errors import FatalSourceError, SourceError
from winestream.kafka.identity import Identities
from winestream.records import UNKNOWN_TOPIC_ID


class FakeAdmin:
    """Answers what it is told, when it is told."""

    def __init__(self) -> None:
        self.client = self
        self.asked: list[list[str]] = []
        self.renewed = 0
        self.cluster: Future[Any] = Future()
        self.topics: dict[str, Future[Any]] = {}

    def renew(self) -> None:
        self.renewed += 1

    def describe_cluster(self, request_timeout: float) -> Future[Any]:
        assert request_timeout > 0
        self.cluster = Future()
        return self.cluster

    def describe_topics(
        self, topics: Any, request_timeout: float
    ) -> dict[str, Future[Any]]:
        assert request_timeout > 0
        self.asked.append(list(topics.topic_names))
        self.topics = {name: Future() for name in topics.topic_names}
        return self.topics

    def answer(self, *uuids: int | Exception) -> None:
        self.cluster.set_result(SimpleNamespace(cluster_id="c"))
        for future, uuid in zip(self.topics.values(), uuids, strict=True):
            if isinstance(uuid, Exception):
                future.set_exception(uuid)
            else:
                future.set_result(SimpleNamespace(topic_id=Uuid(0, uuid)))


class World:
    def __init__(self) -> None:
        self.now = 0.0
        self.admin = FakeAdmin()
        self.identities = Identities(
            self.admin,  # type: ignore[arg-type] # quacks like one
            recheck=5.0,
            clock=lambda: self.now,
        )

    def answers(self, known: Iterable[str] = ()) -> dict[str, tuple[str, str]]:
        return dict(self.identities.answers(known))


def _failed(code: int) -> KafkaException:
    return KafkaException(KafkaError(code))


def test_asks_once_and_never_blocks() -> None:
    """A question is put once and answered when all of it came in."""
    world = World()
    world.identities.ask(["b", "a"])
    assert world.answers() == {}
    assert world.answers() == {}
    assert world.admin.asked == [["a", "b"]]
    assert world.identities.open
    world.admin.answer(1, 2)
    assert world.answers() == {"a": ("c", str(Uuid(0, 1))), "b": ("c", str(Uuid(0, 2)))}
    assert not world.identities.open


def test_unknown_ids() -> None:
    """A zero id, and a broker that knows none, are the unknown topic id."""
    world = World()
    world.identities.ask(["a", "b"])
    world.answers()
    world.admin.answer(0, _failed(KafkaError.UNSUPPORTED_VERSION))
    unknown = ("c", UNKNOWN_TOPIC_ID)
    assert world.answers() == {"a": unknown, "b": unknown}


def test_failure_is_asked_again_later() -> None:
    """A failed question is raised once and put again after a growing pause.

    By another client: the one that failed may wait for a broker that is gone.
    """
    world = World()
    world.identities.ask(["a"])
    for asked, pause in enumerate((1.0, 2.0, 4.0), start=1):
        world.answers()
        assert len(world.admin.asked) == asked
        world.admin.answer(_failed(KafkaError._TIMED_OUT))
        with pytest.raises(SourceError, match="topic ids of a"):
            world.answers()
        assert world.admin.renewed == asked
        world.now += pause - 0.1
        assert world.answers() == {}
        assert len(world.admin.asked) == asked
        world.now += 0.1
    world.answers()
    world.admin.answer(7)
    assert set(world.answers()) == {"a"}


def test_denied() -> None:
    """A missing right to describe the topic is fatal."""
    world = World()
    world.identities.ask(["a"])
    world.answers()
    world.admin.answer(_failed(KafkaError.TOPIC_AUTHORIZATION_FAILED))
    with pytest.raises(FatalSourceError, match="DESCRIBE"):
        world.answers()


def test_second_look() -> None:
    """Known topics are looked at again in time; a failure of that is no error."""
    world = World()
    assert world.answers(["a"]) == {}
    assert world.admin.asked == []
    world.now = 5.0
    world.answers(["a"])
    assert world.admin.asked == [["a"]]
    world.admin.answer(_failed(KafkaError._TIMED_OUT))
    assert world.answers(["a"]) == {}
    world.now = 10.0
    world.answers(["a"])
    world.admin.answer(3)
    assert world.answers(["a"]) == {"a": ("c", str(Uuid(0, 3)))}
