"""Freshness of layers as metrics."""

from datetime import UTC, datetime

from winestream.instrumentation.freshness import FreshnessMetrics


def value(metrics: FreshnessMetrics, name: str, layer: str) -> float | None:
    """Read one sample."""
    return metrics.registry.get_sample_value(name, {"layer": layer})


def test_each_layer_has_its_figures() -> None:
    """A look replaces the one before; a layer that is gone has no series."""
    metrics = FreshnessMetrics()
    moment = datetime(2026, 1, 5, 7)  # noqa: DTZ001 — as the warehouse gives it
    metrics.record({"STAGING": 12, "PRODUCTION": 30}, {"STAGING": moment})
    assert value(metrics, "layer_freshness_seconds", "STAGING") == 12
    newest = value(metrics, "layer_newest_timestamp_seconds", "STAGING")
    assert newest == moment.replace(tzinfo=UTC).timestamp()
    metrics.record({"STAGING": 0}, {})
    assert value(metrics, "layer_freshness_seconds", "STAGING") == 0
    assert value(metrics, "layer_freshness_seconds", "PRODUCTION") is None


def test_what_cannot_be_seen_does_not_look_fresh() -> None:
    """While nothing can be seen, each layer ages from the last look, and only once."""
    now = [100.0]
    metrics = FreshnessMetrics(clock=lambda: now[0])
    metrics.record({"STAGING": 5}, {})
    for moment, expected in ((160.0, 65), (220.0, 125)):
        now[0] = moment
        metrics.record_failure()
        assert value(metrics, "layer_freshness_seconds", "STAGING") == expected
    metrics.record({"STAGING": 7}, {})
    assert value(metrics, "layer_freshness_seconds", "STAGING") == 7


def test_before_the_first_look_there_is_nothing_to_age() -> None:
    """A failure before anything was seen makes no series."""
    metrics = FreshnessMetrics()
    metrics.record_failure()
    assert value(metrics, "layer_freshness_seconds", "STAGING") is None
