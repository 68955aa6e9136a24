"""What the sink itself costs an event: no broker, no validation, no files.

A source that has its runs ready, a codec that knows the answer, and a writer that does
nothing: what is left is segments, the core, the desk and the hooks.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Final

from benchmarks.studies.stopwatch import microseconds
from winestream import BatchingSink, BatchPolicy, Event, LogPartition
from winestream.ports import CommitResult, OnRevoke, Poll
from winestream.records import Inspection, Room, Run, Slice, Watermarks

_PARTITIONS: Final = 12
_RUNS: Final = 400
_RUN: Final = 1_000

PARTS: Final = [LogPartition("c", "t", "orders", n) for n in range(_PARTITIONS)]


class ReadySource:
    """Every poll brings a run that was made before."""

    def __init__(self) -> None:
        column: Sequence[bytes] = [b"x" * 440] * _RUN
        self._runs = [
            Run(
                PARTS[n % _PARTITIONS],
                range(
                    n // _PARTITIONS * _RUN,
                    (n // _PARTITIONS + 1) * _RUN,
                ),
                column,
                [None] * _RUN,
                [1] * _RUN,
            )
            for n in range(_RUNS)
        ]
        self._at = 0
        self._held = False

    @property
    def over(self) -> bool:
        """Whether all was delivered."""
        return self._at >= len(self._runs)

    def open(self, on_revoke: OnRevoke) -> None:
        """Subscribe to nothing."""

    def poll(self, room: Room, timeout: float) -> Poll:
        """Deliver a run."""
        del timeout
        assigned = frozenset(PARTS)
        if self._held or self.over or room.rows < _RUN or not self._started:
            return Poll(assigned=assigned)
        self._at += 1
        return Poll(runs=[self._runs[self._at - 1]], assigned=assigned)

    _started = False

    def initial_positions(
        self, partitions: Iterable[LogPartition]
    ) -> Mapping[LogPartition, int]:
        """Begin at zero."""
        return dict.fromkeys(partitions, 0)

    def committed(
        self, partitions: Iterable[LogPartition]
    ) -> Mapping[LogPartition, int]:
        """Know of no commit."""
        del partitions
        return {}

    def start(self, positions: Mapping[LogPartition, int]) -> None:
        """Deliver from now on."""
        self._started = bool(positions)

    def hold(self, held: bool) -> None:  # noqa: FBT001 — the port's
        """Pause."""
        self._held = held

    def commit(
        self, positions: Mapping[LogPartition, int], *, wait: bool
    ) -> CommitResult | None:
        """Agree."""
        return CommitResult(positions) if wait else None

    def watermarks(self) -> Mapping[LogPartition, Watermarks]:
        """Know of no ends."""
        return {}

    def close(self) -> None:
        """End."""


class KnowingCodec:
    """Its answer is ready."""

    def __init__(self) -> None:
        n = _RUN
        self._answer = Inspection(["i"] * n, ["T"] * n, [1.0] * n, [1] * n, "RAW_X")

    def inspect(self, values: Sequence[bytes | None]) -> Inspection:
        """Answer."""
        assert len(values) == _RUN
        return self._answer

    def decode(self, value: bytes | None) -> Event:
        """Not asked for here."""
        raise NotImplementedError

    def encode(self, event: Event) -> bytes:
        """Not asked for here."""
        raise NotImplementedError


class NoWriter:
    """Writes nothing, at least once."""

    def __init__(self) -> None:
        self.rows = 0

    def open(self) -> None:
        """Open nothing."""

    def write(self, piece: Slice, epochs: Mapping[LogPartition, int]) -> None:
        """Count."""
        del epochs
        self.rows += piece.row_count

    def close(self) -> None:
        """Close nothing."""


def _run_once() -> None:
    source, writer = ReadySource(), NoWriter()
    policy = BatchPolicy(max_rows=20_000, linger=timedelta(seconds=5))
    sink = BatchingSink(source, KnowingCodec(), writer, pipeline="x", batch=policy)
    with sink:
        while sink.step(0.001):
            if source.over:
                sink.stop()
    assert writer.rows == _RUNS * _RUN, writer.rows


def measure() -> dict[str, object]:
    """Return µs an event."""
    return {"us": microseconds(_run_once, _RUNS * _RUN)}
