"""One consumer of a proof: wiring, and a diary that outlives a SIGKILL.

A line of the diary is one `write` to a file opened for appending, so whatever was
noted before the end is there. It says which statement the writer was about to run
(`> copy`) or has run (`< copy`), and what the sink tells its hooks.
"""

import json
import os
import sys
import time
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any

import paths  # noqa: F401 — before those that need it
from warehouse_world import HookedWriter

from full_stack.wiring import routes
from winestream import telemetry as tell
from winestream.core import BatchPolicy, RetryPolicy, SafetyPolicy
from winestream.errors import RetryableWriteError
from winestream.kafka import KafkaSource
from winestream.sink import BatchingSink
from winestream.snowflake import ConnectionSettings

Note = Callable[..., None]

AGAIN_SECONDS = 0.2


def diary(path: str) -> Note:
    """Return what appends a line to a file, at once."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def note(*words: object) -> None:
        os.write(file, (" ".join(map(str, words)) + "\n").encode())

    return note


def hook_of(note: Note) -> Callable[[tell.Telemetry], None]:
    """Return a hook that notes what a proof waits for or counts."""

    def hook(told: tell.Telemetry) -> None:
        words = words_of(told)
        if words is not None:
            note(type(told).__name__.removeprefix("Partitions").lower(), *words)

    return hook


def words_of(told: tell.Telemetry) -> Iterable[object] | None:
    """Return what is worth noting, or None."""
    words: Iterable[object] | None = None
    match told:
        case tell.SliceWritten():
            words = sum(told.rows.values()), told.slice_id
        case tell.WriteFailed():
            words = told.kind, told.error
        case tell.CursorsClaimed(cursors=logs):
            words = sorted(log.partition for log in logs)
        case (
            tell.PartitionsAssigned(partitions=logs)
            | tell.PartitionsReleased(partitions=logs)
            | tell.PartitionsLost(partitions=logs)
        ):
            words = sorted(log.partition for log in logs)
        case tell.Progress():
            words = told.held_rows, told.held_bytes
        case tell.KafkaCommitted():
            words = set(told.errors.values())
        case tell.PollFailed() | tell.ClaimFailed() | tell.SinkStopped():
            words = [told.error]
        case tell.OutageChanged(active=on) | tell.Held(held=on):
            words = [on]
        case _:
            pass
    return words


def sink_of(told: dict[str, Any], note: Note) -> BatchingSink:
    """Wire a consumer up from its settings."""
    seconds = {
        name: timedelta(seconds=told[name])
        for name in ("linger", "first", "outage_cap", "patience")
    }
    source = KafkaSource(
        told["topics"],
        group=told["group"],
        bootstrap=told["bootstrap"],
        protocol=told["protocol"],
        **{
            name: timedelta(seconds=told[name])
            for name in ("session_timeout", "max_poll_interval")
            if told[name] is not None
        },
    )
    limits = {
        name: timedelta(seconds=told["request_timeout"])
        for name in ("login_timeout", "request_timeout")
    }
    writer = HookedWriter(
        ConnectionSettings.of(told["connection"] | limits, database=told["database"]),
        pipeline=told["pipeline"],
        fingerprints=True,
        patience=seconds["patience"],
        insert_below=told["insert_below"],
    )
    if told["steps"]:
        writer.hook = lambda when, step: note("><"[when == "after"], step)
    return BatchingSink(
        source,
        routes(),
        writer,
        pipeline=told["pipeline"],
        batch=BatchPolicy(
            max_rows=told["max_rows"],
            max_bytes=told["max_bytes"],
            linger=seconds["linger"],
        ),
        retry=RetryPolicy(first=seconds["first"], outage_cap=seconds["outage_cap"]),
        safety=SafetyPolicy(min_rejected=told["max_rows"]),
        hooks=[hook_of(note)],
        stop_within=timedelta(seconds=20),
    )


def main(told: dict[str, Any]) -> int:
    """Consume until killed or stopped.

    Where the warehouse does not answer at the start, a sink says so and ends; whoever
    supervises a service starts it again, and so is done here.
    """
    note = diary(told["diary"])
    note("born", os.getpid())
    while True:
        try:
            sink_of(told, note).run()
        except RetryableWriteError as error:
            note("again", error)
            time.sleep(AGAIN_SECONDS)
        else:
            note("done")
            return 0


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1])))
