from datetime import UTC, datetime
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from winestream.errors import ConfigurationError, FatalSourceError, SourceError
from winestream.kafka.offsets import check_policy, committed, resolve
from winestream.records import LogPartition

LOGS = [LogPartition("c", "i", "t", n) for n in range(2)]


class FakeConsumer:
    """Knows logs of [10, 20) whose messages are one second apart, from 1000 s on."""

    def __init__(self, error: KafkaError | None = None) -> None:
        self.error = error

    def offsets_for_times(
        self, parts: list[TopicPartition], timeout: float
    ) -> list[TopicPartition]:
        assert timeout > 0
        return [self._answer(part) for part in parts]

    committed = offsets_for_times

    def _answer(self, part: TopicPartition) -> TopicPartition:
        if part.offset == -2:
            offset = 10
        elif part.offset == -1:
            offset = 20
        else:
            second = -(-part.offset // 1000) - 1000
            offset = 10 + max(second, 0) if second < 10 else -1
        found = TopicPartition(part.topic, part.partition, offset)
        if self.error is not None and part.partition == 1:
            return _Failed(found, self.error)  # type: ignore[return-value]
        return found


class _Failed:
    def __init__(self, part: TopicPartition, error: KafkaError) -> None:
        self.topic, self.partition, self.offset = part.topic, part.partition, 0
        self.error = error


def _at(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


@pytest.mark.parametrize(
    ("start", "offset"),
    [
        ("earliest", 10),
        ("latest", 20),
        (_at(0), 10),
        (_at(1004), 14),
        (_at(1004.5), 15),
        (_at(5000), 20),
    ],
)
def test_resolve(start: Any, offset: int) -> None:
    """A time is the first message at or after it; after the last it is the end."""
    consumer: Any = FakeConsumer()
    assert resolve(consumer, LOGS, start) == dict.fromkeys(LOGS, offset)


def test_refused_for_one_partition() -> None:
    """One partition's error is an error that names it."""
    consumer: Any = FakeConsumer(KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED))
    with pytest.raises(FatalSourceError, match=r"t\[1\]"):
        resolve(consumer, LOGS, "earliest")


def test_no_answer() -> None:
    """A broker that does not answer is a passing error."""

    class Away:
        def committed(self, *_: Any, **__: Any) -> None:
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT))

    consumer: Any = Away()
    with pytest.raises(SourceError, match="committed"):
        committed(consumer, LOGS)


@pytest.mark.parametrize("start", ["newest", datetime(2026, 1, 1)])  # noqa: DTZ001 — the point
def test_policies_that_name_no_offset(start: Any) -> None:
    """A word nobody knows and a time without a zone are refused."""
    with pytest.raises(ConfigurationError):
        check_policy(start)
