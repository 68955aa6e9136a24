"""The producer: tells the shop's story to the broker.

    python -m full_stack.producer --events 5000

It publishes, flushes, prints what the broker acknowledged and what it was worth as one
JSON line, and then waits for SIGTERM, so that its metrics can still be scraped. A line
`pause` on a demo's pipe makes it stop publishing early.
"""

import argparse
import json
import os
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice

import structlog

from full_stack.books import Books
from full_stack.catalogue import load_catalogue
from full_stack.child import watch_parent
from full_stack.poison import breakers
from full_stack.shop import Publication, Shop
from full_stack.wiring import (
    BOOTSTRAP,
    GROUP,
    METRICS_PORT,
    PRODUCER_PORT,
    metrics_address,
    routes,
    setting,
)
from winestream.events import InventoryAdjusted, OrderCreated, event_type_of
from winestream.instrumentation.prometheus import ProducerMetrics
from winestream.instrumentation.server import serve_metrics
from winestream.instrumentation.structlog import configure_json_logging
from winestream.kafka import ConsumedWindow, EventProducer

STORY_BEGINS = datetime(2026, 1, 5, 7, tzinfo=UTC)
"""Without `--live` the shop's own time starts here: the same seed, the same story."""

GIVE_UP_SECONDS = 5.0
"""After SIGTERM: who is not done by then waits for a broker that is gone."""

KNOWN_TYPES = [event_type_of(cls) for cls in (OrderCreated, InventoryAdjusted)]

COUNT_EVERY = 50
"""Metrics are updated once for so many messages."""


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=0, help="0: without end")
    parser.add_argument("--rate", type=float, default=0.0, help="a second; 0: at once")
    parser.add_argument("--seed", type=int, default=1855)
    parser.add_argument("--poison", type=float, default=0.0, help="share broken")
    parser.add_argument("--run", default=f"{time.time_ns():x}", help="part of all ids")
    parser.add_argument("--live", action="store_true", help="stamp the real time")
    parser.add_argument("--windowed", action="store_true", help="small broker: wait")
    return parser.parse_args()


def paced(story: Iterator[Publication], rate: float) -> Iterator[Publication]:
    """Yield publications, `rate` a second."""
    if rate <= 0:
        yield from story
        return
    began = time.monotonic()
    for number, publication in enumerate(story):
        ahead = began + number / rate - time.monotonic()
        if ahead > 0:
            time.sleep(ahead)
        yield publication


def tell(
    story: Iterator[Publication],
    producer: EventProducer,
    metrics: ProducerMetrics,
    poison: float,
    paused: threading.Event,
) -> tuple[Counter[str], Books]:
    """Publish until the story ends or is paused.

    Returns how many messages were broken, by reason, and the sound ones' books.
    """
    codec, broken, books = routes(), Counter[str](), Books()
    counts: dict[str, Counter[str]] = {}
    for number, (publication, breaker) in enumerate(
        zip(story, breakers(poison), strict=False), start=1
    ):
        value: bytes | None = codec.encode(publication.event)
        if breaker is not None and value is not None:
            reason, damage = breaker
            value = damage(value)
            broken[reason] += 1
        else:
            books.enter(publication.event)
        producer.publish_raw(publication.topic, publication.key, value)
        types = counts.setdefault(publication.topic, Counter())
        types[publication.event.event_type] += 1
        if number % COUNT_EVERY == 0 or paused.is_set():
            count(metrics, counts)
        if paused.is_set():
            break
    count(metrics, counts)
    return broken, books


def count(metrics: ProducerMetrics, counts: dict[str, Counter[str]]) -> None:
    """Move what was counted into the metrics."""
    for topic, types in counts.items():
        metrics.produced(topic, types)
    counts.clear()


def main() -> None:
    """Publish, report, wait."""
    options = arguments()
    configure_json_logging()
    log = structlog.get_logger("producer")
    paused, ended = threading.Event(), threading.Event()

    def end(*_: object) -> None:
        paused.set()
        ended.set()
        give_up = threading.Timer(GIVE_UP_SECONDS, os._exit, [1])
        give_up.daemon = True
        give_up.start()

    def obey(line: str) -> None:
        if line == "pause":
            paused.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    watch_parent(obey)

    shop = Shop(
        load_catalogue(),
        seed=options.seed,
        run=options.run,
        start=STORY_BEGINS,
        clock=(lambda: datetime.now(UTC)) if options.live else None,
    )
    story = shop.publications()
    if options.events:
        story = islice(story, options.events)
    metrics = ProducerMetrics(known_types=KNOWN_TYPES)
    port = int(setting(METRICS_PORT, str(PRODUCER_PORT)))
    log.info("configuration", events=options.events, rate=options.rate)
    with (
        serve_metrics(metrics.registry, port, metrics_address()),
        EventProducer(
            setting(BOOTSTRAP),
            routes(),
            linger=timedelta(milliseconds=20),
            window=ConsumedWindow(GROUP) if options.windowed else None,
            delivered=lambda _topic, _count, mean: metrics.acknowledged(mean),
        ) as producer,
    ):
        broken, books = tell(
            paced(story, options.rate), producer, metrics, options.poison, paused
        )
        producer.flush()
        counts = producer.acknowledged
        acknowledged = [[*name, count] for name, count in counts.items()]
        log.info("flushed", acknowledged=sum(counts.values()))
        report = books.as_json() | {"acknowledged": acknowledged, "broken": broken}
        sys.stdout.write(json.dumps(report) + "\n")
        sys.stdout.flush()
        ended.wait()
    log.info("shutdown")


if __name__ == "__main__":
    main()
