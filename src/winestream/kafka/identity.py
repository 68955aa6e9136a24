"""Which log a topic's name stands for: cluster id and topic id, asked of the broker.

Asks without blocking: a question is put, its answer is looked for at later polls.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from typing import Any, Final

from confluent_kafka import KafkaError, TopicCollection, Uuid
from confluent_kafka.admin import AdminClient

from winestream.kafka.errors import error_from, kafka_error_of
from winestream.kafka.settings import Setting
from winestream.records import UNKNOWN_TOPIC_ID

_REQUEST_TIMEOUT: Final = 10.0
# After a failed question: 1 s, doubled to at most 30 s.
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 30.0
_UNSUPPORTED: Final = frozenset(
    {KafkaError.UNSUPPORTED_VERSION, KafkaError._UNSUPPORTED_FEATURE}
)


class Identities:
    """Finds out cluster and topic ids. One thread owns it.

    `ask` may be called from a callback: it only notes. `answers` puts the question
    and gives what came in; it never blocks, and raises `SourceError` when a question
    failed, after which the same topics are asked for again a little later.
    """

    def __init__(
        self,
        settings: Mapping[str, Setting],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = dict(settings)
        self._clock = clock
        self._wanted: set[str] = set()
        self._cluster: Future[Any] | None = None
        self._topics: dict[str, Future[Any]] = {}
        self._pause = _FIRST_PAUSE
        self._not_before = 0.0
        # Held for good: a collected client would fail the questions under way.
        self._admin: AdminClient | None = None

    @property
    def open(self) -> bool:
        """Whether a topic's id is still to be found out."""
        return bool(self._wanted or self._topics)

    def ask(self, topics: Iterable[str]) -> None:
        """Want the ids of these topics, anew even if they were known."""
        self._wanted.update(topics)

    def answers(self) -> Mapping[str, tuple[str, str]]:
        """Return topic → (cluster id, topic id) as far as answers came in."""
        if self._cluster is None:
            if not self._wanted or self._clock() < self._not_before:
                return {}
            self._put()
        waiting = [self._cluster, *self._topics.values()]
        if not all(future is not None and future.done() for future in waiting):
            return {}
        return self._collect()

    def close(self) -> None:
        """Let the connection go."""
        self._admin = None

    def _put(self) -> None:
        if self._admin is None:
            self._admin = AdminClient(self._settings)
        topics = sorted(self._wanted)
        self._wanted.clear()
        self._cluster = self._admin.describe_cluster(request_timeout=_REQUEST_TIMEOUT)
        self._topics = self._admin.describe_topics(
            TopicCollection(topics), request_timeout=_REQUEST_TIMEOUT
        )

    def _collect(self) -> Mapping[str, tuple[str, str]]:
        cluster, topics = self._cluster, self._topics
        assert cluster is not None
        self._cluster, self._topics = None, {}
        try:
            cluster_id = str(cluster.result().cluster_id or "")
            found = {t: (cluster_id, _topic_id(f)) for t, f in topics.items()}
        except Exception as error:
            self._wanted.update(topics)
            self._not_before = self._clock() + self._pause
            self._pause = min(2 * self._pause, _LONGEST_PAUSE)
            names = ", ".join(sorted(topics))
            raise error_from(error, f"finding out the topic ids of {names}") from error
        self._pause = _FIRST_PAUSE
        return found


def _topic_id(future: Future[Any]) -> str:
    try:
        topic_id: Uuid = future.result().topic_id
    except Exception as error:
        inner = kafka_error_of(error)
        if inner is not None and inner.code() in _UNSUPPORTED:
            return UNKNOWN_TOPIC_ID
        raise
    return str(topic_id)
