"""A service of its own: events, routes, a sink in a loop, a hook, memory for tests."""

from datetime import timedelta
from decimal import Decimal
from typing import assert_never

import attrs

from winestream import (
    BatchingSink,
    BatchPolicy,
    Codec,
    CursorStore,
    Event,
    Guarantee,
    Hook,
    RetryPolicy,
    Routes,
    SafetyPolicy,
    Snapshot,
    Source,
    Telemetry,
    UnknownEvent,
    Writer,
)
from winestream.kafka import EventProducer, KafkaSource
from winestream.snowflake import ConnectionSettings, SnowflakeWriter
from winestream.telemetry import SliceWritten
from winestream.testing import FakeClock, MemorySource, MemoryWriter


@attrs.frozen(kw_only=True)
class CorkReturned(Event):
    """A customer returned a cork."""

    cork_id: str
    deposit: Decimal


def count(telemetry: Telemetry) -> None:
    """Be a hook."""
    if isinstance(telemetry, SliceWritten):
        total: int = sum(telemetry.rows.values())
        print(total, telemetry.seconds)


def make(source: Source, writer: Writer, hook: Hook) -> BatchingSink:
    """Wire a sink from the seams."""
    routes: Codec = Routes({CorkReturned: "RAW_CORKS"}, unknown="RAW_EVENTS")
    return BatchingSink(
        source,
        routes,
        writer,
        pipeline="corks",
        batch=BatchPolicy(max_rows=100, linger=timedelta(seconds=3)),
        retry=RetryPolicy(quick_retries=3, on_exhausted="stop"),
        safety=SafetyPolicy(on_new_log="start"),
        hooks=[hook, count],
        now=FakeClock(),
    )


def run(sink: BatchingSink) -> Snapshot:
    """Take turns in a loop of one's own."""
    with sink:
        while sink.step(timeout=0.1):
            sink.stop()
    match sink.guarantee:
        case Guarantee.EXACTLY_ONCE | Guarantee.AT_LEAST_ONCE:
            return sink.snapshot
        case _:
            assert_never(sink.guarantee)


def adapters() -> tuple[Source, Writer, CursorStore]:
    """Every adapter is what its seam asks for."""
    settings = ConnectionSettings(
        account="acc", user="loader", database="WINE", connection_name=None
    )
    real: tuple[Source, Writer] = (
        KafkaSource(["corks"], group="g", bootstrap="localhost:9092"),
        SnowflakeWriter(settings, pipeline="corks"),
    )
    print(real, MemorySource)
    writer = MemoryWriter()
    return real[0], writer, writer


def publish(cork: CorkReturned, codec: Codec) -> None:
    """Publish and read back."""
    with EventProducer("localhost:9092", codec) as producer:
        producer.publish("corks", cork.cork_id, cork)
    event: Event = codec.decode(codec.encode(cork))
    if isinstance(event, UnknownEvent):
        print(event.body)
