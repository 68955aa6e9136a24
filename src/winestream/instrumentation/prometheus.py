"""Telemetry as Prometheus metrics, in a registry of one's own.

Everything is counted per slice or per poll, nothing per event. Labels are topics,
tables, partitions and short codes; an event type is a label only when it is known.
Counters are exposed with the suffix `_total`.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from typing import assert_never

from prometheus_client import CollectorRegistry, Gauge

from winestream.instrumentation.families import OTHER, Maker
from winestream.records import LogPartition
from winestream.telemetry import (
    ClaimFailed,
    CursorsClaimed,
    Held,
    KafkaCommitted,
    OutageChanged,
    PartitionsAssigned,
    PartitionsLost,
    PartitionsReleased,
    PollFailed,
    Progress,
    RunsPolled,
    SinkOpened,
    SinkStopped,
    SliceWritten,
    Telemetry,
    WriteFailed,
)

_WRITE_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_SIZES = (1, 5, 10, 25, 50, 100, 250, 500, 1e3, 2.5e3, 5e3, 1e4, 2.5e4, 5e4, 1e5)
# Around the objective: queryable in RAW within 10 s of the event.
_QUERYABLE_SECONDS = (0.5, 1, 2.5, 5, 7.5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600)
_LATENCY_MS = (0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1e3, 2.5e3, 5e3, 1e4)
_KINDS = ("retryable", "rejected", "unknown", "fenced")  # telemetry.WriteFailed
_RETRIED = frozenset({"retryable", "unknown"})  # the others end in another slice


class PrometheusHook:
    """A hook that keeps the consumer's metrics in `registry`.

    Without a registry it makes its own, which knows nothing of the process's other
    metrics. `known_types` are the event types that get a series of their own, any
    other counts as `other`: types come from messages and must not become labels
    unchecked. `clock` gives seconds since the epoch. One hook serves one sink.
    """

    def __init__(
        self,
        registry: CollectorRegistry | None = None,
        *,
        namespace: str = "",
        known_types: Iterable[str] = (),
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.registry = registry if registry is not None else CollectorRegistry()
        self._clock = clock
        self._assigned: set[LogPartition] = set()
        self._lag: dict[tuple[str, int], Gauge] = {}
        self._oldest_unwritten: float | None = None
        make = Maker(self.registry, namespace)
        self._flow(make, known_types)
        self._trouble(make)
        self._state(make)

    def _flow(self, make: Maker, known_types: Iterable[str]) -> None:
        self._consumed = make.counts(
            "events_consumed", "Messages polled from Kafka, valid or not.", "topic"
        )
        self._processed = make.counts(
            "events_processed",
            "Rows in committed slices.",
            "event_type",
            (*known_types, OTHER),
            room=0,
        )
        self._slices = make.counter("slices_written", "Slices committed.")
        self._rows = make.counts("rows_written", "Rows committed.", "table")
        self._seconds = make.histogram(
            "batch_processing_seconds", "Time to write a slice.", _WRITE_SECONDS
        )
        self._size = make.histogram(
            "batch_size_events", "Rows and dead letters in a slice.", _SIZES
        )
        queryable = make.histogram(
            "event_to_queryable_seconds",
            "From a slice's oldest and newest event to its commit.",
            _QUERYABLE_SECONDS,
            ("event",),
        )
        self._late = make.counter(
            "freshness_missed", "Slices that landed later than the freshness objective."
        )
        self._oldest = queryable.labels("oldest")
        self._newest = queryable.labels("newest")

    def _trouble(self, make: Maker) -> None:
        self._errors = make.counts(
            "snowflake_insert_errors", "Writes that did not land.", "kind", _KINDS
        )
        self._retries = make.counts(
            "write_retries", "Writes that had to be tried again.", "kind", _RETRIED
        )
        self._dead = make.counts(
            "dead_letters", "Messages kept as dead letters.", "reason"
        )
        self._commit_errors = make.counter(
            "kafka_commit_errors", "Partitions whose commit Kafka refused."
        )
        self._poll_failures = make.counter("poll_failures", "Polls that raised.")
        self._claim_failures = make.counter(
            "claim_failures", "Claims of cursors that did not succeed."
        )

    def _state(self, make: Maker) -> None:
        self._lag_gauge = make.gauge(
            "kafka_lag_messages",
            "Messages between what is written and the log's end.",
            ("topic", "partition"),
        )
        self._paused = make.gauge("sink_paused", "1 while reading waits for room.")
        self._outage = make.gauge(
            "sink_outage", "1 while writing fails beyond the quick retries."
        )
        self._partitions = make.gauge(
            "partitions_assigned", "Partitions this process reads."
        )
        self._last_write = make.gauge(
            "last_write_timestamp_seconds", "When a slice was last committed."
        )
        # Asked at each scrape: it must go on growing when the reader hangs.
        make.gauge(
            "oldest_unwritten_age_seconds",
            "Age of the oldest message held and not written; 0 when none is.",
        ).set_function(self._age)

    def __call__(self, telemetry: Telemetry) -> None:  # noqa: C901, PLR0912 — one case per telemetry value
        """Count one telemetry value. Quick; never raises."""
        match telemetry:
            case RunsPolled(messages=messages):
                for topic, count in messages.items():
                    self._consumed.add(topic, count)
            case SliceWritten():
                self._written(telemetry)
            case Progress(lag=lag, oldest_unwritten=oldest):
                self._oldest_unwritten = oldest
                self._set_lag(lag)
            case WriteFailed(kind=kind):
                self._errors.add(kind)
                if kind in _RETRIED:
                    self._retries.add(kind)
            case KafkaCommitted(errors=errors):
                self._commit_errors.inc(len(errors))
            case Held(held=held):
                self._paused.set(held)
            case OutageChanged(active=active):
                self._outage.set(active)
            case PartitionsAssigned(partitions=partitions):
                self._assign(self._assigned | partitions)
            case PartitionsReleased(partitions=gone) | PartitionsLost(partitions=gone):
                self._assign(self._assigned - gone)
            case PollFailed():
                self._poll_failures.inc()
            case ClaimFailed():
                self._claim_failures.inc()
            case SinkStopped():
                self._oldest_unwritten = None
                self._assign(set())
            case SinkOpened() | CursorsClaimed():
                pass
            case _:
                assert_never(telemetry)

    def _written(self, written: SliceWritten) -> None:
        now = self._clock()
        rows = 0
        for table, count in written.rows.items():
            self._rows.add(table, count)
            rows += count
        for event_type, count in written.event_types.items():
            self._processed.add(event_type, count)
        dead = 0
        for reason, count in written.dead_letters.items():
            self._dead.add(reason, count)
            dead += count
        self._slices.inc()
        self._size.observe(rows + dead)
        self._seconds.observe(written.seconds)
        if written.freshness is not None and written.freshness.missed:
            self._late.inc()
        self._last_write.set(now)
        if written.oldest_occurred_at is not None:
            self._oldest.observe(max(0.0, now - written.oldest_occurred_at))
        if written.newest_occurred_at is not None:
            self._newest.observe(max(0.0, now - written.newest_occurred_at))

    def _assign(self, assigned: set[LogPartition]) -> None:
        """Let the gauges speak of these partitions only."""
        self._assigned = assigned
        self._partitions.set(len(assigned))
        for topic in {partition.topic for partition in assigned}:
            self._consumed.add(topic, 0)
        keep = {(partition.topic, partition.partition) for partition in assigned}
        for key in self._lag.keys() - keep:
            self._forget(key)

    def _set_lag(self, lag: Mapping[LogPartition, int]) -> None:
        now = {(each.topic, each.partition): count for each, count in lag.items()}
        for key, count in now.items():
            child = self._lag.get(key)
            if child is None:
                child = self._lag[key] = self._lag_gauge.labels(key[0], str(key[1]))
            child.set(count)
        for key in self._lag.keys() - now.keys():
            self._forget(key)

    def _forget(self, key: tuple[str, int]) -> None:
        del self._lag[key]
        self._lag_gauge.remove(key[0], str(key[1]))

    def _age(self) -> float:
        oldest = self._oldest_unwritten
        return 0.0 if oldest is None else max(0.0, self._clock() - oldest)


class ProducerMetrics:
    """A producer's metrics, for whoever sends the events. Not a hook.

    `registry`, `namespace` and `known_types` as for `PrometheusHook`. Any thread.
    """

    def __init__(
        self,
        registry: CollectorRegistry | None = None,
        *,
        namespace: str = "",
        known_types: Iterable[str] = (),
    ) -> None:
        self.registry = registry if registry is not None else CollectorRegistry()
        make = Maker(self.registry, namespace)
        self._produced = make.counts(
            "events_produced", "Messages handed to Kafka.", "topic"
        )
        self._types = make.counts(
            "event_type_counter",
            "Messages handed to Kafka.",
            "event_type",
            (*known_types, OTHER),
            room=0,
        )
        self._latency = make.histogram(
            "producer_latency_ms",
            "From handing a message over to Kafka's acknowledgement.",
            _LATENCY_MS,
        )

    def produced(self, topic: str, event_types: Mapping[str, int]) -> None:
        """Count messages of one topic, given by event type. Call it per batch."""
        total = 0
        for event_type, count in event_types.items():
            self._types.add(event_type, count)
            total += count
        self._produced.add(topic, total)

    def acknowledged(self, latency_ms: float) -> None:
        """Note how long one message, or a batch's slowest, took to be acknowledged."""
        self._latency.observe(latency_ms)
