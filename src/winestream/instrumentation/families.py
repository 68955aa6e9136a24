"""Makes metrics, keeps their labels few and their children at hand.

A labelled child costs a lookup under a lock, so it is looked up once. A label value
nobody expected could come from a message: beyond a fixed number it becomes `other`.
"""

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

OTHER = "other"
MAX_VALUES = 100  # topics, tables, reasons: all named in settings or code, all few


class Counts:
    """A counter with one label.

    `known` values have a series from the start, so that a rate sees their first
    increment. `room` is how many others get one of their own; the rest share `other`.
    """

    def __init__(
        self, counter: Counter, known: Iterable[str] = (), *, room: int = MAX_VALUES
    ) -> None:
        self._counter = counter
        self._room = room
        self._children = {value: counter.labels(value) for value in known}

    def add(self, value: str, count: int = 1) -> None:
        """Add `count` to the series of `value`. With 0 the series just appears."""
        child = self._children.get(value)
        if child is None:
            child = self._child(value)
        child.inc(count)

    def _child(self, value: str) -> Counter:
        if self._room <= 0 and value != OTHER:
            return self._children.get(OTHER) or self._child(OTHER)
        self._room -= 1
        child = self._children[value] = self._counter.labels(value)
        return child


class Maker:
    """Makes metrics of one registry and namespace. Names without `_total`."""

    def __init__(self, registry: CollectorRegistry, namespace: str) -> None:
        self._registry, self._namespace = registry, namespace

    def counter(self, name: str, help_: str, labels: Iterable[str] = ()) -> Counter:
        """Return a counter."""
        return Counter(
            name, help_, labels, namespace=self._namespace, registry=self._registry
        )

    def counts(
        self,
        name: str,
        help_: str,
        label: str,
        known: Iterable[str] = (),
        *,
        room: int = MAX_VALUES,
    ) -> Counts:
        """Return a counter with one label; see `Counts`."""
        return Counts(self.counter(name, help_, (label,)), known, room=room)

    def gauge(self, name: str, help_: str, labels: Iterable[str] = ()) -> Gauge:
        """Return a gauge."""
        return Gauge(
            name, help_, labels, namespace=self._namespace, registry=self._registry
        )

    def histogram(
        self,
        name: str,
        help_: str,
        buckets: Iterable[float],
        labels: Iterable[str] = (),
    ) -> Histogram:
        """Return a histogram."""
        return Histogram(
            name,
            help_,
            labels,
            namespace=self._namespace,
            registry=self._registry,
            buckets=tuple(buckets),
        )
