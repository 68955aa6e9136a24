"""SIGKILL at any moment loses nothing and doubles nothing."""

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from file_child import COUNT, PARTITIONS, STEPS_RANGE, run_steps

from winestream.files import Archive
from winestream.records import LogPartition

CHILD = Path(__file__).with_name("file_child.py")
KILLS = 8


def covered(archive: Archive, partition: LogPartition) -> list[int]:
    """Return every offset that is a row, a dead letter or in a gap, sorted."""
    offsets = [
        row.offset for row in archive.rows("RAW_CORKS") if row.partition == partition
    ]
    offsets += [d.offset for where, d in archive.dead_letters() if where == partition]
    for where, gap in archive.gaps():
        if where == partition:
            offsets += range(gap.start, gap.stop)
    return sorted(offsets)


def check(folder: Path) -> Archive:
    """Hold what is committed against the cursors and the ledger."""
    archive = Archive(folder, "corks")
    for partition, cursor in archive.cursors.items():
        wanted = list(range(cursor.first, cursor.position))
        assert covered(archive, partition) == wanted
        ledger = [e for e in archive.ledger() if e.partition == partition]
        ends = [cursor.first, *(entry.stop for entry in ledger)]
        assert [entry.start for entry in ledger] == ends[:-1]
        assert ends[-1] == cursor.position
    return archive


@pytest.mark.parametrize("file_format", ["parquet", "jsonl"])
def test_killed_sink(tmp_path: Path, file_format: str) -> None:
    """A sink killed again and again at random writes every offset exactly once."""
    drawn = random.Random(1855)
    archive: Archive | None = None
    for _ in range(KILLS // 2):
        with subprocess.Popen(
            [sys.executable, "-W", "error", str(CHILD), str(tmp_path), file_format],
            stdout=subprocess.PIPE,
            text=True,
        ) as child:
            assert child.stdout is not None
            assert child.stdout.readline() == "running\n"
            time.sleep(drawn.uniform(0, 0.2))
            child.kill()
        archive = check(tmp_path)
    subprocess.run(
        [sys.executable, "-W", "error", str(CHILD), str(tmp_path), file_format],
        check=True,
        stdout=subprocess.DEVNULL,
        timeout=120,
    )
    archive = check(tmp_path)
    assert {p: c.position for p, c in archive.cursors.items()} == dict.fromkeys(
        PARTITIONS, COUNT
    )
    assert max(c.epoch for c in archive.cursors.values()) > 1
    assert Counter(d.reason for _, d in archive.dead_letters())["malformed-json"] > 0


def test_killed_at_every_step(tmp_path: Path) -> None:
    """Dying before each sync, rename and mkdir of its life, a writer loses nothing.

    Children of one process without threads, so each costs a fork only.
    """
    script = (
        "import sys; sys.path.insert(0, sys.argv[2])\n"
        "from test_kills import every_step\n"
        "from pathlib import Path\n"
        "print(every_step(Path(sys.argv[1])))"
    )
    run = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path), str(CHILD.parent)],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert int(run.stdout) > 20


def every_step(folder: Path) -> int:
    """Kill at step 1, 2, 3 … of a whole life; return the first step not reached."""
    step = 0
    while True:
        step += 1
        home = folder / str(step)
        killed = _fork(home, step)
        if (home / "corks" / "cursor.json").exists():
            check(home)
        again = _fork(home, 0)
        assert not again
        archive = check(home)
        assert covered(archive, PARTITIONS[0]) == list(range(*STEPS_RANGE))
        if not killed:
            return step


def _fork(folder: Path, step: int) -> bool:
    """Run in a child; return whether it was killed."""
    child = os.fork()
    if child == 0:
        try:
            run_steps(folder, "jsonl", step)
        except BaseException:  # noqa: BLE001 — the parent sees the code
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return True
    assert os.WEXITSTATUS(status) == 0
    return False
