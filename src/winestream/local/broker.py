"""A Kafka broker on one machine: librdkafka's mock cluster in its own process."""

from collections.abc import Mapping
from datetime import timedelta
from types import TracebackType
from typing import Self

from winestream.errors import ConfigurationError
from winestream.local.holder import Holder

_MODULE = "winestream.local.broker_process"
_MILLISECOND = timedelta(milliseconds=1)


class EmbeddedBroker:
    """A broker in a process of its own; a context manager, or call `close`.

    Everything is in memory: 5 MiB per partition, then the oldest messages go. Each
    start is a new log, with a cluster id and topic ids that no other start has.
    Transactions and SASL are not served. Every method may be called from any thread
    and raises WinestreamError when the process is gone.
    """

    def __init__(self, holder: Holder) -> None:
        self._holder = holder
        self._bootstrap = str(holder.ready["bootstrap"])
        self._cluster_id = str(holder.ready["cluster_id"])

    @classmethod
    def start(
        cls,
        topics: Mapping[str, int] | None = None,
        *,
        port: int | None = None,
        session_timeout: timedelta = timedelta(seconds=6),
    ) -> "EmbeddedBroker":
        """Start one with these topics (name → partitions).

        `port` of 127.0.0.1, or any that is free. `session_timeout` is that of
        KIP-848 groups; classic consumers bring their own. Raises ConfigurationError
        if the port is taken or cannot be chosen with this librdkafka.
        """
        if any(partitions < 1 for partitions in (topics or {}).values()):
            raise ConfigurationError("a topic has at least one partition")
        settings = {
            "topics": dict(topics or {}),
            "port": port,
            "session_timeout_ms": session_timeout // _MILLISECOND,
        }
        return cls(Holder(_MODULE, settings))

    @property
    def bootstrap(self) -> str:
        """`host:port`, for `bootstrap.servers`."""
        return self._bootstrap

    @property
    def cluster_id(self) -> str:
        """What `describe_cluster` answers; unique to this start."""
        return self._cluster_id

    @property
    def pid(self) -> int:
        """The holder's process id."""
        return self._holder.pid

    @property
    def alive(self) -> bool:
        """Whether the holder is running."""
        return self._holder.alive

    def create_topic(self, topic: str, *, partitions: int) -> None:
        """Make a topic; one that exists keeps the partitions it has."""
        if partitions < 1:
            raise ConfigurationError("a topic has at least one partition")
        self._holder.ask("create_topic", topic=topic, partitions=partitions)

    def fail(self, api_key: int, *error_codes: int) -> None:
        """Answer the next requests with these Kafka error codes, one each.

        `api_key` is Kafka's number of the request: 0 produce, 1 fetch, 3 metadata,
        8 offset commit, 10 find coordinator, 11 join group. Code 0 is a success.
        """
        self._holder.ask("fail", api_key=api_key, error_codes=error_codes)

    def failures_answered(self, api_key: int) -> int:
        """Return how many errors of the last `fail` with this key were answered.

        Certain ones only: a request that came in the very moment this was asked may
        show with the next one of its kind.
        """
        return int(self._holder.ask("failures_answered", api_key=api_key))

    def clear_failures(self, api_key: int) -> None:
        """Take back the errors of `fail` that have not been answered yet."""
        self._holder.ask("clear_failures", api_key=api_key)

    def down(self) -> None:
        """Drop every connection and accept none until `up`; nothing is forgotten."""
        self._holder.ask("down")

    def up(self) -> None:
        """Accept connections again after `down`."""
        self._holder.ask("up")

    def set_round_trip(self, delay: timedelta) -> None:
        """Delay every answer of the broker; zero ends it."""
        self._holder.ask("set_round_trip", milliseconds=delay // _MILLISECOND)

    def kill(self) -> None:
        """SIGKILL the process: the log and all committed offsets are gone."""
        self._holder.kill()

    def close(self) -> None:
        """Stop the process; the log is gone."""
        self._holder.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
