"""The studies of `make bench-full` measure what they say, on small numbers."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from benchmarks.brokers import broker
from benchmarks.load import Load
from benchmarks.studies import bookkeeping, codec, codec_one, files, flows, stopwatch

ROOT = Path(__file__).parents[2]
PARTITIONS = 3


def test_a_watched_sink_lives_through_its_outage() -> None:
    """Everything is written in the end, late, and the memory was looked at."""
    load = Load(messages=600, partitions=PARTITIONS)
    with broker({"flow": PARTITIONS}, "embedded") as at:
        said = flows._watched(at, "flow", load, 600, (0.0, 1.5))
    assert said["messages"] == load.messages
    assert said["worst"] > 1.0
    assert said["p50"] <= said["p99"] <= said["worst"]
    assert len(said["samples"]) >= 2
    assert said["samples"][-1][2] == load.messages


def test_bookkeeping_counts_every_event(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sink in memory hands every row to its writer."""
    monkeypatch.setattr(bookkeeping, "_RUNS", 24)
    monkeypatch.setattr(stopwatch, "REPEATS", 1)
    assert bookkeeping.measure()["us"]["median"] > 0  # type: ignore[index]


def test_files_of_each_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each size is written as one file a slice, and its bytes are counted."""
    monkeypatch.setattr(files, "_SIZES", (50, 100))
    monkeypatch.setattr(codec, "_EVENTS", 100)
    monkeypatch.setattr(stopwatch, "REPEATS", 1)
    found = files.measure()
    assert set(found) == {"50", "100"}
    assert found["100"]["bytes_a_row"] < found["100"]["payload_bytes"]  # type: ignore[index]


@pytest.mark.parametrize("library", ["json", "msgspec", "cattrs"])
def test_a_library_decodes_the_orders(library: str) -> None:
    """What the libraries decode is what the contestants read."""
    values = codec.payloads(Load(messages=50))
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.studies.codec_one", library],
        input=b"\n".join(values),
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    assert json.loads(done.stdout)["us"]["median"] > 0
    order = codec_one.LIBRARIES["msgspec"]()(values[0])
    assert isinstance(order, codec_one.Order)
    assert order == codec_one.LIBRARIES["cattrs"]()(values[0])
