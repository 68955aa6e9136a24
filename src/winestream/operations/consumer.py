"""A consumer from settings alone: sink, hooks, and what probes and scrapers ask for."""

import json
import threading
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

import confluent_kafka as kafka
import structlog
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from winestream import telemetry as tell
from winestream.codec import Routes
from winestream.errors import ConfigurationError
from winestream.events import event_type_of
from winestream.instrumentation.prometheus import PrometheusHook
from winestream.instrumentation.structlog import StructlogHook, configure_json_logging
from winestream.kafka import KafkaSource
from winestream.kafka.settings import Setting, consumer_settings, without_secrets
from winestream.operations.event_classes import event_class
from winestream.operations.readiness import (
    Progress,
    Verdict,
    healthy,
    look,
    ready,
    turned,
)
from winestream.operations.settings import ConsumerSettings
from winestream.operations.status_server import Page, StatusServer
from winestream.sink import BatchingSink, Snapshot
from winestream.snowflake import SnowflakeWriter


class Consumer:
    """A sink wired from settings. Nothing is connected before `run`.

    Raises `ConfigurationError` for a route, a Kafka property or a combination that
    cannot work.
    """

    def __init__(self, settings: ConsumerSettings) -> None:
        self._settings = settings
        routes = routes_of(settings.routes, settings.unknown_table)
        source = KafkaSource(
            settings.topics,
            group=settings.group,
            bootstrap=settings.bootstrap,
            start=settings.start,
            config=settings.kafka,
            protocol=settings.protocol,
            max_poll_interval=settings.max_poll_interval,
        )
        writer = SnowflakeWriter(
            settings.snowflake,
            pipeline=settings.pipeline,
            fingerprints=settings.fingerprints,
            insert_below=settings.insert_below,
        )
        metrics = PrometheusHook(
            known_types=[event_type_of(event_class(name)) for name in settings.routes]
        )
        self._registry = metrics.registry
        self._status = Status(settings)
        self.sink = BatchingSink(
            source,
            routes,
            writer,
            pipeline=settings.pipeline,
            batch=settings.batching,
            retry=settings.retry,
            safety=settings.safety,
            drain=settings.drain,
            stop_within=settings.stop_within,
            hooks=[metrics, StructlogHook(), self._status.hook],
            settings=source.settings,
        )

    def run(self) -> None:
        """Consume until SIGTERM or SIGINT, then write what is held and leave.

        Serves `/metrics`, `/health` and `/ready` meanwhile. Raises what
        `BatchingSink.run` raises.
        """
        configure_json_logging(self._settings.log_level)
        status, sink = self._status, self.sink
        pages = {
            "/metrics": lambda: _metrics(self._registry),
            "/health": lambda: status.health(sink.snapshot),
            "/ready": lambda: status.ready(sink.snapshot),
        }
        http = self._settings.http
        with StatusServer(pages, address=http.address, port=http.port) as server:
            structlog.get_logger().info("serve", url=server.url, pages=list(pages))
            sink.run()


def routes_of(named: Mapping[str, str], unknown_table: str) -> Routes:
    """Return the routes with their classes. Raises `ConfigurationError`."""
    tables = {}
    for name, table in named.items():
        try:
            tables[event_class(name)] = table
        except ConfigurationError as error:
            raise ConfigurationError(f"routes: {error}") from None
    return Routes(tables, unknown=unknown_table)


def check_kafka_options(given: Mapping[str, Setting], group: str) -> None:
    """Raise `ConfigurationError` for an option the Kafka client does not take.

    Asks the client itself, which is given no broker and so connects to nothing.
    """
    options = dict(given)
    try:
        kafka.Consumer({"log_level": 0, **options, "group.id": group}).close()
    except (kafka.KafkaException, TypeError, ValueError) as error:
        said = without_secrets(str(error), options)
        raise ConfigurationError(f"kafka: the client refuses: {said}") from None


def wrong_parts(parsed: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with the routes and with the Kafka options, a line each.

    `parsed` has the settings that could be read. Each of the two is looked at if all it
    is made of is among them, whatever else is missing.
    """
    found = []
    for check in (_check_routes, _check_kafka):
        try:
            check(parsed)
        except ConfigurationError as error:
            found.append(str(error))
    return found


def _check_routes(parsed: Mapping[str, Any]) -> None:
    if {"routes", "unknown_table"} <= parsed.keys():
        routes_of(parsed["routes"], parsed["unknown_table"])


def _check_kafka(parsed: Mapping[str, Any]) -> None:
    if not {"kafka", "protocol", "max_poll_interval"} <= parsed.keys():
        return
    consumer_settings(
        parsed["kafka"],
        bootstrap=parsed.get("bootstrap", ""),
        group=parsed.get("group", ""),
        protocol=parsed["protocol"],
        max_poll_interval=parsed["max_poll_interval"],
        session_timeout=None,
    )
    check_kafka_options(parsed["kafka"], parsed.get("group") or "any")


class Status:
    """Remembers progress between looks; answers `/health` and `/ready`. Any thread."""

    def __init__(
        self, settings: ConsumerSettings, *, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._stalled_after = settings.http.stalled_after.total_seconds()
        # By then the group has taken the partitions away.
        self._turn_within = settings.max_poll_interval.total_seconds()
        self._writer = f"{settings.pipeline}-writer"
        self._now = now
        self._lock = threading.Lock()
        self._progress = Progress()

    def hook(self, telemetry: tell.Telemetry) -> None:
        """Take the reader's word, once a second, that it is alive."""
        if isinstance(telemetry, tell.Progress):
            with self._lock:
                self._progress = turned(self._progress, self._now())

    def ready(self, snapshot: Snapshot) -> Page:
        """Answer 200, or 503 with the reasons."""
        progress, now = self._look(snapshot)
        return _verdict(ready(progress, snapshot, now, self._stalled_after), snapshot)

    def health(self, snapshot: Snapshot) -> Page:
        """Answer 200, or 503 where a restart is the cure."""
        progress, now = self._look(snapshot)
        alive = any(thread.name == self._writer for thread in threading.enumerate())
        verdict = healthy(
            progress, snapshot, now, writer_alive=alive, turn_within=self._turn_within
        )
        return _verdict(verdict, snapshot)

    def _look(self, snapshot: Snapshot) -> tuple[Progress, float]:
        with self._lock:
            now = self._now()
            self._progress = look(self._progress, snapshot, now)
            return self._progress, now


def _verdict(verdict: Verdict, snapshot: Snapshot) -> Page:
    body: dict[str, Any] = {
        "ok": verdict.ok,
        "reasons": list(verdict.reasons),
        "state": snapshot.state,
        "held_messages": snapshot.held_messages,
        "partitions": {
            str(partition): {
                "claimed": status.claimed,
                "written": status.written,
                "lag": status.lag,
            }
            for partition, status in sorted(snapshot.partitions.items())
        },
    }
    status = HTTPStatus.OK if verdict.ok else HTTPStatus.SERVICE_UNAVAILABLE
    return Page(json.dumps(body).encode() + b"\n", status)


def _metrics(registry: CollectorRegistry) -> Page:
    return Page(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)
