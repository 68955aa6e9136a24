"""How far the warehouse's layers are behind, as Prometheus metrics."""

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from prometheus_client import CollectorRegistry

from winestream.instrumentation.families import Maker


class FreshnessMetrics:
    """Gauges by layer: how long the oldest row has waited that the layer lacks.

    `layer_freshness_seconds` is 0 for a layer that lacks nothing;
    `layer_newest_timestamp_seconds` is when its newest row came. `registry` and
    `namespace` as for `PrometheusHook`. One thread.
    """

    def __init__(
        self,
        registry: CollectorRegistry | None = None,
        *,
        namespace: str = "",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.registry = registry if registry is not None else CollectorRegistry()
        self._clock = clock
        make, labels = Maker(self.registry, namespace), ("layer",)
        self._behind = make.gauge(
            "layer_freshness_seconds",
            "How long the oldest row has waited that the layer lacks.",
            labels,
        )
        self._newest = make.gauge(
            "layer_newest_timestamp_seconds",
            "When the layer's newest row came.",
            labels,
        )
        self._seen: Mapping[str, float] = {}
        self._seen_at = 0.0

    def record(
        self, behind: Mapping[str, float], newest: Mapping[str, datetime]
    ) -> None:
        """Take what was seen, by layer; moments without a zone are UTC."""
        for layer in self._seen.keys() - behind.keys():
            self._behind.remove(layer)
        self._seen, self._seen_at = dict(behind), self._clock()
        for layer, seconds in behind.items():
            self._behind.labels(layer).set(seconds)
        for layer, at in newest.items():
            moment = at if at.tzinfo else at.replace(tzinfo=UTC)
            self._newest.labels(layer).set(moment.timestamp())

    def record_failure(self) -> None:
        """Note that nothing could be seen: the layers age from what was seen last.

        Nobody knows whether they do, but a figure that stands still would look fresh.
        """
        since = self._clock() - self._seen_at
        for layer, seconds in self._seen.items():
            self._behind.labels(layer).set(seconds + since)
