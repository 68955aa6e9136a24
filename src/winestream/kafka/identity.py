"""Which log a topic's name stands for: cluster id and topic id, asked of the broker.

Asks without blocking: a question is put, its answer is looked for at later polls.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from typing import Any, Final

from confluent_kafka import TopicCollection, Uuid

from winestream.kafka.admin import Admin
from winestream.kafka.errors import UNSUPPORTED, error_from, kafka_error_of
from winestream.records import UNKNOWN_TOPIC_ID

# Nothing is read meanwhile after a rebalance, and a broker that died never answers.
_REQUEST_TIMEOUT: Final = 5.0
# After a failed question: 1 s, doubled to at most 30 s.
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 30.0


class Identities:
    """Finds out cluster and topic ids. One thread owns it.

    `ask` may be called from a callback: it only notes. `answers` puts the question
    and gives what came in; it never blocks, and raises `SourceError` when a question
    failed, after which the same topics are asked for again a little later.

    Known topics are looked at again every `recheck` seconds: a client goes on reading
    a topic that was made again under its name as if nothing had happened.
    """

    def __init__(
        self,
        admin: Admin,
        recheck: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._admin, self._recheck, self._clock = admin, recheck, clock
        self._wanted: set[str] = set()
        self._cluster: Future[Any] | None = None
        self._topics: dict[str, Future[Any]] = {}
        self._needed = False
        self._pause = _FIRST_PAUSE
        self._not_before = self._checked_at = clock()

    @property
    def open(self) -> bool:
        """Whether a topic's id is still to be found out."""
        return bool(self._wanted or self._topics)

    def ask(self, topics: Iterable[str]) -> None:
        """Want the ids of these topics, anew even if they were known."""
        self._wanted.update(topics)

    def answers(self, known: Iterable[str]) -> Mapping[str, tuple[str, str]]:
        """Return topic → (cluster id, topic id) as far as answers came in.

        `known` are the topics to look at again when it is time.
        """
        if self._cluster is None:
            self._put(known)
        waiting = [self._cluster, *self._topics.values()]
        if not all(future is not None and future.done() for future in waiting):
            return {}
        return self._collect()

    def _put(self, known: Iterable[str]) -> None:
        now = self._clock()
        if now < self._not_before:
            return
        self._needed = bool(self._wanted)
        if now - self._checked_at >= self._recheck:
            self._wanted.update(known)
            self._checked_at = now
        if not self._wanted:
            return
        topics = sorted(self._wanted)
        self._wanted.clear()
        admin = self._admin.client
        self._cluster = admin.describe_cluster(request_timeout=_REQUEST_TIMEOUT)
        self._topics = admin.describe_topics(
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
            self._admin.renew()
            self._not_before = self._clock() + self._pause
            self._pause = min(2 * self._pause, _LONGEST_PAUSE)
            if not self._needed and not self._wanted:
                return {}  # only a second look
            self._wanted.update(topics)
            names = ", ".join(sorted(topics))
            raise error_from(error, f"finding out the topic ids of {names}") from error
        self._pause = _FIRST_PAUSE
        return found


def _topic_id(future: Future[Any]) -> str:
    try:
        topic_id: Uuid = future.result().topic_id
    except Exception as error:
        inner = kafka_error_of(error)
        if inner is not None and inner.code() in UNSUPPORTED:
            return UNKNOWN_TOPIC_ID
        raise
    return str(topic_id)
