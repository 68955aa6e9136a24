"""Telling the group its position, and what Kafka answered."""

from collections.abc import Mapping

from confluent_kafka import Consumer, KafkaError, TopicPartition

from winestream.kafka.assignment import Assignment
from winestream.kafka.errors import name_of
from winestream.ports import CommitResult
from winestream.records import LogPartition


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
    ) -> None:
        """Commit what is still owned; the answer is among the next `take`."""
        owned = {
            log: position
            for log, position in positions.items()
            if self._assignment.owns(log)
        }
        if not owned:
            return
        offsets = [
            TopicPartition(log.topic, log.partition, position)
            for log, position in owned.items()
        ]
        try:
            if wait:
                done = consumer.commit(offsets=offsets, asynchronous=False)
                self.on_commit(None, done)
            else:
                consumer.commit(offsets=offsets, asynchronous=True)
        except Exception as error:  # noqa: BLE001 — a commit's refusal is an answer
            why = name_of(error)
            self._answers.append(CommitResult(owned, dict.fromkeys(owned, why)))

    def on_commit(
        self, error: KafkaError | None, partitions: list[TopicPartition]
    ) -> None:
        """Take Kafka's answer; the client calls this from inside a poll."""
        positions: dict[LogPartition, int] = {}
        errors: dict[LogPartition, str] = {}
        for part in partitions:
            log = self._assignment.last_log_of((part.topic, part.partition))
            if log is None:
                continue
            positions[log] = part.offset
            refused = part.error or error
            if refused is not None:
                errors[log] = refused.name()
        if positions:
            self._answers.append(CommitResult(positions, errors))

    def take(self) -> list[CommitResult]:
        """Return, once, the answers that came in."""
        answers, self._answers = self._answers, []
        return answers
