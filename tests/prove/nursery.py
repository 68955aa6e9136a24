"""Forks consumer processes that have everything imported already.

    python nursery.py        reads one member's settings as JSON from each line

The imports of a consumer cost a second of CPU, and a proof kills five hundred. So one
process imports what starts no thread, uses nothing of it and forks at each request; a
child imports the rest, the warehouse's compiled client above all. Each child is a
process of its own, and SIGKILL takes it as it would take any other. The output says
`born NUMBER PID` and `ended NUMBER CODE`. When the input ends, so do the children.
"""

import gc
import json
import os
import select
import signal
import sys
from contextlib import suppress
from importlib import import_module
from pathlib import Path

POLL_SECONDS = 0.01
THREADS = Path("/proc/self/task")
HEAVY = ("winestream.kafka", "winestream.sink", "pyarrow.parquet", "pandas")


def main() -> None:
    """Fork and reap until the input ends."""
    os.environ["OPENBLAS_NUM_THREADS"] = "1"  # NumPy's, which pandas brings along
    for name in HEAVY:
        import_module(name)
    # A fork takes one thread along: whoever needs another must not be here yet. Arrow's
    # allocator looks after its own.
    names = {(thread / "comm").read_text().strip() for thread in THREADS.glob("*")}
    assert len(names - {"jemalloc_bg_thd"}) <= 1, names
    gc.freeze()
    living: dict[int, int] = {}
    unread = b""
    print("ready", flush=True)
    while True:
        ready, _, _ = select.select([0], [], [], POLL_SECONDS)
        if ready:
            more = os.read(0, 1 << 16)
            if not more:
                break
            *lines, unread = (unread + more).split(b"\n")
            for line in lines:
                told = json.loads(line)
                pid = _fork(told)
                living[pid] = told["number"]
                print("born", told["number"], pid, flush=True)
        _reap(living)
    for pid in living:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _reap(living: dict[int, int]) -> None:
    while living:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            return
        code = os.waitstatus_to_exitcode(status)
        print("ended", living.pop(pid), code, flush=True)


def _fork(told: dict[str, object]) -> int:
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        nothing = os.open(os.devnull, os.O_RDWR)
        log = os.open(str(told["log"]), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        for number, descriptor in enumerate((nothing, log, log)):
            os.dup2(descriptor, number)
        code = import_module("member").main(told)
    except BaseException:  # noqa: BLE001 — it goes no further than this process
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    main()
