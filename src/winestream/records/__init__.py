"""Values that travel through the pipeline. They know no clock, vendor or thread."""

from winestream.records.freshness import Freshness, Pacing
from winestream.records.guarantee import Guarantee
from winestream.records.inspection import Failure, Inspection
from winestream.records.log import (
    UNKNOWN_TOPIC_ID,
    Cursor,
    LogPartition,
    Range,
    Want,
    Watermarks,
)
from winestream.records.packed import PackedBytes, PackedTexts
from winestream.records.rows import DeadLetter, Gap, Offender, Rows
from winestream.records.run import Headers, Room, Run, dense
from winestream.records.slices import Segment, Slice

__all__ = [
    "UNKNOWN_TOPIC_ID",
    "Cursor",
    "DeadLetter",
    "Failure",
    "Freshness",
    "Gap",
    "Guarantee",
    "Headers",
    "Inspection",
    "LogPartition",
    "Offender",
    "Pacing",
    "PackedBytes",
    "PackedTexts",
    "Range",
    "Room",
    "Rows",
    "Run",
    "Segment",
    "Slice",
    "Want",
    "Watermarks",
    "dense",
]
