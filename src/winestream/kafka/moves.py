"""Moving the consumer: seek, pause and resume, and how far its reading got."""

from collections.abc import Iterable, Mapping
from contextlib import suppress

from confluent_kafka import Consumer, KafkaException, TopicPartition

from winestream.kafka.assignment import Assignment
from winestream.kafka.errors import error_from
from winestream.records import LogPartition


class Moves:
    """Keeps the consumer where the assignment's started positions say."""

    def __init__(self, consumer: Consumer, assignment: Assignment) -> None:
        self._consumer, self._assignment = consumer, assignment
        self._held = False

    @property
    def held(self) -> bool:
        """Whether `hold(True)` is in force."""
        return self._held

    def catch_up(self) -> None:
        """Move every partition that is due. Raises `SourceError`; try again later.

        Until it is moved nothing of a due partition is delivered.
        """
        due = list(self._assignment.due)
        if not due:
            return
        failed: Exception | None = None
        for log, position in due:
            try:
                if not self._held:
                    # Before the seek: the client's fetcher wakes up at a seek, but
                    # sleeps through a resume, up to a second.
                    self._consumer.resume(_parts([log]))
                self._move(log, position)
            except Exception as error:  # noqa: BLE001 — raised below, after the others
                failed = failed or error_from(error, f"seeking in {log}")
            else:
                self._assignment.moved(log)
        if failed is not None:
            raise failed

    def try_to_catch_up(self) -> None:
        """Move what can be moved; what cannot stays due until the next `catch_up`."""
        with suppress(Exception):
            self.catch_up()

    def hold(self, held: bool) -> None:  # noqa: FBT001 — the port's word
        """Pause or resume every started partition."""
        if held == self._held:
            return
        self._held = held
        if held:
            self._consumer.pause(_parts(self._assignment.started))
        else:
            # The pause threw away what was prefetched; a seek loses nothing more.
            self._assignment.start_again()
            self.catch_up()

    def pause_unstarted(self) -> None:
        """Fetch nothing from partitions that wait for a start."""
        waiting = self._assignment.known - self._assignment.started.keys()
        if waiting:
            self._consumer.pause(_parts(waiting))

    def reached(self) -> Mapping[LogPartition, int]:
        """Return where reading stands, trailing markers passed over.

        A seek unsets the client's position until something was consumed from the new
        one, so that a position is never from before the last `start`.
        """
        flowing = self._assignment.flowing
        if not flowing:
            return {}
        expected = self._assignment.started
        return {
            log: part.offset
            for log, part in zip(
                flowing, self._consumer.position(_parts(flowing)), strict=True
            )
            if part.error is None and part.offset >= expected[log]
        }

    def _move(self, log: LogPartition, position: int) -> None:
        target = TopicPartition(log.topic, log.partition, position)
        try:
            if position == 0:
                # A seek to 0 is the only one that does not wake the fetcher.
                self._consumer.seek(TopicPartition(log.topic, log.partition, 1))
            self._consumer.seek(target)
        except KafkaException:
            # A partition that went out of range stands still and cannot be sought:
            # it has to be taken in anew, which unpauses it.
            self._consumer.incremental_unassign([target])
            self._consumer.incremental_assign([target])
            if self._held:
                self._consumer.pause([target])


def _parts(logs: Iterable[LogPartition]) -> list[TopicPartition]:
    return [TopicPartition(log.topic, log.partition) for log in logs]
