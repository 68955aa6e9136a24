"""What Kafka says of the logs an audit looks at.

Asks without joining the group, so that nothing is rebalanced. A log of another cluster
or topic id is not this broker's: its offsets would mean nothing here.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Self

from confluent_kafka import Consumer, KafkaException, TopicCollection, TopicPartition

from winestream.errors import ConfigurationError
from winestream.kafka.admin import Admin
from winestream.kafka.errors import UNSUPPORTED, error_from, kafka_error_of
from winestream.kafka.offsets import resolve
from winestream.kafka.settings import Setting, connection_settings, without_secrets
from winestream.records import UNKNOWN_TOPIC_ID, LogPartition

_TIMEOUT = 15.0


class KafkaBroker:
    """The broker of one consumer group; close it, or use it in a `with` statement.

    `config` takes the client's connection properties (TLS, SASL). Raises
    `ConfigurationError` for a property that the client refuses.
    """

    def __init__(
        self,
        bootstrap: str,
        group: str,
        config: Mapping[str, Setting] | None = None,
    ) -> None:
        settings = {
            "client.id": "winestream-audit",
            "log_level": 2,  # as the source's
            **connection_settings(config or {}),
            "bootstrap.servers": bootstrap,
        }
        self._bootstrap = bootstrap
        self._admin = Admin(settings)
        try:
            self._consumer = Consumer(
                {**settings, "group.id": group, "enable.auto.commit": False}
            )
        except (KafkaException, TypeError, ValueError) as error:
            said = without_secrets(str(error), settings)
            raise ConfigurationError(f"the Kafka client refuses: {said}") from None

    def committed(self, logs: Iterable[LogPartition]) -> Mapping[LogPartition, int]:
        """Return the group's committed positions. Raises `SourceError`."""
        wanted = list(logs)
        if not wanted:
            return {}
        names = {(log.topic, log.partition) for log in wanted}
        try:
            parts = self._consumer.committed(
                [TopicPartition(*name) for name in sorted(names)], timeout=_TIMEOUT
            )
        except Exception as error:
            doing = f"asking {self._bootstrap} for committed positions"
            raise error_from(error, doing) from error
        found = {(part.topic, part.partition): part.offset for part in parts}
        positions = {log: found[log.topic, log.partition] for log in wanted}
        return {log: offset for log, offset in positions.items() if offset >= 0}

    def ends(
        self, logs: Iterable[LogPartition]
    ) -> Mapping[LogPartition, tuple[int, int]]:
        """Return the first offset and the end of the logs held here."""
        wanted = list(logs)
        if not wanted:
            return {}
        try:
            here = self._identities({log.topic for log in wanted})
            return {
                log: self._consumer.get_watermark_offsets(
                    TopicPartition(log.topic, log.partition), timeout=_TIMEOUT
                )
                for log in wanted
                if _same_log(log, here.get(log.topic))
            }
        except Exception as error:
            raise error_from(error, "asking for the logs' ends") from error

    def at(
        self, logs: Iterable[LogPartition], when: datetime
    ) -> Mapping[LogPartition, int]:
        """Return the offset of the first message of that time or later, or the end.

        `when` has a zone. Raises `SourceError`.
        """
        return resolve(self._consumer, logs, when)

    def _identities(self, topics: Iterable[str]) -> Mapping[str, tuple[str, str]]:
        """Return topic → (cluster id, topic id) of the topics that exist."""
        admin = self._admin.client
        cluster = admin.describe_cluster(request_timeout=_TIMEOUT).result()
        asked = admin.describe_topics(
            TopicCollection(sorted(topics)), request_timeout=_TIMEOUT
        )
        found = {}
        for topic, future in asked.items():
            try:
                topic_id = str(future.result().topic_id)
            except KafkaException as error:
                inner = kafka_error_of(error)
                if inner is None or inner.code() not in UNSUPPORTED:
                    continue
                topic_id = UNKNOWN_TOPIC_ID
            found[topic] = (str(cluster.cluster_id or ""), topic_id)
        return found

    def close(self) -> None:
        """Let the connections go."""
        self._consumer.close()
        self._admin.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _same_log(log: LogPartition, here: tuple[str, str] | None) -> bool:
    if here is None or here[0] != log.cluster_id:
        return False
    return here[1] == log.topic_id or UNKNOWN_TOPIC_ID in (here[1], log.topic_id)
