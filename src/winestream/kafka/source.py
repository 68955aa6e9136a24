"""A `Source` over a Kafka consumer group.

Knows nothing of warehouses or slices: it delivers runs from the positions it is given,
and nothing else. What makes that hard is in the client: callbacks run inside `consume`,
whatever raises there destroys messages, and the position has moved on by then.
"""

import time
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Final

from confluent_kafka import Consumer, KafkaException, Message, TopicPartition

from winestream.errors import ConfigurationError, SourceError
from winestream.kafka import offsets
from winestream.kafka.admin import Admin
from winestream.kafka.assignment import Assignment
from winestream.kafka.commits import Commits
from winestream.kafka.ends import Ends
from winestream.kafka.errors import error_from
from winestream.kafka.identity import Identities
from winestream.kafka.leaving import leave
from winestream.kafka.moves import Moves
from winestream.kafka.offsets import StartPolicy
from winestream.kafka.rebalance import Rebalance
from winestream.kafka.runs import (
    by_partition,
    largest_value,
    split_errors,
    to_run,
)
from winestream.kafka.settings import (
    Protocol,
    Setting,
    connection_settings,
    consumer_settings,
    redacted,
    topic_names,
    without_secrets,
)
from winestream.kafka.trouble import Trouble
from winestream.ports import CommitResult, OnRevoke, Poll
from winestream.records import LogPartition, Room, Run, Watermarks

# Messages are objects the collector counts. With more than 700 alive, its threshold, it
# runs at every poll: 542 times instead of 244 for 440,000 messages.
_LARGEST_CHUNK: Final = 600
# Until a value was seen: a full first chunk asks for 16 MB of room.
_FIRST_GUESS: Final = 16 * 1024
# The client waits until it has *all* messages asked for, or as long as it may, and
# Python's signal handlers wait with it.
_LONGEST_WAIT: Final = 0.1
# While a topic's identity is being asked for, its answer is looked for this often.
_WHILE_ASKING: Final = 0.05


class KafkaSource:
    """Reads topics as a member of a consumer group; one thread owns it.

    `start` says where a partition begins that nobody has a cursor for: `"earliest"`,
    `"latest"` or a time with a zone. `config` takes any other client property, TLS
    and SASL included; the ones winestream must own are refused with the reason.
    `protocol="consumer"` uses the broker's own group protocol (Kafka 4.0 or later);
    `session_timeout` then belongs to the broker. The sink must poll more often than
    `max_poll_interval`, or the group takes the partitions away. `topic_patience` is
    how long a topic may be missing before that is fatal. `identity_check` is how often
    it is made sure that a topic was not made again under its name while it is read:
    until it is noticed, messages of the new log can pass for the old one's.
    `leave_within` is how long `close` waits for the group.

    Raises `ConfigurationError`.
    """

    def __init__(  # noqa: PLR0913 — keyword-only settings, each with a default
        self,
        topics: Iterable[str],
        *,
        group: str,
        bootstrap: str,
        start: StartPolicy = "earliest",
        config: Mapping[str, Setting] | None = None,
        protocol: Protocol = "classic",
        max_poll_interval: timedelta = timedelta(minutes=5),
        session_timeout: timedelta | None = None,
        topic_patience: timedelta = timedelta(minutes=1),
        identity_check: timedelta = timedelta(seconds=5),
        leave_within: timedelta = timedelta(seconds=10),
    ) -> None:
        self.topics = topic_names(topics)
        self.group, self.bootstrap = group, bootstrap
        self.max_poll_interval = max_poll_interval
        if not group or not bootstrap:
            raise ConfigurationError("group and bootstrap must not be empty")
        offsets.check_policy(start)
        self._start = start
        self._settings = consumer_settings(
            config or {},
            bootstrap=bootstrap,
            group=group,
            protocol=protocol,
            max_poll_interval=max_poll_interval,
            session_timeout=session_timeout,
        )
        self._assignment = Assignment()
        self._commits = Commits(self._assignment)
        self._admin = Admin(connection_settings(self._settings))
        self._identities = Identities(self._admin, identity_check.total_seconds())
        self._ends = Ends(self._admin)
        self._trouble = Trouble(topic_patience.total_seconds())
        self._rebalance = Rebalance(self._assignment, self._identities, self._trouble)
        self._leave_seconds = leave_within.total_seconds()
        self._largest = 0
        self._consumer: Consumer | None = None
        self._moves: Moves | None = None

    def __repr__(self) -> str:
        topics = ", ".join(self.topics)
        return f"<KafkaSource {topics} as {self.group} from {self.bootstrap}>"

    @property
    def settings(self) -> Mapping[str, str]:
        """The client's properties for logging; secrets are `***`."""
        return redacted(self._settings)

    # -- the port ------------------------------------------------------------------

    def open(self, on_revoke: OnRevoke) -> None:
        """Join the group, once. Raises `ConfigurationError` for what Kafka refuses."""
        if self._rebalance.work is not None:
            raise ConfigurationError("a source is opened once, by the one who polls it")
        callbacks = {
            "on_commit": self._commits.on_commit,
            "error_cb": self._trouble.on_error,
        }
        try:
            consumer = Consumer({**self._settings, **callbacks})
        except (KafkaException, TypeError, ValueError) as error:
            said = without_secrets(str(error), self._settings)
            raise ConfigurationError(f"the Kafka client refuses: {said}") from None
        self._rebalance.work = on_revoke
        self._consumer = consumer
        self._moves = Moves(consumer, self._assignment)
        try:
            consumer.subscribe(
                list(self.topics),
                on_assign=self._rebalance.on_assign,
                on_revoke=self._rebalance.on_revoke,
                on_lost=self._rebalance.on_lost,
            )
        except KafkaException as error:
            self.close()
            raise ConfigurationError(
                f"the Kafka client refuses the topics {list(self.topics)}: {error}"
            ) from None

    def poll(self, room: Room, timeout: float) -> Poll:
        """Wait at most `timeout` seconds for messages; see `Source.poll`.

        Messages that came together with an error are returned first; the error is
        raised by the next poll. An unknown topic id may cost a poll or two before
        its partitions show in `assigned`.
        """
        self._trouble.raise_noted()
        try:
            self._moved.catch_up()
        except SourceError as error:
            # Go on all the same: only polling brings the rebalance that may heal it.
            self._trouble.note(error)
        try:
            chunk = self._consume(self._chunk_size(room), timeout)
        except BaseException as error:
            # Whatever was fetched is gone, and the client's position past it.
            self._assignment.start_again()
            if isinstance(error, Exception):
                raise error_from(error, "reading") from error
            raise
        good, bad = split_errors(chunk)
        self._sort_out(bad)
        runs = self._runs(good) if good else []
        try:
            self._identify()
            self._trouble.find_ends(self._open, self._assignment, self._identities)
            self._trouble.check_missing(self._open)
        except SourceError as error:
            self._trouble.note(error)
        if self._moved.held:
            self._ends.refresh(self._assignment.known)
        if not runs:
            self._trouble.raise_noted()
        return self._report(runs)

    def initial_positions(
        self, partitions: Iterable[LogPartition]
    ) -> Mapping[LogPartition, int]:
        """Resolve the start policy to offsets; see `Source.initial_positions`."""
        return offsets.resolve(self._open, partitions, self._start)

    def committed(
        self, partitions: Iterable[LogPartition]
    ) -> Mapping[LogPartition, int]:
        """Return the group's committed positions; see `Source.committed`."""
        return offsets.committed(self._open, partitions)

    def start(self, positions: Mapping[LogPartition, int]) -> None:
        """Read from these positions next; partitions not owned are left out."""
        for log, position in positions.items():
            if self._assignment.owns(log):
                self._assignment.start(log, position)
                self._trouble.settled(log)
        self._moved.try_to_catch_up()

    def hold(self, held: bool) -> None:  # noqa: FBT001 — the port's signature
        """Deliver nothing (True) or deliver again (False)."""
        try:
            self._ends.forget()
            self._moved.hold(held)
        except Exception as error:  # noqa: BLE001 — shows at the next poll
            self._trouble.note(error_from(error, "pausing"))

    def commit(
        self, positions: Mapping[LogPartition, int], *, wait: bool
    ) -> CommitResult | None:
        """Tell the group's position; see `Source.commit`."""
        return self._commits.send(self._open, positions, wait=wait)

    def watermarks(self) -> Mapping[LogPartition, Watermarks]:
        """Return the last known ends; partitions nothing is known of are absent."""
        ends = {}
        for log in self._assignment.known:
            name = TopicPartition(log.topic, log.partition)
            low, high = self._open.get_watermark_offsets(name, cached=True)
            high = max(high, self._ends.high(log))
            if low >= 0 and high >= 0:
                ends[log] = Watermarks(low, high)
        return ends

    def close(self) -> None:
        """Leave the group, which calls `on_revoke`, maybe in another thread.

        Raises `SourceError`, and does so when it takes longer than `leave_within`: then
        `on_revoke` is not called any more, and the group gives the partitions away when
        the session is over.
        """
        self._admin.close()
        consumer = self._consumer
        if consumer is None:
            return
        try:
            left = leave(consumer, self._leave_seconds)
        except Exception as error:
            raise error_from(error, "leaving the group") from error
        finally:  # not before: `on_revoke` may commit
            self._consumer = None
        self._trouble.raise_interrupt()
        if not left:
            self._rebalance.work = None
            raise SourceError(
                f"the group {self.group} did not let go within {self._leave_seconds:g} "
                "s, in a rebalance or because no broker answers; it gives the "
                "partitions away when the session is over"
            )

    # -- inside poll ---------------------------------------------------------------

    @property
    def _open(self) -> Consumer:
        if self._consumer is None:
            raise SourceError("the source is not open")
        return self._consumer

    @property
    def _moved(self) -> Moves:
        if self._moves is None:
            raise SourceError("the source is not open")
        return self._moves

    def _consume(self, size: int, timeout: float) -> list[Message]:
        deadline = time.monotonic() + timeout
        while True:
            left = max(deadline - time.monotonic(), 0.0)
            wait = _WHILE_ASKING if self._identities.open else _LONGEST_WAIT
            chunk = self._open.consume(size, min(left, wait))
            self._trouble.raise_interrupt()
            news = self._identities.open or self._commits.waiting or self._trouble.noted
            if chunk or left <= wait or news:
                return chunk

    def _chunk_size(self, room: Room) -> int:
        fitting = room.bytes // (self._largest or _FIRST_GUESS)
        return max(1, min(room.rows, fitting, _LARGEST_CHUNK))

    def _runs(self, messages: list[Message]) -> list[Run]:
        runs = []
        for name, part in by_partition(messages).items():
            log = self._assignment.log_of(name)
            expected = self._assignment.expected(name)
            if log is None or expected is None:
                continue  # given back meanwhile, or not started: nobody's yet
            epochs = part[0].leader_epoch(), part[-1].leader_epoch()
            if not self._assignment.follows(log, *epochs):
                self._identities.ask([log.topic])
                continue
            run = to_run(log, part, expected)
            if run is not None:
                self._assignment.advance(log, run.offsets[-1] + 1)
                self._largest = max(self._largest, largest_value(run))
                self._trouble.found((log.topic,))
                runs.append(run)
        return runs

    def _sort_out(self, bad: list[Message]) -> None:
        for message in bad:
            topic = self._trouble.sort_out(message, self._assignment)
            if topic is not None:
                self._identities.ask([topic])

    def _identify(self) -> None:
        for topic, (cluster_id, topic_id) in self._identities.answers(
            self._assignment.topics
        ).items():
            self._assignment.identify(cluster_id, topic, topic_id)
            self._moved.pause_unstarted()

    def _report(self, runs: list[Run]) -> Poll:
        # Before what can be taken only once.
        reached = {} if runs else self._moved.reached()
        assigned, lost = self._rebalance.report()
        return Poll(
            runs=runs,
            assigned=assigned,
            lost=lost,
            out_of_range=self._trouble.take_out_of_range(),
            commits=self._commits.take(),
            reached=reached,
        )
