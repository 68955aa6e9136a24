"""What this member holds: which partitions, under which identity, read from where.

Bookkeeping only: it asks no broker and moves no consumer.
"""

from collections.abc import Iterable, Iterator, Mapping

from winestream.kafka.runs import Name
from winestream.records import LogPartition


class Assignment:
    """The partitions of this group member, from assignment to revocation or loss.

    A partition is *waiting* until the identity of its log is known, then *known*, and
    *started* once a position was given. A started partition is *due* until the
    consumer was moved there; until then nothing of it may be delivered.
    """

    def __init__(self) -> None:
        self._logs: dict[Name, LogPartition | None] = {}
        self._expected: dict[LogPartition, int] = {}
        self._due: set[LogPartition] = set()
        self._doubted: set[LogPartition] = set()
        self._epochs: dict[LogPartition, int] = {}
        self._lost: set[LogPartition] = set()
        self._seen: dict[Name, LogPartition] = {}

    @property
    def known(self) -> frozenset[LogPartition]:
        """Every partition held whose log is known."""
        return frozenset(log for log in self._logs.values() if log is not None)

    @property
    def waiting(self) -> frozenset[Name]:
        """Every partition held whose log is not known yet."""
        return frozenset(name for name, log in self._logs.items() if log is None)

    @property
    def started(self) -> Mapping[LogPartition, int]:
        """The next offset to deliver of each started partition."""
        return self._expected

    @property
    def due(self) -> Iterator[tuple[LogPartition, int]]:
        """The partitions the consumer must still be moved for, and where to."""
        due = sorted(self._due - self._doubted)
        return ((log, self._expected[log]) for log in due)

    @property
    def flowing(self) -> list[LogPartition]:
        """The started partitions whose messages may be delivered."""
        return [log for log in self._expected if log not in self._due]

    @property
    def topics(self) -> frozenset[str]:
        """The topics of the partitions held."""
        return frozenset(topic for topic, _ in self._logs)

    def add(self, names: Iterable[Name]) -> None:
        """Take partitions in; their logs are to be found out."""
        for name in names:
            self._logs[name] = None

    def identify(self, cluster_id: str, topic: str, topic_id: str) -> None:
        """Give the topic's waiting partitions their log.

        Partitions of it that are held under another id belong to a log that is gone:
        they are lost, and wait for a start in the new one.
        """
        for name, log in list(self._logs.items()):
            if name[0] != topic:
                continue
            found = LogPartition(cluster_id, topic_id, topic, name[1])
            if log is not None and log != found:
                self._lost.add(log)
                self._forget(log)
            self._doubted.discard(found)
            self._logs[name] = self._seen[name] = found

    def log_of(self, name: Name) -> LogPartition | None:
        """Return the log of a partition held, None when not held or not known."""
        return self._logs.get(name)

    def last_log_of(self, name: Name) -> LogPartition | None:
        """Return the log of a partition held now or before."""
        return self._seen.get(name)

    def logs_of(self, names: Iterable[Name]) -> frozenset[LogPartition]:
        """Return the known logs among these partitions."""
        return frozenset(
            log for name in names if (log := self._logs.get(name)) is not None
        )

    def owns(self, log: LogPartition) -> bool:
        """Whether this very log is held."""
        return self._logs.get((log.topic, log.partition)) == log

    def drop(self, names: Iterable[Name], *, lost: bool) -> None:
        """Forget partitions given back, or taken without asking."""
        for name in names:
            log = self._logs.pop(name, None)
            if log is not None:
                self._forget(log)
                if lost:
                    self._lost.add(log)

    def start(self, log: LogPartition, position: int) -> None:
        """Deliver from `position` on, once the consumer was moved there."""
        self._expected[log] = position
        self._due.add(log)

    def moved(self, log: LogPartition) -> None:
        """Note that the consumer stands where `start` wanted it."""
        self._due.discard(log)

    def advance(self, log: LogPartition, position: int) -> None:
        """Note that everything before `position` was delivered."""
        self._expected[log] = position

    def start_again(self) -> None:
        """Make every started partition due: messages may have been destroyed."""
        self._due.update(self._expected)

    def follows(self, log: LogPartition, first: int | None, last: int | None) -> bool:
        """Whether these leader epochs can follow those seen of this log.

        They never fall within one log, and begin anew in another of its name. If they
        fell, nothing is delivered until `identify` said which log it is.
        """
        before = self._epochs.get(log, -1)
        first = before if first is None else first
        last = first if last is None else last
        if before <= first <= last:
            self._epochs[log] = last
            return True
        self._epochs.pop(log, None)
        self._due.add(log)
        self._doubted.add(log)
        return False

    def expected(self, name: Name) -> int | None:
        """Return the next offset to deliver; None when nothing may be delivered."""
        log = self._logs.get(name)
        if log is None or log in self._due:
            return None
        return self._expected.get(log)

    def take_lost(self) -> frozenset[LogPartition]:
        """Return, once, what was lost."""
        lost, self._lost = frozenset(self._lost), set()
        return lost

    def _forget(self, log: LogPartition) -> None:
        self._expected.pop(log, None)
        self._epochs.pop(log, None)
        self._due.discard(log)
        self._doubted.discard(log)
