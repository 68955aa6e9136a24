"""A foreign program that a demo starts ends with it, however it ends."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil

from full_stack.child import CHILD
from full_stack.process import foreign

EXAMPLES = Path(__file__).parents[3] / "examples"
PATIENCE = 20.0

SLEEPS = [sys.executable, "-c", "import time; time.sleep(600)"]
DEAF_CODE = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("deaf", flush=True)
time.sleep(600)
"""
PARENT_CODE = """
import sys, time
from pathlib import Path
from full_stack.process import foreign
held = foreign(sys.argv[2:], Path(sys.argv[1]))
print(held.pid, flush=True)
time.sleep(600)
"""
STUBBORN_CODE = """
import signal, time
from full_stack.child import watch_parent
signal.signal(signal.SIGTERM, signal.SIG_IGN)
watch_parent(patience=0.1)
time.sleep(600)
"""


def held(leash: int) -> psutil.Process:
    """Wait for the program that a leash holds."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        children = psutil.Process(leash).children()
        if children:
            return children[0]
        time.sleep(0.05)
    raise AssertionError("the leash holds nothing")


def test_sigterm_is_passed_on(tmp_path: Path) -> None:
    """Stopping the leash stops the program, at once."""
    process = foreign(SLEEPS, tmp_path / "log")
    program = held(process.pid)
    process.stop()
    assert not psutil.pid_exists(program.pid)


def test_a_program_that_is_deaf_is_killed(tmp_path: Path) -> None:
    """After its patience the leash insists."""
    process = foreign([sys.executable, "-c", DEAF_CODE], tmp_path / "log")
    program = held(process.pid)
    deadline = time.monotonic() + PATIENCE
    while "deaf" not in (tmp_path / "log").read_text():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.stop()
    assert not psutil.pid_exists(program.pid)


def test_its_exit_code_is_the_programs(tmp_path: Path) -> None:
    """What ends by itself ends the leash, with the same code."""
    process = foreign([sys.executable, "-c", "raise SystemExit(7)"], tmp_path / "log")
    deadline = time.monotonic() + PATIENCE
    while process.exit_code is None:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert process.stop() == 7


def test_nothing_is_left_behind_by_a_demo_that_was_killed(tmp_path: Path) -> None:
    """SIGKILL tells nobody anything; the end of the pipe does."""
    with subprocess.Popen(
        [sys.executable, "-c", PARENT_CODE, str(tmp_path / "log"), *SLEEPS],
        env={"PYTHONPATH": str(EXAMPLES)},
        stdout=subprocess.PIPE,
        text=True,
    ) as parent:
        assert parent.stdout is not None
        program = held(int(parent.stdout.readline()))
        parent.kill()
        _, alive = psutil.wait_procs([program], PATIENCE)
    for process in alive:
        process.kill()
    assert not alive


def test_a_child_without_a_demo_insists_on_its_own_end() -> None:
    """Who does not hear SIGTERM is killed: nobody else would do it."""
    with subprocess.Popen(
        [sys.executable, "-c", STUBBORN_CODE],
        env={"PYTHONPATH": str(EXAMPLES), CHILD: "1"},
        stdin=subprocess.PIPE,
    ) as child:
        try:
            assert child.stdin is not None
            child.stdin.close()
            assert child.wait(PATIENCE) == -signal.SIGKILL
        finally:
            child.kill()
