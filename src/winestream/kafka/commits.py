"""Telling the group its position, and what Kafka answered."""

from collections.abc import Mapping
from typing import Final

from confluent_kafka import Consumer, KafkaError, TopicPartition

from winestream.kafka.assignment import Assignment
from winestream.kafka.errors import GONE, kafka_error_of, name_of
from winestream.ports import CommitResult
from winestream.records import LogPartition

NOT_OWNED: Final = "NOT_OWNED"
"""Why a commit for a partition that has left was not sent."""


class Commits:
    """Sends commits for partitions held and gathers the answers. Never raises."""

    def __init__(self, assignment: Assignment) -> None:
        self._assignment = assignment
        self._answers: list[CommitResult] = []

    @property
    def waiting(self) -> bool:
        """Whether answers came in that nobody took."""
        return bool(self._answers)

    def send(
        self, consumer: Consumer, positions: Mapping[LogPartition, int], *, wait: bool
    ) -> CommitResult | None:
        """Commit what is still owned.

        The answer is returned with `wait`, else it is among a later `take`. What is
        not owned any more is answered at once, as an error.
        """
        owned = {p: at for p, at in positions.items() if self._assignment.owns(p)}
        left = {p: at for p, at in positions.items() if p not in owned}
        refused = _refused(left, NOT_OWNED, gone=True)
        if not wait:
            if left:
                self._answers.append(refused)
            if owned:
                self._ask(consumer, owned, wait=False)
            return None
        answer = self._ask(consumer, owned, wait=True) if owned else None
        if answer is None:
            return refused
        errors = {**refused.errors, **answer.errors}
        return CommitResult(dict(positions), errors, refused.gone | answer.gone)

    def _ask(
        self, consumer: Consumer, owned: Mapping[LogPartition, int], *, wait: bool
    ) -> CommitResult | None:
        offsets = [
            TopicPartition(log.topic, log.partition, position)
            for log, position in owned.items()
        ]
        try:
            if wait:
                done = consumer.commit(offsets=offsets, asynchronous=False)
                return self._result(None, done)
            consumer.commit(offsets=offsets, asynchronous=True)
        except Exception as error:  # noqa: BLE001 — a commit's refusal is an answer
            inner = kafka_error_of(error)
            gone = inner is not None and inner.code() in GONE
            refused = _refused(owned, name_of(error), gone=gone)
            if wait:
                return refused
            self._answers.append(refused)
        return None

    def on_commit(
        self, error: KafkaError | None, partitions: list[TopicPartition]
    ) -> None:
        """Take Kafka's answer; the client calls this from inside a poll."""
        result = self._result(error, partitions)
        if result.positions:
            self._answers.append(result)

    def _result(
        self, error: KafkaError | None, partitions: list[TopicPartition]
    ) -> CommitResult:
        positions: dict[LogPartition, int] = {}
        errors: dict[LogPartition, str] = {}
        gone: set[LogPartition] = set()
        for part in partitions:
            log = self._assignment.last_log_of((part.topic, part.partition))
            if log is None:
                continue
            positions[log] = part.offset
            refused = part.error or error
            if refused is not None:
                errors[log] = refused.name()
                if refused.code() in GONE:
                    gone.add(log)
        return CommitResult(positions, errors, frozenset(gone))

    def take(self) -> list[CommitResult]:
        """Return, once, the answers that came in."""
        answers, self._answers = self._answers, []
        return answers


def _refused(
    positions: Mapping[LogPartition, int], why: str, *, gone: bool
) -> CommitResult:
    errors = dict.fromkeys(positions, why)
    return CommitResult(positions, errors, frozenset(positions if gone else ()))
