"""How producer, broker and consumer feel: from Prometheus, or from their own pages.

Prometheus is asked first where there is one. Without it the metrics pages are read and
a short history is kept here, so that rates and lag can be drawn all the same. What
nobody tells is None, never zero.
"""

import json
import logging
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, Protocol

import attrs
from prometheus_client.parser import text_string_to_metric_families

from full_stack.dashboard.settings import Settings

_TIMEOUT: Final = 2.0
_WINDOW: Final = 900.0
"""A quarter of an hour is drawn."""
_STEP: Final = 15.0
_RATE_OVER: Final = 20.0
"""Seconds between the two looks that a rate is made of, at least."""
_LOOKS: Final = 400  # a quarter of an hour of looks, one every few seconds

FAILURES: Final = (OSError, ValueError, KeyError, IndexError, TypeError)
"""What asking over HTTP and reading the answer may raise."""

log = logging.getLogger("winestream.dashboard")


@attrs.frozen
class Point:
    """One moment of the history; times are seconds since 1970."""

    at: float
    produced_rate: float | None
    written_rate: float | None
    lag: float | None


@attrs.frozen
class Vitals:
    """Where the three processes stand. None: nobody tells.

    Counters count since the process started. `broker_log` is how many messages the
    broker's log holds, `lag` what the consumer has not written of them.
    """

    source: str
    produced: float | None = None
    broker_log: float | None = None
    consumed: float | None = None
    written: float | None = None
    lag: float | None = None
    lag_by_topic: Mapping[str, float] = attrs.field(factory=dict)
    outage: bool = False
    oldest_unwritten: float | None = None
    write_errors: float | None = None
    history: tuple[Point, ...] = ()


NOBODY: Final = Vitals("nobody")
"""No Prometheus and no metrics page was named, or none of them answers."""


class Source(Protocol):
    """Tells how things stand; raises one of `FAILURES` when it cannot."""

    def look(self) -> Vitals:
        """Ask now."""


# ----------------------------------------------------------------------- Prometheus

_EXPRESSIONS: Final = {
    "produced": "sum(events_produced_total)",
    "broker_log": 'sum(redpanda_kafka_max_offset{redpanda_namespace="kafka"})',
    "consumed": "sum(events_consumed_total)",
    "written": "sum(rows_written_total)",
    "lag": "sum(kafka_lag_messages)",
    "oldest_unwritten": "max(oldest_unwritten_age_seconds)",
    "write_errors": "sum(snowflake_insert_errors_total)",
    "outage": "max(sink_outage)",
}
_LAG_BY_TOPIC: Final = "sum by (topic) (kafka_lag_messages)"
_HISTORY: Final = {
    "produced_rate": "sum(rate(events_produced_total[1m]))",
    "written_rate": "sum(rate(events_processed_total[1m]))",
    "lag": "sum(kafka_lag_messages)",
}
EXPRESSIONS: Final = (*_EXPRESSIONS.values(), _LAG_BY_TOPIC, *_HISTORY.values())
"""For the tests: every one is a question that Prometheus understands."""


class Prometheus:
    """Asks Prometheus' HTTP API."""

    def __init__(self, url: str) -> None:
        self._url = url

    def look(self) -> Vitals:
        """Ask everything at once."""
        with ThreadPoolExecutor(max_workers=4) as pool:
            answers = dict(
                zip(
                    _EXPRESSIONS,
                    pool.map(self._number, _EXPRESSIONS.values()),
                    strict=True,
                )
            )
            topics = pool.submit(self._ask, "query", query=_LAG_BY_TOPIC)
            history = pool.submit(self._history)
        return Vitals(
            "Prometheus",
            **{name: v for name, v in answers.items() if name != "outage"},
            outage=bool(answers["outage"]),
            lag_by_topic={
                series["metric"].get("topic", ""): float(series["value"][1])
                for series in topics.result()
            },
            history=history.result(),
        )

    def _ask(self, path: str, **parameters: str) -> list[dict[str, Any]]:
        query = urllib.parse.urlencode(parameters)
        answer = json.loads(_get(f"{self._url}/api/v1/{path}?{query}"))
        result: list[dict[str, Any]] = answer["data"]["result"]
        return result

    def _number(self, expression: str) -> float | None:
        found = self._ask("query", query=expression)
        return float(found[0]["value"][1]) if found else None

    def _history(self) -> tuple[Point, ...]:
        now = time.time()
        by_time: dict[float, dict[str, float]] = {}
        for name, expression in _HISTORY.items():
            found = self._ask(
                "query_range",
                query=expression,
                start=str(now - _WINDOW),
                end=str(now),
                step=str(_STEP),
            )
            for at, value in found[0]["values"] if found else ():
                by_time.setdefault(float(at), {})[name] = float(value)
        return tuple(
            Point(at, v.get("produced_rate"), v.get("written_rate"), v.get("lag"))
            for at, v in sorted(by_time.items())
        )


# -------------------------------------------------------------------- metrics pages


class Pages:
    """Reads the processes' own metrics pages and remembers a quarter of an hour."""

    def __init__(
        self,
        urls: Iterable[str],
        get: Callable[[str], str] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._urls = tuple(urls)
        self._get = get or _get
        self._clock = clock
        self._counted: deque[tuple[float, float | None, float | None]] = deque(
            maxlen=_LOOKS
        )
        self._history: deque[Point] = deque(maxlen=_LOOKS)

    def look(self) -> Vitals:
        """Read every page; one that does not answer takes only its own figures away."""
        with ThreadPoolExecutor(max_workers=4) as pool:
            texts = list(pool.map(self._read, self._urls))
        if not any(texts):
            raise ConnectionError("no metrics page answers")
        sums: dict[str, float] = {}
        topics: dict[str, float] = {}
        for text in texts:
            for name, labels, value in _samples(text):
                sums[name] = sums.get(name, 0.0) + value
                if name == "kafka_lag_messages":
                    topic = labels.get("topic", "")
                    topics[topic] = topics.get(topic, 0.0) + value
        produced = sums.get("events_produced_total")
        written = sums.get("events_processed_total")
        lag = sums.get("kafka_lag_messages")
        self._note(produced, written, lag)
        return Vitals(
            "metrics pages",
            produced=produced,
            broker_log=sums.get("redpanda_kafka_max_offset"),
            consumed=sums.get("events_consumed_total"),
            written=sums.get("rows_written_total"),
            lag=lag,
            lag_by_topic=topics,
            outage=bool(sums.get("sink_outage")),
            oldest_unwritten=sums.get("oldest_unwritten_age_seconds"),
            write_errors=sums.get("snowflake_insert_errors_total"),
            history=tuple(self._history),
        )

    def _read(self, url: str) -> str:
        try:
            return self._get(url)
        except FAILURES:
            return ""

    def _note(
        self, produced: float | None, written: float | None, lag: float | None
    ) -> None:
        now = self._clock()
        before = next(
            (each for each in reversed(self._counted) if now - each[0] >= _RATE_OVER),
            self._counted[0] if self._counted else None,
        )
        self._counted.append((now, produced, written))
        if before is not None and now > before[0]:
            seconds = now - before[0]
            self._history.append(
                Point(
                    now,
                    _rate(before[1], produced, seconds),
                    _rate(before[2], written, seconds),
                    lag,
                )
            )
        while self._history and now - self._history[0].at > _WINDOW:
            self._history.popleft()


def _samples(text: str) -> Iterable[tuple[str, Mapping[str, str], float]]:
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            yield sample.name, sample.labels, sample.value


def _rate(before: float | None, now: float | None, seconds: float) -> float | None:
    """Return the increase a second; a counter that fell was started again from 0."""
    if before is None or now is None:
        return None
    return (now - before if now >= before else now) / seconds


def _get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=_TIMEOUT) as answer:  # noqa: S310 — the operator's own addresses
        text: str = answer.read().decode()
    return text


# ---------------------------------------------------------------------- what is there


class Monitor:
    """Asks whoever there is, at most every few seconds. Any thread."""

    def __init__(self, sources: Iterable[Source], fresh: float = 4.0) -> None:
        self._sources = tuple(sources)
        self._fresh = fresh
        self._lock = threading.Lock()
        self._known: tuple[float, Vitals] | None = None

    @classmethod
    def of(cls, settings: Settings) -> "Monitor":
        """Make one as the settings say."""
        sources: list[Source] = []
        if settings.prometheus:
            sources.append(Prometheus(settings.prometheus))
        if settings.metrics:
            sources.append(Pages(settings.metrics))
        return cls(sources, fresh=settings.refresh.total_seconds() * 0.8)

    @property
    def named(self) -> bool:
        """Whether the settings name anybody to ask."""
        return bool(self._sources)

    def look(self) -> Vitals:
        """Return what the first who answers says; `NOBODY` if none does."""
        with self._lock:
            now = time.monotonic()
            if self._known is not None and now - self._known[0] < self._fresh:
                return self._known[1]
            vitals = self._ask()
            self._known = (time.monotonic(), vitals)
            return vitals

    def _ask(self) -> Vitals:
        for source in self._sources:
            try:
                return source.look()
            except FAILURES as error:
                log.warning(
                    "%s does not answer: %s",
                    type(source).__name__,
                    type(error).__name__,
                )
        return NOBODY
