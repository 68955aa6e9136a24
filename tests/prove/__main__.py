"""The long proof of delivery: `make prove`, or `python tests/prove --help`.

The clients are the genuine ones in the first half: the outage takes its minutes in real
time, and the kills, the cuts, the broker's errors and the storms go on beside it; the
model and the warehouse's replay come last among them. The second half has both cores to
itself: histories in simulation, and the planted bugs. Progress goes to stderr. The last
line is one JSON object; the exit code is 0 only if all of it is as promised, and each
kind of fault struck.
"""

import argparse
import json
import sys
import tempfile
import time
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import offline
import paths  # noqa: F401 — before those that need it
from cutting import cut
from errors import a_few, every
from faulting import fault
from killing import kill
from orphans import end_with_parent
from outage import MESSAGES, sit_out
from report import Report
from storming import storm
from timing import say, timed

BESIDE = 3
"""Parts at a time: the outage, and two that keep two cores busy."""

SMALL = 1000
"""With fewer histories than this, all that has no number of its own is short too."""


def main() -> int:
    """Prove it; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python tests/prove",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--kills", type=int, default=500)
    parser.add_argument("--cuts", type=int, default=200)
    parser.add_argument("--histories", type=int, default=10_000)
    parser.add_argument("--outage", type=float, default=600, help="seconds")
    wanted = parser.parse_args()
    report = Report(wanted.kills, wanted.cuts, wanted.histories)
    with tempfile.TemporaryDirectory(prefix="winestream-prove-") as folder:
        _genuine(report, Path(folder), wanted)
    _offline(report, wanted.histories)
    sys.stdout.write(json.dumps(report.as_json()) + "\n")
    return 0 if report.kept else 1


def _genuine(report: Report, folder: Path, wanted: argparse.Namespace) -> None:
    small = wanted.histories < SMALL
    calls: dict[str, Any] = {
        "outage": (sit_out, wanted.outage, MESSAGES),
        "kills": (kill, wanted.kills),
        "cuts": (cut, wanted.cuts),
        "errors": (fault, a_few() if small else every()),
        "storm": (storm, 3 if small else 12),
    }
    for part in offline.BESIDE:
        command = offline.commands(0)[part]
        calls[part] = offline.run_beside, command, small
    spawn = get_context("spawn")
    with ProcessPoolExecutor(BESIDE, spawn, initializer=end_with_parent) as pool:
        going: dict[str, Future[Any]] = {}
        for part, (work, *numbers) in calls.items():
            place = folder / part
            place.mkdir()
            going[part] = pool.submit(timed, part, work, place, *numbers)
        for part, future in going.items():
            error = future.exception()
            if error is not None:
                report.failed(part, error)
            elif part in offline.BESIDE:
                report.offline(part, *future.result())
            elif part == "outage":
                report.outage(future.result())
            else:
                report.outcome(part, future.result())


def _offline(report: Report, histories: int) -> None:
    small = histories < SMALL
    for part, command in offline.commands(histories).items():
        if part in offline.BESIDE:
            continue
        began = time.monotonic()
        say(f"{part}: begins")
        code, last = offline.run(command, small=small)
        say(f"{part}: ended after {time.monotonic() - began:.0f} s")
        report.offline(part, code, last)


if __name__ == "__main__":
    sys.exit(main())
