"""The page is written from results alone."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest
from benchmarks.heats import Heat
from benchmarks.load import Load
from benchmarks.machine import machine
from benchmarks.summary import last_line

from benchmarks import page, peers


def heat(name: str, seconds: float) -> Heat:
    """Return a heat of a thousand messages."""
    return Heat(name, 1_000, 440_000, seconds, seconds + 1, seconds, 50.0, 80.0)


def test_the_page_is_of_the_results(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ratios, absences and a failed study show; the plots are the same each time."""
    monkeypatch.setattr(page, "FOLDER", tmp_path)
    rounds = [{"winestream": heat("winestream", 2.0), "floor": heat("floor", 0.5)}]
    result = {
        "compare": {
            "broker": "embedded",
            "broker_version": "a broker",
            "load": asdict(Load(messages=1_000)),
            "made": {"messages": 1_000, "payload_bytes": 440_000},
            "machine": machine(),
            "peers": peers.versions(),
            "absent": {"bytewax": "no wheel for this machine"},
            "rounds": [{n: asdict(h) for n, h in each.items()} for each in rounds],
            "summary": last_line(rounds, "embedded", 9.0),
        },
        "full": {
            "memory": {
                "broker": "embedded",
                "rate": 10,
                "outage": [1, 2],
                "idle_mb": 50.0,
                "peak_mb": 81.0,
                "samples": [[0.0, 50.0, 0, 0], [1.0, 80.0, 10, 5]],
            },
            "codec": {"failed": "because"},
        },
    }
    written = page.page(json.loads(json.dumps(result)))
    assert "0.25 (0.25-0.25) x" in written
    assert "took no part: no wheel for this machine" in written
    assert "at most 31 MB over the 50 MB" in written
    assert "# Decoding" not in written
    assert "bytewax (bytewax==" in written
    plots = {file.name: file.read_bytes() for file in tmp_path.glob("*.svg")}
    assert set(plots) == {"comparison.svg", "memory.svg"}
    assert page.page(json.loads(json.dumps(result))) == written
    assert plots == {file.name: file.read_bytes() for file in tmp_path.glob("*.svg")}


def test_the_committed_page_is_of_the_committed_results(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`make bench-page` wrote docs/benchmarks.md; nobody typed a number into it."""
    found = json.loads(page.RESULTS.read_text())
    monkeypatch.setattr(page, "FOLDER", tmp_path)
    assert page.page(found) == (page.DOCS / "benchmarks.md").read_text()
