"""The comparison runs, counts and refuses; how fast anything is, no test asks."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from benchmarks.brokers import broker
from benchmarks.contestants.tally import Tally
from benchmarks.heats import Heat, HeatError
from benchmarks.load import TOPIC, Load, Made, produce
from benchmarks.roster import PEERS, named
from benchmarks.summary import last_line, ratio

from benchmarks import heats

ROOT = Path(__file__).parents[2]
LOAD = Load(messages=3_000, partitions=3, mix=0.3, poison=0.02)


def heat(name: str, seconds: float) -> Heat:
    """Return a heat of a thousand messages."""
    return Heat(name, 1_000, 440_000, seconds, seconds + 1, seconds, 50.0, 80.0)


def test_the_command_compares_on_the_embedded_broker(tmp_path: Path) -> None:
    """The last line has the promised keys; who took no part is null, never a number."""
    command = [sys.executable, "-m", "benchmarks.compare", "--broker", "embedded"]
    command += ["--messages=3000", "--partitions=3", "--mix=0.3", "--poison=0.02"]
    command += ["--rounds=1", "--extra=0", f"--into={tmp_path / 'found.json'}"]
    command += ["--only=floor,winestream,at_least_once,hand_loop"]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=150
    )
    last = json.loads(done.stdout.splitlines()[-1])
    assert set(last) == {
        "broker",
        "ratio_to_floor",
        "ratio_to",
        "exactly_once_to_at_least_once",
        "two_processes_to_one",
        "import_ms",
        "peak_memory_mb",
    }
    assert last["broker"] == "embedded"
    assert set(last["ratio_to"]) == set(PEERS)
    measured = {name for name, value in last["ratio_to"].items() if value is not None}
    assert measured == {"hand_loop"}
    assert last["ratio_to_floor"] > 0
    assert last["exactly_once_to_at_least_once"] > 0
    assert last["two_processes_to_one"] is None
    found = json.loads((tmp_path / "found.json").read_text())
    assert found["made"]["poison"] == 60
    (round_,) = found["rounds"]
    for name in ("floor", "winestream", "at_least_once", "hand_loop"):
        assert round_[name]["messages"] == LOAD.messages
        assert round_[name]["payload_bytes"] == found["made"]["payload_bytes"]
    assert round_["winestream"]["more"]["guarantee"] == "exactly-once"
    assert round_["at_least_once"]["more"]["guarantee"] == "at-least-once"
    assert round_["winestream"]["more"]["dead_letters"] == 60


def test_a_contestant_that_misses_something_is_no_measurement() -> None:
    """Its bytes are held against what was produced."""
    with broker({TOPIC: LOAD.partitions}, "embedded") as at:
        made = produce(LOAD, at.bootstrap)
        heats.run(named("floor"), at, made)
        wrong = replace(made, payload_bytes=made.payload_bytes + 1)
        with pytest.raises(HeatError, match="bytes of"):
            heats.run(named("floor"), at, wrong)


def test_a_broker_that_forgets_is_noticed() -> None:
    """More than the embedded broker keeps is no load."""
    with broker({TOPIC: 1}, "embedded") as at, pytest.raises(RuntimeError, match="kee"):
        produce(Load(messages=2_000, partitions=1, bytes=10_000, seed=7), at.bootstrap)


def test_ratios_are_taken_within_a_round() -> None:
    """The median of the rounds' ratios counts, not the ratio of the medians."""
    rounds = [
        {"winestream": heat("winestream", 1.0), "floor": heat("floor", 0.5)},
        {"winestream": heat("winestream", 3.0), "floor": heat("floor", 0.6)},
        {"winestream": heat("winestream", 4.0), "floor": heat("floor", 3.0)},
        {"floor": heat("floor", 9.0)},
    ]
    found = ratio(rounds, "winestream", "floor")
    assert found is not None
    assert (found.low, found.median, found.high) == pytest.approx((0.2, 0.5, 0.75))
    assert found.rounds == 3
    assert last_line(rounds, "embedded", 5.0)["peak_memory_mb"] == 30.0


@pytest.mark.parametrize("missing", ["messages", "ids", "dead letters"])
def test_what_is_checked(missing: str) -> None:
    """Counts, a sum over ids where no payload is seen, and dead letters."""
    made = Made(1_000, 440_000, poison=3, parsable=998, ids=77)
    seen = replace(heat("x", 1.0), payload_bytes=None, more={"ids": 77})
    heats._checked(seen, made)
    if missing == "messages":
        seen = replace(seen, messages=999)
    elif missing == "ids":
        seen = replace(seen, more={"ids": 78})
    else:
        seen = replace(seen, more={"ids": 77, "dead_letters": [1, 1]})
    with pytest.raises(HeatError, match=missing):
        heats._checked(seen, made)


def test_processes_share_a_tally(tmp_path: Path) -> None:
    """Each sees the sum; who is not ready counts nothing."""
    path = tmp_path / "tally"
    Tally.make(path, 2)
    one, two = Tally(str(path), 2, 0), Tally(str(path), 2, 1)
    one.set(5)
    assert two.total() == 5
    two.gather()
    two.set(7)
    assert one.total() == 12
