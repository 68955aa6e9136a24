"""What went wrong while reading: noted where it happens, raised by `poll`.

Callbacks only note. Errors that came with good messages wait for the next poll.
"""

import time
from collections.abc import Callable, Iterable
from typing import Final

from confluent_kafka import Consumer, KafkaError, Message, TopicPartition

from winestream.errors import FatalSourceError, SourceError
from winestream.kafka.assignment import Assignment
from winestream.kafka.errors import (
    FATAL_ADVICE,
    HARMLESS,
    MISSING,
    OUT_OF_RANGE,
    OUTAGE,
    UNREACHABLE,
    error_from,
    source_error,
)
from winestream.kafka.identity import Identities
from winestream.ports import OutOfRange
from winestream.records import LogPartition

# The log's ends, asked of one broker.
_ENDS_TIMEOUT: Final = 5.0
_METADATA_TIMEOUT: Final = 5.0
# An outage of all brokers is repeated at most this often.
_OUTAGE_EVERY: Final = 10.0


class Trouble:
    """Errors noted and not yet raised, and partitions that cannot go on."""

    def __init__(
        self, patience: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._patience, self._clock = patience, clock
        self._noted: SourceError | None = None
        self._interrupt: BaseException | None = None
        self._missing: dict[str, float] = {}
        self._stalled: set[LogPartition] = set()
        self._out_of_range: list[OutOfRange] = []
        self._outage_at = float("-inf")
        self._unreachable = ""

    # -- noting --------------------------------------------------------------------

    def note(self, error: SourceError) -> None:
        """Raise this at the next occasion; the first one stays unless it is milder."""
        if self._noted is None or (
            isinstance(error, FatalSourceError)
            and not isinstance(self._noted, FatalSourceError)
        ):
            self._noted = error

    def caught(self, error: BaseException) -> None:
        """Note what a callback must not let out."""
        if isinstance(error, Exception):
            self.note(error_from(error, "rebalancing"))
        else:
            self._interrupt = error

    def on_error(self, error: KafkaError) -> None:
        """Take the client's own error; it calls this from inside `consume`."""
        if error.fatal() or error.code() in FATAL_ADVICE:
            self.note(source_error(error, "talking to the brokers"))
        elif error.code() == OUTAGE:
            now = self._clock()
            if now - self._outage_at >= _OUTAGE_EVERY:
                self._outage_at = now
                doing = "talking to the brokers"
                self.note(source_error(error, doing, self._unreachable))
        elif error.code() in UNREACHABLE:
            self._unreachable = error.str()

    def sort_out(self, message: Message, assignment: Assignment) -> str | None:
        """Note the error a message reports; return a topic whose id is in doubt."""
        error, topic = message.error(), message.topic()
        assert error is not None
        code = error.code()
        if code in HARMLESS:
            return None
        if code == OUT_OF_RANGE:
            name = (topic or "", message.partition() or 0)
            log = assignment.log_of(name)
            if log is None or assignment.expected(name) is None:
                return None  # from before the start
            self._stalled.add(log)
            return log.topic
        self.note(source_error(error, f"reading {topic}" if topic else "reading"))
        if code in MISSING and topic:
            self._missing.setdefault(topic, self._clock())
            return topic if topic in assignment.topics else None
        return None

    # -- raising -------------------------------------------------------------------

    @property
    def noted(self) -> bool:
        """Whether there is an error to raise."""
        return self._noted is not None

    def raise_noted(self) -> None:
        """Raise, once, what was noted."""
        error, self._noted = self._noted, None
        if error is not None:
            raise error

    def raise_interrupt(self) -> None:
        """Raise, once, an interrupt that came while a callback ran."""
        interrupt, self._interrupt = self._interrupt, None
        if interrupt is not None:
            raise interrupt

    # -- partitions that cannot go on ----------------------------------------------

    def settled(self, log: LogPartition) -> None:
        """Forget that the partition stood still: it was given a position."""
        self._stalled.discard(log)
        self._out_of_range = [o for o in self._out_of_range if o.partition != log]

    def find_ends(
        self, consumer: Consumer, assignment: Assignment, identities: Identities
    ) -> None:
        """Ask for the ends of logs whose position is out of range.

        Only once it is certain that it is still the same log. Raises `SourceError`.
        """
        if identities.open:
            return
        for log in sorted(self._stalled):
            if not assignment.owns(log):
                self._stalled.discard(log)
                continue
            part = TopicPartition(log.topic, log.partition)
            try:
                low, high = consumer.get_watermark_offsets(part, timeout=_ENDS_TIMEOUT)
            except Exception as error:
                raise error_from(error, f"asking for the ends of {log}") from error
            self._stalled.discard(log)
            self._out_of_range.append(OutOfRange(log, low, high))

    def take_out_of_range(self) -> list[OutOfRange]:
        """Return, once, the partitions found out of range."""
        found, self._out_of_range = self._out_of_range, []
        return found

    # -- topics that are not there -------------------------------------------------

    def found(self, topics: Iterable[str]) -> None:
        """Note that these topics exist."""
        for topic in topics:
            self._missing.pop(topic, None)

    def check_missing(self, consumer: Consumer) -> None:
        """Raise `FatalSourceError` for a topic missing longer than the patience."""
        now = self._clock()
        for topic, since in list(self._missing.items()):
            if now - since < self._patience:
                continue
            try:
                known = consumer.list_topics(topic, timeout=_METADATA_TIMEOUT)
            except Exception as error:
                raise error_from(error, f"looking for the topic {topic}") from error
            metadata = known.topics.get(topic)
            if metadata is not None and metadata.error is None:
                del self._missing[topic]
                continue
            self._missing[topic] = now
            raise FatalSourceError(
                f"the topic {topic} does not exist after {self._patience:.0f} s; "
                "create it, or check its name and the bootstrap servers"
            )
