import subprocess
import sys

import attrs
import pytest
from prometheus_client import CollectorRegistry, generate_latest

from winestream.instrumentation.prometheus import ProducerMetrics, PrometheusHook
from winestream.records import Freshness, LogPartition
from winestream.telemetry import (
    Held,
    KafkaCommitted,
    OutageChanged,
    PartitionsAssigned,
    PartitionsLost,
    PartitionsReleased,
    Progress,
    RunsPolled,
    SinkStopped,
    SliceWritten,
    Telemetry,
    WriteFailed,
)

Two = tuple[LogPartition, LogPartition]


class Clock:
    """Seconds since the epoch, set by the test."""

    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    """Return a clock that stands at 1010."""
    return Clock(1010.0)


@pytest.fixture
def hook(clock: Clock) -> PrometheusHook:
    """Return a hook that knows one event type."""
    return PrometheusHook(clock=clock, known_types=["ORDER_CREATED"])


def _value(
    hook: PrometheusHook | ProducerMetrics, name: str, **labels: str
) -> float | None:
    return hook.registry.get_sample_value(name, labels)


def _series(hook: PrometheusHook | ProducerMetrics, name: str) -> set[str]:
    lines = generate_latest(hook.registry).decode().splitlines()
    return {line.rpartition(" ")[0] for line in lines if line.startswith(name + "{")}


def test_every_telemetry_value_is_taken(
    hook: PrometheusHook, one_of_each: list[Telemetry]
) -> None:
    """No value of the union is forgotten or raises."""
    for value in one_of_each:
        hook(value)
    assert _value(hook, "slices_written_total") == 1
    assert _value(hook, "poll_failures_total") == 1
    assert _value(hook, "claim_failures_total") == 1


@pytest.mark.parametrize(
    "line",
    [
        "# TYPE events_consumed_total counter",
        "# TYPE events_processed_total counter",
        "# TYPE snowflake_insert_errors_total counter",
        "# TYPE batch_processing_seconds histogram",
        "# TYPE batch_size_events histogram",
        "# TYPE kafka_lag_messages gauge",
        'events_consumed_total{topic="wine.orders"} 8.0',
        'events_processed_total{event_type="ORDER_CREATED"} 4.0',
        'snowflake_insert_errors_total{kind="retryable"} 1.0',
        'write_retries_total{kind="retryable"} 1.0',
        'dead_letters_total{reason="malformed-json"} 2.0',
        'rows_written_total{table="RAW_ORDERS"} 4.0',
        "kafka_commit_errors_total 1.0",
        "batch_processing_seconds_sum 0.3",
        "batch_size_events_sum 8.0",
        "last_write_timestamp_seconds 1010.0",
        'event_to_queryable_seconds_sum{event="oldest"} 10.0',
        'event_to_queryable_seconds_sum{event="newest"} 7.0',
    ],
)
def test_names_and_types_are_the_documented_ones(
    hook: PrometheusHook, one_of_each: list[Telemetry], line: str
) -> None:
    """Dashboards and alerts find each metric under its name and type."""
    for value in one_of_each:
        hook(value)
    assert line in generate_latest(hook.registry).decode().splitlines()


def test_a_producer_exposes_only_its_own() -> None:
    """Its three metrics, and none of a consumer's."""
    metrics = ProducerMetrics(known_types=["ORDER_CREATED"])
    metrics.produced("wine.orders", {"ORDER_CREATED": 3, "EVIL-canary": 1})
    metrics.acknowledged(12.5)
    text = generate_latest(metrics.registry).decode()
    assert {line.split()[2] for line in text.splitlines() if "# TYPE" in line} >= {
        "events_produced_total",
        "event_type_counter_total",
        "producer_latency_ms",
    }
    assert "consumed" not in text
    assert "canary" not in text
    assert _value(metrics, "events_produced_total", topic="wine.orders") == 4
    assert _value(metrics, "event_type_counter_total", event_type="other") == 1
    assert _value(metrics, "producer_latency_ms_sum") == 12.5


def test_two_hooks_do_not_share_a_registry(written: SliceWritten) -> None:
    """Nothing is registered globally, so two sinks in one process do not clash."""
    first, second = PrometheusHook(), PrometheusHook()
    first(written)
    assert _value(second, "slices_written_total") == 0


def test_a_given_registry_and_namespace_are_used() -> None:
    """An application's own registry gets the metrics, under its prefix."""
    registry = CollectorRegistry()
    hook = PrometheusHook(registry, namespace="shop")
    assert hook.registry is registry
    assert registry.get_sample_value("shop_slices_written_total") == 0


def test_known_series_exist_before_anything_happens(
    hook: PrometheusHook, partitions: Two
) -> None:
    """A rate sees the very first increment, because there was a zero before it."""
    hook(PartitionsAssigned(frozenset(partitions)))
    assert _value(hook, "snowflake_insert_errors_total", kind="unknown") == 0
    assert _value(hook, "events_processed_total", event_type="ORDER_CREATED") == 0
    assert _value(hook, "events_processed_total", event_type="other") == 0
    assert _value(hook, "events_consumed_total", topic="wine.orders") == 0


def test_unknown_event_types_are_one_series(
    hook: PrometheusHook, written: SliceWritten
) -> None:
    """A thousand invented types make one label, and none of their text is exposed."""
    types = {f"EVIL-canary-{n}": 1 for n in range(1000)}
    hook(attrs.evolve(written, event_types=types))
    assert _value(hook, "events_processed_total", event_type="other") == 1000
    assert "canary" not in generate_latest(hook.registry).decode()


def test_every_other_label_is_bounded_too(hook: PrometheusHook) -> None:
    """Even topics without end share one series at last, and all are counted."""
    hook(RunsPolled({f"topic-{n}": 2 for n in range(1000)}))
    series = _series(hook, "events_consumed_total")
    assert len(series) == 101
    assert _value(hook, "events_consumed_total", topic="other") == 1800


@pytest.mark.parametrize(
    ("kind", "retries"),
    [("retryable", 1), ("unknown", 1), ("rejected", None), ("fenced", None)],
)
def test_only_what_is_tried_again_counts_as_a_retry(
    hook: PrometheusHook, kind: str, retries: int | None
) -> None:
    """A rejected slice is cut and a fenced one dropped: errors, but no retries."""
    hook(WriteFailed("owner/1", kind, "000625", 1))
    assert _value(hook, "snowflake_insert_errors_total", kind=kind) == 1
    assert _value(hook, "write_retries_total", kind=kind) == retries


def test_lag_follows_the_assignment(hook: PrometheusHook, partitions: Two) -> None:
    """A partition that moved away leaves the gauge: old lag would alarm for ever."""
    first, second = partitions
    hook(PartitionsAssigned(frozenset(partitions)))
    hook(Progress({first: 4, second: 9}, 0, 0, None))
    assert _value(hook, "partitions_assigned") == 2
    lag = {"topic": "wine.orders", "partition": "1"}
    assert _value(hook, "kafka_lag_messages", **lag) == 9
    hook(PartitionsReleased(frozenset({second}), 0))
    assert _value(hook, "kafka_lag_messages", **lag) is None
    assert _value(hook, "partitions_assigned") == 1
    hook(PartitionsAssigned(frozenset({second})))
    hook(Progress({first: 4, second: 3}, 0, 0, None))
    assert _value(hook, "kafka_lag_messages", **lag) == 3
    hook(Progress({first: 4}, 0, 0, None))
    assert _value(hook, "kafka_lag_messages", **lag) is None
    hook(PartitionsLost(frozenset(partitions)))
    assert _series(hook, "kafka_lag_messages") == set()
    assert _value(hook, "partitions_assigned") == 0


def test_states_are_gauges(hook: PrometheusHook) -> None:
    """Paused and outage are 1 while they last."""
    for active in (True, False):
        hook(Held(held=active))
        hook(OutageChanged(active=active))
        assert _value(hook, "sink_paused") == active
        assert _value(hook, "sink_outage") == active


def test_the_age_of_what_is_unwritten_grows_by_itself(
    hook: PrometheusHook, clock: Clock, partitions: Two
) -> None:
    """It is asked at each scrape, so a sink that hangs is seen to."""
    assert _value(hook, "oldest_unwritten_age_seconds") == 0
    hook(Progress({partitions[0]: 1}, 1, 10, 1000.0))
    assert _value(hook, "oldest_unwritten_age_seconds") == 10
    clock.now += 50
    assert _value(hook, "oldest_unwritten_age_seconds") == 60
    hook(SinkStopped(0))
    assert _value(hook, "oldest_unwritten_age_seconds") == 0


def test_slices_later_than_the_objective_are_counted(
    hook: PrometheusHook, written: SliceWritten
) -> None:
    """Only they; without an objective no slice is late."""
    hook(written)
    hook(attrs.evolve(written, freshness=Freshness(30.0, 30.0, 1.0)))
    assert _value(hook, "freshness_missed_total") == 0
    hook(attrs.evolve(written, freshness=Freshness(30.0, 30.5, 1.0)))
    assert _value(hook, "freshness_missed_total") == 1


def test_a_clock_behind_the_producers_observes_zero(
    hook: PrometheusHook, clock: Clock, written: SliceWritten
) -> None:
    """Events from the future are no negative delays."""
    clock.now = 900.0
    hook(written)
    hook(Progress({}, 0, 0, 1000.0))
    assert _value(hook, "event_to_queryable_seconds_sum", event="oldest") == 0
    assert _value(hook, "oldest_unwritten_age_seconds") == 0


def test_a_slice_without_rows_has_no_delay(
    hook: PrometheusHook, written: SliceWritten
) -> None:
    """Dead letters and gaps alone are counted, and nothing is observed of events."""
    hook(
        attrs.evolve(
            written,
            rows={},
            event_types={},
            oldest_occurred_at=None,
            newest_occurred_at=None,
        )
    )
    assert _value(hook, "event_to_queryable_seconds_count", event="oldest") == 0
    assert _value(hook, "batch_size_events_sum") == 3


def test_refused_commits_are_counted_by_partition(
    hook: PrometheusHook, partitions: Two
) -> None:
    """A commit that Kafka took adds nothing."""
    hook(KafkaCommitted({partitions[0]: 1}, {}))
    assert _value(hook, "kafka_commit_errors_total") == 0
    hook(KafkaCommitted({}, dict.fromkeys(partitions, "UNKNOWN_MEMBER_ID")))
    assert _value(hook, "kafka_commit_errors_total") == 2


def test_the_front_door_stays_light() -> None:
    """`import winestream` and the package of hooks load neither vendor."""
    code = (
        "import sys, winestream, winestream.instrumentation;"
        "print({'prometheus_client', 'structlog'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "set()"
