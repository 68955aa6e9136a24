"""Who takes part, and what each does and does not do with a message."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Contestant:
    """One entry. `name` is its key in the results."""

    name: str
    title: str
    module: str
    does: str
    lacks: str
    """What winestream does and this does not: said beside its number."""
    arguments: tuple[str, ...] = ()
    processes: int = 1
    peer: str = ""
    """The environment it lives in; empty for our own."""
    real_only: bool = False
    """Whether it needs a real broker."""
    core: bool = False
    """Whether it takes part in the extra rounds, which only the fast ones run."""


WINESTREAM: Final = "winestream"
FLOOR: Final = "floor"
AT_LEAST_ONCE: Final = "at_least_once"
TWO: Final = "winestream_two"

ROSTER: Final = (
    Contestant(
        FLOOR,
        "floor: bare consume(1000)",
        "floor",
        "counts bytes",
        "parsing, validation, files, commits",
        core=True,
    ),
    Contestant(
        WINESTREAM,
        "winestream",
        "winestream",
        "validates into typed events, dead letters, sealed Parquet, exactly once",
        "",
        core=True,
    ),
    Contestant(
        AT_LEAST_ONCE,
        "winestream without cursors",
        "winestream",
        "the same, at least once",
        "exactly once",
        arguments=("--at-least-once",),
        core=True,
    ),
    Contestant(
        TWO,
        "winestream, two processes",
        "winestream",
        "the same as one process, in one group",
        "",
        processes=2,
        core=True,
    ),
    Contestant(
        "sketch",
        "sketch: the shortest fast loop",
        "sketch",
        "decodes (msgspec), keeps six columns, Parquet in a second thread",
        "money checked, dead letters, commits, syncs, any guarantee",
        core=True,
    ),
    Contestant(
        "quix_streams",
        "Quix Streams",
        "quix_streams",
        "parses JSON (orjson) into a StreamingDataFrame, at least once",
        "validation, dead letters, files, exactly once into a store",
        peer="quix_streams",
        real_only=True,
    ),
    Contestant(
        "faststream",
        "FastStream, batch of 1,000",
        "faststream",
        "parses JSON (json), hands over lists, commits by the clock",
        "validation (here), dead letters, files, exactly once",
        peer="faststream",
    ),
    Contestant(
        "bytewax",
        "Bytewax",
        "bytewax",
        "parses JSON (json) in a dataflow",
        "validation, dead letters, files, commits, exactly once without recovery",
        peer="bytewax",
    ),
    Contestant(
        "aiokafka",
        "aiokafka",
        "aiokafka",
        "parses JSON (json), commits by the clock",
        "validation, dead letters, keeping anything, exactly once",
        peer="aiokafka",
    ),
    Contestant(
        "kafka_connect",
        "Kafka Connect, file sink",
        "kafka_connect",
        "parses JSON into maps, prints them to a file, at least once",
        "validation, dead letters (here), Parquet, exactly once",
        peer="kafka_connect",
        real_only=True,
    ),
    Contestant(
        "hand_loop",
        "hand-written loop",
        "hand_loop",
        "poll, json.loads, a list, a commit per 100",
        "validation, dead letters, files, exactly once",
    ),
)

PEERS: Final = (
    "quix_streams",
    "faststream",
    "bytewax",
    "aiokafka",
    "kafka_connect",
    "hand_loop",
)
"""The keys of `ratio_to` in the last line of `make bench`."""


def named(name: str) -> Contestant:
    """Return a contestant. Raises `KeyError`."""
    return {each.name: each for each in ROSTER}[name]
