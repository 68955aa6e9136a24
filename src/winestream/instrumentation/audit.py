"""The audit's verdict as Prometheus metrics, in a registry of one's own."""

import time
from collections.abc import Callable
from pathlib import Path

from prometheus_client import CollectorRegistry, write_to_textfile

from winestream.instrumentation.families import Maker


class AuditMetrics:
    """Gauges of the latest audit of each pipeline.

    `audit_ok` is 1 while nothing is off, `audit_offending` how many things are,
    `audit_lost_messages` what retention took. `audit_timestamp_seconds` is when the
    audit was made: alert on its age, too, since an audit that no longer runs stays
    green. `audit_failures` counts audits that could not be made. `registry` and
    `namespace` as for `PrometheusHook`. Any thread.
    """

    def __init__(
        self,
        registry: CollectorRegistry | None = None,
        *,
        namespace: str = "",
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.registry = registry if registry is not None else CollectorRegistry()
        self._clock = clock
        make, labels = Maker(self.registry, namespace), ("pipeline",)
        self._ok = make.gauge(
            "audit_ok", "1 while the latest audit found nothing off.", labels
        )
        self._offending = make.gauge(
            "audit_offending", "What the latest audit found off.", labels
        )
        self._lost = make.gauge(
            "audit_lost_messages", "Offsets deleted before they were read.", labels
        )
        self._at = make.gauge(
            "audit_timestamp_seconds", "When the latest audit was made.", labels
        )
        self._failures = make.counter(
            "audit_failures", "Audits that could not be made.", labels
        )

    def record(self, pipeline: str, *, offending: int, lost: int = 0) -> None:
        """Take a verdict: `AuditReport.offending` and `AuditReport.lost`."""
        self._ok.labels(pipeline).set(offending == 0)
        self._offending.labels(pipeline).set(offending)
        self._lost.labels(pipeline).set(lost)
        self._at.labels(pipeline).set(self._clock())
        self._failures.labels(pipeline).inc(0)

    def record_failure(self, pipeline: str) -> None:
        """Note that an audit could not be made. The latest verdict stays."""
        self._failures.labels(pipeline).inc()

    def write(self, path: Path) -> None:
        """Write the metrics to a file for node_exporter's textfile collector."""
        write_to_textfile(str(path), self.registry)
