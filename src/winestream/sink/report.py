"""Turns what the reader sees into telemetry, and hands it to the hooks."""

import logging
from collections import Counter
from collections.abc import Sequence

from winestream import telemetry as tell
from winestream.core import effects as do
from winestream.core import inputs as got
from winestream.records import LogPartition, Run
from winestream.sink.snapshot import Snapshot
from winestream.telemetry import Hook, Telemetry

_log = logging.getLogger("winestream")

FIRST_DEAD = 3
"""So many dead letters of a slice are named; the rest is counted."""


class Report:
    """Calls every hook with every value; a hook that raises is left out from then on.

    Reader thread only.
    """

    def __init__(self, hooks: Sequence[Hook]) -> None:
        self._hooks = list(hooks)
        self._seconds = 0.0
        self._attempt = 0

    def __call__(self, value: Telemetry) -> None:
        """Tell every hook."""
        for hook in list(self._hooks):
            try:
                hook(value)
            except Exception:  # noqa: BLE001 — a hook must not stop the delivery
                # The traceback may quote locals of the hook, never a payload of ours.
                _log.exception("a hook raised and is left out from now on: %r", hook)
                self._hooks.remove(hook)

    def polled(self, runs: Sequence[Run]) -> None:
        """Tell how many messages a poll brought."""
        messages: Counter[str] = Counter()
        for run in runs:
            messages[run.partition.topic] += len(run)
        if messages:
            self(tell.RunsPolled(messages))

    def effect(self, effect: do.Effect) -> None:
        """Tell what the core had done, where a user would want to know."""
        match effect:
            case do.Write(_, _, attempt):
                self._attempt = attempt
            case do.Landed():
                self(_written(effect, self._seconds))
            case do.Outage(active, error):
                self(tell.OutageChanged(active, str(error or "")))
            case do.Hold(held):
                self(tell.Held(held))
            case do.Release(partitions, abandoned):
                self(tell.PartitionsReleased(partitions, abandoned))
            case _:
                pass

    def answer(self, answer: got.Answer, seconds: float) -> None:
        """Tell what the writer said, where a user would want to know."""
        match answer:
            case got.Written():
                self._seconds = seconds
            case got.Claimed(_, cursors):
                self(tell.CursorsClaimed(cursors))
            case got.ClaimFailed(_, error) | got.ConfirmFailed(_, error):
                self(tell.ClaimFailed(str(error)))
            case got.Retryable(slice_id, error):
                self._failed(slice_id, "retryable", str(error))
            case got.Unknown(slice_id, error):
                self._seconds = seconds
                self._failed(slice_id, "unknown", str(error))
            case got.Rejected(slice_id, _, detail):
                self._failed(slice_id, "rejected", detail)
            case got.Fenced(slice_id, partitions):
                names = ", ".join(sorted(map(str, partitions)))
                self._failed(slice_id, "fenced", f"another owner took over {names}")
            case _:
                pass

    def progress(self, snapshot: Snapshot, oldest_unwritten: float | None) -> None:
        """Tell where the sink stands."""
        lag = {
            partition: status.lag
            for partition, status in snapshot.partitions.items()
            if status.lag is not None
        }
        self(
            tell.Progress(
                lag, snapshot.held_messages, snapshot.held_bytes, oldest_unwritten
            )
        )

    def _failed(self, slice_id: str, kind: str, error: str) -> None:
        self(tell.WriteFailed(slice_id, kind, error, self._attempt))


def _written(landed: do.Landed, seconds: float) -> tell.SliceWritten:
    piece = landed.piece
    types: Counter[str] = Counter()
    oldest: list[float] = []
    newest: list[float] = []
    for part in piece.segments:
        for rows in part.rows:
            types.update(rows.event_types)
            oldest.append(min(rows.occurred_at))
            newest.append(max(rows.occurred_at))
    letters = [(part.partition, dead) for part in piece.segments for dead in part.dead]
    return tell.SliceWritten(
        slice_id=piece.id,
        ranges=piece.ranges,
        rows=piece.rows_by_table(),
        event_types=types,
        dead_letters=Counter(dead.reason for _, dead in letters),
        first_dead=[_place(where, dead.offset) for where, dead in letters[:FIRST_DEAD]],
        payload_bytes=piece.payload_bytes,
        seconds=seconds,
        attempts=landed.attempts,
        oldest_occurred_at=min(oldest, default=None),
        newest_occurred_at=max(newest, default=None),
        after_doubt=landed.after_doubt,
        freshness=landed.freshness,
    )


def _place(partition: LogPartition, offset: int) -> str:
    return f"{partition}@{offset}"
