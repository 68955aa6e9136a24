"""The audit's verdict as metrics."""

from pathlib import Path

from winestream.instrumentation.audit import AuditMetrics


def value(metrics: AuditMetrics, name: str, pipeline: str = "wine") -> float | None:
    """Read one sample."""
    return metrics.registry.get_sample_value(name, {"pipeline": pipeline})


def test_the_latest_verdict_of_each_pipeline() -> None:
    """A verdict replaces the one before; pipelines have series of their own."""
    now = iter([10.0, 20.0, 30.0])
    metrics = AuditMetrics(clock=lambda: next(now))
    metrics.record("wine", offending=3, lost=7)
    assert value(metrics, "audit_ok") == 0
    assert value(metrics, "audit_offending") == 3
    assert value(metrics, "audit_lost_messages") == 7
    metrics.record("wine", offending=0)
    metrics.record("cheese", offending=1)
    assert value(metrics, "audit_ok") == 1
    assert value(metrics, "audit_timestamp_seconds") == 20
    assert value(metrics, "audit_ok", "cheese") == 0


def test_an_audit_that_could_not_be_made() -> None:
    """It is counted from the first one on; the verdict before it stays."""
    metrics = AuditMetrics(clock=lambda: 10.0)
    metrics.record_failure("wine")
    assert value(metrics, "audit_failures_total") == 1
    assert value(metrics, "audit_ok") is None
    metrics.record("cheese", offending=0)
    assert value(metrics, "audit_failures_total", "cheese") == 0
    metrics.record_failure("cheese")
    assert value(metrics, "audit_ok", "cheese") == 1
    assert value(metrics, "audit_failures_total", "cheese") == 1


def test_a_file_for_the_textfile_collector(tmp_path: Path) -> None:
    """What a scheduled audit leaves behind can be scraped."""
    metrics = AuditMetrics(namespace="shop")
    metrics.record("wine", offending=0)
    metrics.write(tmp_path / "audit.prom")
    assert 'shop_audit_ok{pipeline="wine"} 1.0' in (tmp_path / "audit.prom").read_text()
