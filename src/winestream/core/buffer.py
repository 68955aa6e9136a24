"""Everything held: the slice being written, the rest of it, and the one filling.

More than one slice waits in the outbox only while a refused one is being halved, and
then they are parts of one. So at most two slices' worth of messages is ever held.
"""

from collections import deque
from collections.abc import Collection, Iterator
from itertools import chain

import attrs

from winestream.core.pace import Pace
from winestream.core.policy import Batching
from winestream.records import LogPartition, Room, Segment, Slice


@attrs.define
class Buffer:
    """Bounded by the batch policy; reads no clock and decides nothing."""

    batch: Batching
    owner: str
    outbox: deque[Slice] = attrs.field(factory=deque)
    """Sealed slices, in the order they must be written."""
    flying: Slice | None = None
    """The slice the writer has."""
    filling: list[Segment] = attrs.field(factory=list)
    pace: Pace = attrs.field(init=False)
    _rows: int = 0
    _bytes: int = 0
    _opened: float = 0.0
    """When the first message came, or while there is none the first gap."""
    sealed_from: float = 0.0
    """When the first message came of the slice sealed last."""
    _disowned: set[LogPartition] = attrs.field(factory=set)
    """Partitions of the flying slice that are no longer ours to try again."""
    _counter: int = 0

    def __attrs_post_init__(self) -> None:
        self.pace = self.batch.pace()

    def add(self, segment: Segment, now: float) -> None:
        """Append what continues its partition."""
        if not self.filling or (self._rows == 0 and segment.message_count):
            self._opened = now
        if not segment.message_count and self._grow(segment):
            return  # bounded: an idle log of markers adds gaps for ever in an outage
        self.filling.append(segment)
        self._rows += segment.message_count
        self._bytes += segment.payload_bytes

    def room(self) -> Room:
        """Return what still fits into the slice that is filling."""
        return Room(
            max(0, self.batch.max_rows - self._rows),
            max(0, self.batch.max_bytes - self._bytes),
        )

    def due_at(self) -> float | None:
        """Return when the filling slice is to be sealed; None when it is empty."""
        if not self.filling:
            return None
        if not self.room().free:
            return self._opened
        if not self._rows:
            return self._opened + self.batch.gap_linger.total_seconds()
        return self._opened + self.pace.linger(self._rows, self._bytes)

    def seal(self) -> None:
        """Move the filling slice to the outbox."""
        self.outbox.append(Slice(self.new_id(), tuple(self.filling)))
        self.sealed_from = self._opened
        self._refill([])

    def launch(self) -> Slice:
        """Take the outbox's first slice for the writer."""
        self.flying = self.outbox.popleft()
        return self.flying

    def land(self, slice_id: str) -> tuple[Slice, Slice] | None:
        """Return the flying slice as it was sent, and what of it is still ours.

        None when the answer names another slice.
        """
        sent = self.flying
        if sent is None or sent.id != slice_id:
            return None
        ours = sent.without(self._disowned, self.new_id()) if self._disowned else sent
        self.flying = None
        self._disowned.clear()
        return sent, ours

    def put_back(self, *pieces: Slice) -> None:
        """Put slices at the head of the outbox, in order; empty ones vanish."""
        self.outbox.extendleft(piece for piece in reversed(pieces) if piece.segments)

    def segments(self) -> Iterator[Segment]:
        """Yield all that is held and still ours, in offset order per partition."""
        if self.flying:
            for part in self.flying.segments:
                if part.partition not in self._disowned:
                    yield part
        yield from chain.from_iterable(piece.segments for piece in self.outbox)
        yield from self.filling

    def first_held(self, partition: LogPartition) -> int | None:
        """Return the lowest offset held of the partition; None when nothing is."""
        held = (part.start for part in self.segments() if part.partition == partition)
        return next(held, None)

    def held(self) -> set[LogPartition]:
        """Return the partitions of which something is held and still ours."""
        return {part.partition for part in self.segments()}

    def drop(self, partitions: Collection[LogPartition]) -> int:
        """Forget what is held of these partitions; return how many messages."""
        lost = sum(
            part.message_count
            for part in self.segments()
            if part.partition in partitions
        )
        pieces = [piece.without(partitions, self.new_id()) for piece in self.outbox]
        self.outbox.clear()
        self.put_back(*pieces)
        if any(part.partition in partitions for part in self.filling):
            self._refill([p for p in self.filling if p.partition not in partitions])
        if self.flying:
            self._disowned.update(p for p in partitions if p in self.flying.ranges)
        return lost

    def trim(self, partition: LogPartition, position: int) -> None:
        """Forget what lies before `position`. Nothing may be flying."""
        if self.flying:
            raise RuntimeError("a slice under way cannot be trimmed")
        pieces = [
            piece.trimmed({partition: position}, self.new_id())
            if partition in piece.ranges and piece.ranges[partition].start < position
            else piece
            for piece in self.outbox
        ]
        self.outbox.clear()
        self.put_back(*pieces)
        kept = (
            part.cut(position, part.stop) if part.partition == partition else part
            for part in self.filling
        )
        self._refill([part for part in kept if part is not None])

    def new_id(self) -> str:
        """Return a slice id never used before."""
        self._counter += 1
        return f"{self.owner}/{self._counter}"

    def _grow(self, gaps: Segment) -> bool:
        """Let the partition's last segment take in a segment of gaps, if there is one.

        Gaps of one reason become one gap.
        """
        for index in range(len(self.filling) - 1, -1, -1):
            last = self.filling[index]
            if last.partition == gaps.partition:
                self.filling[index] = last.followed_by(gaps)
                return True
        return False

    def _refill(self, segments: list[Segment]) -> None:
        self.filling = segments
        self._rows = sum(part.message_count for part in segments)
        self._bytes = sum(part.payload_bytes for part in segments)
