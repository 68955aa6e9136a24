"""What a type checker must find in a service; the comment is what it says."""

from collections.abc import Mapping
from datetime import timedelta
from typing import assert_never

import attrs

from winestream import (
    BatchingSink,
    BatchPolicy,
    Codec,
    Event,
    Guarantee,
    Routes,
    SafetyPolicy,
    Source,
    Writer,
)
from winestream.kafka import KafkaSource
from winestream.records import LogPartition, Slice
from winestream.snowflake import ConnectionSettings
from winestream.telemetry import Progress, SliceWritten


@attrs.frozen(kw_only=True)
class CorkReturned(Event):
    """A customer returned a cork."""

    cork_id: str


class NoEvent:
    """Not an event."""


class HalfAWriter:
    """Forgot `close`."""

    def open(self) -> None:
        """Do nothing."""

    def write(self, piece: Slice, epochs: Mapping[LogPartition, int]) -> None:
        """Do nothing."""


def only_progress(progress: Progress) -> None:
    """Take one kind of telemetry only."""


def mistakes(source: Source, codec: Codec, writer: Writer) -> None:
    """Make one mistake a line."""
    CorkReturned()  # E: Missing named argument "cork_id"
    CorkReturned(cork_id="c", colour="red")  # E: Unexpected keyword argument "colour"
    CorkReturned(cork_id=7)  # E: Argument "cork_id"
    CorkReturned(cork_id="c").cork_id = "d"  # E: Property "cork_id"
    Routes({NoEvent: "RAW_CORKS"})  # E: Dict entry 0 has incompatible type
    BatchPolicy(linger=5)  # E: Argument "linger"
    BatchPolicy(lingering=timedelta(seconds=5))  # E: Unexpected keyword argument
    SafetyPolicy(on_new_log="strat")  # E: Argument "on_new_log"
    BatchingSink(source, codec, writer)  # E: Missing named argument "pipeline"
    BatchingSink(source, codec, HalfAWriter(), pipeline="c")  # E: Argument 3
    BatchingSink(codec, codec, writer, pipeline="c")  # E: Argument 1
    BatchingSink(source, codec, writer, pipeline="c", hooks=[only_progress])  # E: List
    KafkaSource(["corks"], "g", "localhost:9092")  # E: Too many positional arguments
    KafkaSource(["corks"], group="g", bootstrap="b", protocol="new")  # E: Argument
    ConnectionSettings(account="a", login_timeout=20)  # E: Argument "login_timeout"
    codec.encode(NoEvent())  # E: Argument 1 to "encode"


def positions(written: SliceWritten, sink: BatchingSink) -> None:
    """Telemetry and snapshots cannot be changed."""
    written.rows["RAW_CORKS"] = 1  # E: Unsupported target for indexed assignment
    sink.snapshot.paused = True  # E: Property "paused"


def forgets(guarantee: Guarantee) -> str:
    """Leave one case out."""
    match guarantee:
        case Guarantee.EXACTLY_ONCE:
            return "once"
        case _:
            assert_never(guarantee)  # E: Argument 1 to "assert_never"
