"""What a consumer can be told: the schema. Its defaults are the library's own."""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final, Literal

import attrs

from winestream.core import (
    Batching,
    BatchPolicy,
    FreshnessPolicy,
    RetryPolicy,
    SafetyPolicy,
)
from winestream.errors import ConfigurationError
from winestream.kafka.settings import Setting, is_secret
from winestream.snowflake.identifiers import pipeline_name
from winestream.snowflake.inserts import crossover
from winestream.snowflake.settings import ConnectionSettings

Protocol = Literal["classic", "consumer"]
Level = Literal["DEBUG", "INFO", "WARNING", "ERROR"]

_NOT_SECRET: Final = (".location", ".keytab", ".url", ".url_file")
_HIGHEST_PORT: Final = 65_535


def kafka_secret(key: str) -> bool:
    """Whether a Kafka option's value is a secret; paths and addresses are none."""
    return is_secret(key) and not key.endswith(_NOT_SECRET)


def start_of(raw: Any) -> Any:  # noqa: ANN401 — TOML has times of its own
    """Take `earliest`, `latest` or a time with a zone. Raises `ValueError`."""
    if raw in ("earliest", "latest"):
        return raw
    try:
        at = raw if isinstance(raw, datetime) else datetime.fromisoformat(str(raw))
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise ValueError(
            f'{raw!r}: write "earliest", "latest" or a time with a zone, e.g. '
            '"2026-01-31T00:00:00Z"'
        )
    return at


@attrs.frozen(kw_only=True)
class HttpSettings:
    """Where `/metrics`, `/health` and `/ready` are served.

    On loopback unless told; in a container give `0.0.0.0`. Port 0 picks a free one.
    `stalled_after` is how long a partition may have messages left and make no progress
    before the process counts as not ready; more than any slice takes to fill and land.
    """

    address: str = "127.0.0.1"
    port: int = 8000
    stalled_after: timedelta = timedelta(minutes=3)

    def __attrs_post_init__(self) -> None:
        if not 0 <= self.port <= _HIGHEST_PORT:
            raise ConfigurationError(f"port {self.port} is none: 0 to {_HIGHEST_PORT}")


@attrs.frozen(kw_only=True)
class ConsumerSettings:
    """All a consumer needs. `routes` has `module:Class` → table.

    Events of other types go to `unknown_table`. `kafka` takes any client property.
    `drain` is how long a rebalance may wait for a write, `stop_within` how long a stop
    may take. With `freshness`, a `FreshnessPolicy` takes the place of `batch.linger`;
    the ceilings stay. Fewer rows of a table than `insert_below` go by INSERT, not by a
    staged file; 0 is never. The policies and the sign-in are the library's own classes.
    Raises `ConfigurationError` for settings that contradict each other.
    """

    pipeline: str
    topics: tuple[str, ...]
    group: str
    bootstrap: str
    routes: Mapping[str, str]
    unknown_table: str = "RAW_EVENTS"
    start: Literal["earliest", "latest"] | datetime = attrs.field(
        default="earliest", metadata={"convert": start_of}
    )
    protocol: Protocol = "classic"
    fingerprints: bool = False
    insert_below: int = 0
    drain: timedelta = timedelta(seconds=60)
    stop_within: timedelta = timedelta(seconds=30)
    max_poll_interval: timedelta = timedelta(minutes=5)
    freshness: timedelta | None = None
    log_level: Level = "INFO"
    kafka: Mapping[str, Setting] = attrs.field(
        factory=dict, repr=False, metadata={"secret_key": kafka_secret}
    )
    batch: BatchPolicy = attrs.field(factory=BatchPolicy)
    retry: RetryPolicy = attrs.field(factory=RetryPolicy)
    safety: SafetyPolicy = attrs.field(factory=SafetyPolicy)
    http: HttpSettings = attrs.field(factory=HttpSettings)
    snowflake: ConnectionSettings

    def __attrs_post_init__(self) -> None:
        pipeline_name(self.pipeline)
        crossover(self.insert_below)
        if not self.topics:
            raise ConfigurationError("topics is empty: name at least one")
        if not self.routes:
            raise ConfigurationError(
                "routes is empty: name at least one event class and its table"
            )
        if re.search(r"\s", self.bootstrap):
            raise ConfigurationError("bootstrap is host:port, several with commas")
        # Half of it: a drain that starts late must still end before the group decides
        # that this process is gone.
        if self.drain > self.max_poll_interval / 2:
            raise ConfigurationError(
                f"drain ({self.drain}) must be at most half of max_poll_interval "
                f"({self.max_poll_interval})"
            )
        if self.freshness is not None and self.batch.linger != BatchPolicy().linger:
            raise ConfigurationError(
                "freshness and batch.linger both say when a slice leaves: give one"
            )
        fills = self.freshness or self.batch.linger
        slowest = max(fills, self.batch.gap_linger)
        if self.http.stalled_after <= slowest:
            named = "batch.linger" if self.freshness is None else "freshness"
            raise ConfigurationError(
                f"http.stalled_after ({self.http.stalled_after}) must be longer than "
                f"{named} and batch.gap_linger ({slowest}), or a quiet topic "
                "would count as stalled"
            )
        _ = self.batching  # refuses an objective that is none

    @property
    def batching(self) -> Batching:
        """The policy that seals slices."""
        if self.freshness is None:
            return self.batch
        return FreshnessPolicy(
            objective=self.freshness,
            max_rows=self.batch.max_rows,
            max_bytes=self.batch.max_bytes,
            gap_linger=self.batch.gap_linger,
        )
