"""The group's callbacks: they run inside `consume` and `close`, and never raise.

Whatever raises there destroys the messages that were fetched, so an exception is kept
and raised by `poll` afterwards.
"""

from confluent_kafka import Consumer, TopicPartition

from winestream.kafka.assignment import Assignment
from winestream.kafka.identity import Identities
from winestream.kafka.runs import Name
from winestream.kafka.trouble import Trouble
from winestream.ports import OnRevoke
from winestream.records import LogPartition


class Rebalance:
    """Notes what comes and goes. Only `on_revoke` does work, that of the sink."""

    def __init__(
        self, assignment: Assignment, identities: Identities, trouble: Trouble
    ) -> None:
        self._assignment = assignment
        self._identities = identities
        self._trouble = trouble
        self._reported: frozenset[LogPartition] = frozenset()
        self.work: OnRevoke | None = None
        """What to do with partitions that are about to leave."""

    def report(self) -> tuple[frozenset[LogPartition], frozenset[LogPartition]]:
        """Return what is assigned now, and what of the last report was lost since."""
        lost = self._assignment.take_lost() & self._reported
        self._reported = self._assignment.known
        return self._reported, lost

    def on_assign(self, consumer: Consumer, parts: list[TopicPartition]) -> None:
        """Take partitions in, paused: they are read once they are started."""
        try:
            names = _names(parts)
            self._assignment.add(names)
            self._identities.ask(topic for topic, _ in names)
            self._trouble.found(topic for topic, _ in names)
            # A number as a placeholder, for nothing is read from it. An end would be
            # asked for, and an answer that the pause outdates is asked for again half
            # a second later: where it comes after a start, the client goes to the end.
            placed = [TopicPartition(t, number, 0) for t, number in names]
            consumer.incremental_assign(placed)
            if placed:
                consumer.pause(placed)
        except BaseException as error:  # noqa: BLE001 — raised by poll instead
            self._trouble.caught(error)

    def on_revoke(self, _consumer: Consumer, parts: list[TopicPartition]) -> None:
        """Let the sink drain partitions; they are ours until this returns."""
        names = _names(parts)
        try:
            logs = self._assignment.logs_of(names) & self._reported
            if logs and self.work is not None:
                self.work(logs)
        except BaseException as error:  # noqa: BLE001 — raised by poll instead
            self._trouble.caught(error)
        finally:
            self._assignment.drop(names, lost=False)

    def on_lost(self, _consumer: Consumer, parts: list[TopicPartition]) -> None:
        """Forget partitions that are gone already."""
        self._assignment.drop(_names(parts), lost=True)


def _names(parts: list[TopicPartition]) -> list[Name]:
    return [(part.topic, part.partition) for part in parts]
