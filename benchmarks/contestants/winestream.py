"""winestream: validated typed events into sealed Parquet, exactly once.

`BatchingSink`, `KafkaSource`, `Routes` and `FileWriter` as the documentation shows
them. Every slice is synced to the disk and committed with its cursors; the time ends
when the last slice has been. With `--at-least-once` in its place the writer keeps no
cursors, and Kafka's commit is the truth.
"""

import sys
from collections.abc import Mapping
from datetime import timedelta
from typing import cast

from benchmarks.contestants.meter import Meter, Task
from benchmarks.contestants.tally import Tally
from benchmarks.events import routes
from winestream import BatchingSink, BatchPolicy, LogPartition, Writer
from winestream.files import FileWriter
from winestream.kafka import KafkaSource
from winestream.kafka.settings import Protocol
from winestream.records import Slice
from winestream.telemetry import RunsPolled, SliceWritten, Telemetry

PIPELINE = "bench"
BATCH = BatchPolicy(linger=timedelta(seconds=5))


class WithoutCursors:
    """The same `FileWriter`, its files sealed in the same way, and no more than that.

    No claim, no lock, no list of files, no cursors: what exactly once adds is left out.
    """

    def __init__(self, writer: FileWriter) -> None:
        self._writer = writer

    def open(self) -> None:
        """Open the folder."""
        self._writer.open()

    def write(self, piece: Slice, epochs: Mapping[LogPartition, int]) -> None:
        """Seal the slice's files."""
        del epochs
        writer = self._writer
        # Private on purpose: the very code that the exactly-once run uses.
        writer._stage(piece, writer._require_open(), writer._now(), [])  # noqa: SLF001

    def close(self) -> None:
        """Give everything back."""
        self._writer.close()


class Watch:
    """The hook: counts what was polled and written, and takes the time."""

    def __init__(self, meter: Meter, tally: Tally | None) -> None:
        self._meter, self._tally = meter, tally
        self.polled = self.slices = self.dead = 0

    def __call__(self, told: Telemetry) -> None:
        """Take what the sink tells."""
        if isinstance(told, RunsPolled):
            self._meter.start()
            self.polled += sum(told.messages.values())
            if self._tally:
                self._tally.set(self.polled)
        elif isinstance(told, SliceWritten):
            dead = sum(told.dead_letters.values())
            self.slices += 1
            self.dead += dead
            self._meter.add(sum(told.rows.values()) + dead, told.payload_bytes)
            self._meter.stop()
        elif getattr(told, "error", ""):
            print(told, file=sys.stderr, flush=True)


def main() -> None:
    """Run until every message is in a sealed file."""
    task = Task.from_command_line()
    files = FileWriter(task.folder, pipeline=PIPELINE)
    writer: Writer = files
    if "--at-least-once" in sys.argv:
        writer = WithoutCursors(files)
    meter = Meter()
    tally = Tally(task.tally, task.processes, task.index) if task.tally else None
    watch = Watch(meter, tally)
    source = KafkaSource(
        [task.topic],
        group=task.group,
        bootstrap=task.bootstrap,
        protocol=cast("Protocol", task.protocol),
    )
    sink = BatchingSink(
        source, routes(), writer, pipeline=PIPELINE, batch=BATCH, hooks=[watch]
    )
    if tally:
        tally.gather()
    with sink:
        # A real sink runs on; this one stops, and so writes its last slice, when all
        # is read, by itself or by all processes of the group together.
        while sink.step(0.05):
            if (tally.total() if tally else watch.polled) >= task.messages:
                sink.stop()
    meter.report(
        guarantee=str(sink.guarantee), slices=watch.slices, dead_letters=watch.dead
    )


if __name__ == "__main__":
    main()
