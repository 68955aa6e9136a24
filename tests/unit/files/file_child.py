"""A process that writes an archive until it is done or killed.

python file_child.py FOLDER FORMAT          a whole sink
python file_child.py FOLDER FORMAT STEP     ends itself at its disk's step number STEP
"""

import os
import signal
import sys
from datetime import timedelta
from pathlib import Path

import attrs

from winestream.codec import Routes
from winestream.core import BatchPolicy
from winestream.events import Event
from winestream.files import FileWriter
from winestream.records import Gap, LogPartition, Rows, Segment, Slice, Want
from winestream.sink import BatchingSink
from winestream.testing import MemoryMessage, MemorySource

PARTITIONS = [LogPartition("cluster", "log", "corks", n) for n in range(2)]
COUNT = 500
STEPS_RANGE = (0, 20)


@attrs.frozen(kw_only=True)
class CorkReturned(Event):
    wine_id: str


ROUTES = Routes({CorkReturned: "RAW_CORKS"})


def log() -> dict[LogPartition, list[MemoryMessage]]:
    """Return the same log each time: rows, dead letters, and holes."""
    value = ROUTES.encode(CorkReturned(wine_id="pomerol"))
    return {
        partition: [
            MemoryMessage(n, b"{" if n % 10 == 9 else value)
            for n in range(COUNT)
            if n % 13 != 7
        ]
        for partition in PARTITIONS
    }


def run_sink(folder: Path, file_format: str) -> None:
    """Write the log in small slices."""
    writer = FileWriter(folder, pipeline="corks", format=file_format)  # type: ignore[arg-type]
    batch = BatchPolicy(max_rows=20, linger=timedelta(milliseconds=5))
    sink = BatchingSink(
        MemorySource(log()), ROUTES, writer, pipeline="corks", batch=batch
    )
    with sink:
        sys.stdout.write("running\n")
        sys.stdout.flush()
        while sink.step():
            if sink.snapshot.all_read:
                sink.stop()


def piece(partition: LogPartition, start: int, stop: int) -> Slice:
    """Return a slice with two rows tables' worth of nothing special, and a gap."""
    offsets = range(start, stop - 1)
    rows = Rows(
        table="RAW_CORKS",
        offsets=offsets,
        event_ids=[str(n) for n in offsets],
        event_types=["CORK_RETURNED"] * len(offsets),
        occurred_at=[0.0] * len(offsets),
        schema_versions=[1] * len(offsets),
        payloads=[b"{}"] * len(offsets),
        keys=[None] * len(offsets),
        timestamps=[-1] * len(offsets),
    )
    gap = Gap(stop - 1, stop, "jump")
    segment = Segment(partition, start, stop, rows=(rows,), gaps=(gap,))
    return Slice(f"{os.getpid()}/{start}", (segment,))


def run_steps(folder: Path, file_format: str, fatal_step: int) -> None:
    """Claim and write, and die before a call that makes something durable."""
    steps = 0

    def dying(name: str) -> None:
        real = getattr(os, name)

        def step(*arguments: object, **others: object) -> object:
            nonlocal steps
            steps += 1
            if steps == fatal_step:
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*arguments, **others)

        setattr(os, name, step)

    for name in ("fsync", "replace", "mkdir"):
        dying(name)
    writer = FileWriter(folder, pipeline="corks", format=file_format)  # type: ignore[arg-type]
    writer.open()
    here = PARTITIONS[0]
    cursor = writer.claim("owner", {here: Want(0)})[here]
    stop = STEPS_RANGE[1]
    for start in range(cursor.position, stop, 10):
        writer.write(piece(here, start, start + 10), {here: cursor.epoch})
    writer.close()


if __name__ == "__main__":
    if len(sys.argv) > 3:
        run_steps(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
    else:
        run_sink(Path(sys.argv[1]), sys.argv[2])
