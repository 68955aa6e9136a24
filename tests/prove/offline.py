"""The parts of the proof that need no client: programs with a last line each."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HISTORIES, MUTANTS, MODEL, REPLAY = "histories", "mutants", "model", "replay"


BESIDE = (MODEL, REPLAY)
"""What may run beside the genuine clients: it does not count the seconds it takes."""


def commands(histories: int) -> Mapping[str, Sequence[str]]:
    """Return what to run for each part."""
    simulate = ["-m", "winestream.testing.world", "--histories", str(histories)]
    return {
        HISTORIES: simulate,
        MUTANTS: ["tests/simulation/mutants.py"],
        MODEL: ["docs/model/protocol.py", "--quick"],
        REPLAY: ["-m", "pytest", "-q", "-n", "2", "tests/sql/test_elt_replay.py"],
    }


def run_beside(_folder: Path, command: Sequence[str], small: bool) -> tuple[int, str]:
    """Do the same as a part among the genuine ones."""
    return run(command, small=small)


def run(command: Sequence[str], *, small: bool) -> tuple[int, str]:
    """Run one; return its exit code and last line. The rest goes to stderr."""
    worlds = "dev" if small else "nightly"  # 100 or 1,000 worlds to replay
    with subprocess.Popen(
        [sys.executable, *command],
        cwd=ROOT,
        env={**os.environ, "HYPOTHESIS_PROFILE": worlds},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        last = ""
        for line in process.stdout:
            sys.stderr.write(line)
            last = line.strip() or last
        sys.stderr.flush()
    return process.returncode, last
