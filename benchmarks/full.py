"""`make bench-full`: everything besides the comparison of `make bench`.

    python -m benchmarks.full --only codec,latency

Each study's result lands in build/bench/full.json as soon as it is there; a study that
fails is told with its reason and does not stop the others.
"""

import argparse
import json
import time
import traceback
from collections.abc import Callable, Mapping
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from subprocess import run as run_program
from sys import executable
from typing import Any, Final

from benchmarks import compare, heats
from benchmarks.machine import machine
from benchmarks.studies import bookkeeping, codec, files, flows, startup

RESULTS: Final = heats.ROOT / "build" / "bench" / "full.json"
OURS: Final = "floor,winestream"
SIZES: Final = (200, 450, 1_000, 10_000)
PARTITIONS: Final = (1, 2, 4)
_EMBEDDED_PARTITIONS: Final = 48
"""400,000 orders of 440 B in lz4 are some 80 MB; 5 MiB fit into each partition."""

Study = Callable[[], Mapping[str, object]]


def _compared(*arguments: str) -> Mapping[str, object]:
    """Run a comparison of its own and return its results."""
    into = RESULTS.parent / "part.json"
    compare.main([*arguments, "--into", str(into)])
    found: Mapping[str, object] = json.loads(into.read_text())
    return found


def by_size() -> Mapping[str, object]:
    """Messages of four sizes; larger ones are fewer, so that a run stays a run."""
    return {
        str(size): _compared(
            f"--bytes={size}",
            f"--messages={min(400_000, 160_000_000 // size)}",
            f"--only={OURS}",
            "--rounds=3",
        )
        for size in SIZES
    }


def by_partitions() -> Mapping[str, object]:
    """Topics of 1, 2 and 4 partitions, read by one process and by two."""
    return {
        str(count): _compared(
            f"--partitions={count}",
            f"--only={OURS}" + (",winestream_two" if count > 1 else ""),
            "--rounds=3",
        )
        for count in PARTITIONS
    }


def mixed() -> Mapping[str, object]:
    """Two event types in one topic, and one message in a hundred broken."""
    return _compared("--mix=0.4", "--poison=0.01", f"--only={OURS}", "--rounds=3")


def embedded() -> Mapping[str, object]:
    """All who can, on the embedded broker."""
    return _compared(
        "--broker=embedded", f"--partitions={_EMBEDDED_PARTITIONS}", "--rounds=3"
    )


def elsewhere(module: str) -> Mapping[str, object]:
    """Run a folder of benchmarks that has a command of its own, if it is there."""
    if find_spec(module) is None:
        return {"absent": f"there is no {module}"}
    run_program([executable, "-m", module], cwd=heats.ROOT, check=True)
    return {"done": "it keeps its own results"}


STUDIES: Final[Mapping[str, Study]] = {
    "startup": startup.measure,
    "codec": codec.measure,
    "bookkeeping": bookkeeping.measure,
    "files": files.measure,
    "size": by_size,
    "partitions": by_partitions,
    "mixed": mixed,
    "embedded": embedded,
    "warehouse": flows.into_the_warehouse,
    "latency": flows.latency,
    "memory": flows.memory,
    "economics": partial(elsewhere, "benchmarks.economics"),
    "freshness": partial(elsewhere, "benchmarks.freshness"),
}


def main() -> None:
    """Run the studies, keep what they find."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help=f"of {', '.join(STUDIES)}")
    parser.add_argument("--into", type=Path, default=RESULTS)
    options = parser.parse_args()
    wanted = [name for name in options.only.split(",") if name] or list(STUDIES)
    if unknown := set(wanted) - set(STUDIES):
        raise SystemExit(f"no study is called {', '.join(sorted(unknown))}")
    options.into.parent.mkdir(parents=True, exist_ok=True)
    found: dict[str, Any] = {}
    if options.only and options.into.exists():
        found = json.loads(options.into.read_text())
    failed = []
    for name in wanted:
        print(f"--- {name}", flush=True)
        began, here = time.monotonic(), machine()
        try:
            found[name] = dict(STUDIES[name]())
        except Exception as error:  # noqa: BLE001 — the next study can still be had
            traceback.print_exc()
            failed.append(name)
            found[name] = {"failed": f"{type(error).__name__}: {error}"}
        found["machine"] = here
        options.into.write_text(json.dumps(found, indent=1))
        print(f"--- {name}: {time.monotonic() - began:.0f} s", flush=True)
    if failed:
        raise SystemExit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
