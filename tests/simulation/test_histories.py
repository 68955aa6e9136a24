"""The whole sink in worlds where everything goes wrong, one seed a history."""

import json
import os
import subprocess
import sys

import mutants_of_protocol
import pytest

from winestream.testing.world import Fault, Promise, Violation, World
from winestream.testing.world.proof import LAST, prove, tell
from winestream.testing.world.source import PAGE

HISTORIES = 300


def test_every_promise_holds_in_hundreds_of_histories() -> None:
    """Crashes, lost answers and rebalances lose nothing and double nothing.

    Each kind of fault has struck, so none of them is proved by its absence.
    """
    proof = list(prove(range(HISTORIES), jobs=2))[-1]
    assert proof.failures == {}, "replay: python -m winestream.testing.world --seed N"
    assert proof.missing == []
    assert proof.histories == HISTORIES
    assert proof.landed > HISTORIES * PAGE


def test_without_faults_nothing_is_slow_or_lost() -> None:
    """In calm weather all lands within seconds, and nobody claims twice."""
    world = World(3, faults=False)
    told = world.run()
    assert told.seconds < 60
    assert told.landed >= sum(len(log.produced) for log in world.logs.values())
    epochs = [row.epoch for (row,) in world.warehouse.cursors.values()]
    assert epochs == [1] * len(epochs)
    assert set(told.faults) <= {
        Fault.REJECTED_ROWS,
        Fault.LOCK_WAIT,
        Fault.LATE_CLAIM,
        Fault.REVOKED,
    }


def test_a_seed_is_one_history_in_any_process() -> None:
    """The same events at the same times, whatever the order of Python's sets."""
    histories = {_replay("--seed", "11", "--whole", hash_seed=n) for n in ("1", "2")}
    (history,) = histories
    assert len(history.splitlines()) > LAST


def test_the_proof_ends_with_one_json_object() -> None:
    """The command's last line has what `make prove` wants to know."""
    last = _replay("--histories", "60", "--first", "500", "--jobs", "1")
    told = json.loads(last.splitlines()[-1])
    assert told["histories"] == 60
    assert told["failed"] == []
    assert told["fault_kinds"]["crash"] > 0
    assert set(told["never_struck"]) < set(Fault)


def test_a_broken_promise_is_told_and_replayed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A failing seed prints its partition's last events, and how to replay it."""
    mutants_of_protocol.no_row_count_check(monkeypatch)
    seed, broken = _first_failure()
    words, held = tell(seed)
    assert not held
    lines = words.splitlines()
    assert len(lines) <= LAST + 3
    assert str(broken) in lines
    assert lines[-1].endswith(f"python -m winestream.testing.world --seed {seed}")
    assert broken.promise in Promise


def _first_failure() -> tuple[int, Violation]:
    for seed in range(500):
        try:
            World(seed).run()
        except Violation as broken:
            if broken.partition is not None:
                return seed, broken
    pytest.fail("nothing broke")


def _replay(*arguments: str, hash_seed: str = "0") -> str:
    ran = subprocess.run(
        [sys.executable, "-m", "winestream.testing.world", *arguments],
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=False,
    )
    assert not ran.stderr, ran.stderr
    return ran.stdout
