"""Whoever kills the proof has killed all of it."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

PARENT = """
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from orphans import end_with_parent

def work():
    print("working", flush=True)
    time.sleep(120)

if __name__ == "__main__":
    spawn = get_context("spawn")
    with ProcessPoolExecutor(1, spawn, initializer=end_with_parent) as pool:
        pool.submit(work).result()
"""


@pytest.mark.timeout(60)  # the worker sleeps for longer
def test_a_worker_ends_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    """Not even SIGKILL leaves it behind: the output it holds is at its end."""
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    path = {"PYTHONPATH": str(Path(__file__).parent)}
    with subprocess.Popen(
        [sys.executable, script], stdout=subprocess.PIPE, env=os.environ | path
    ) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"working\n"
        parent.send_signal(signal.SIGKILL)
        assert parent.stdout.read() == b""
