"""The unit that is written: a contiguous range per partition and all it holds."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from itertools import chain

import attrs

from winestream.records.log import LogPartition, Range
from winestream.records.rows import DeadLetter, Gap, Offender, Rows


@attrs.frozen(eq=False, slots=False)
class Segment:
    """One contiguous stretch `[start, stop)` of one log partition.

    Every offset in it is a row of exactly one table, a dead letter, or inside a gap.
    """

    partition: LogPartition
    start: int
    stop: int
    rows: tuple[Rows, ...] = ()
    dead: tuple[DeadLetter, ...] = ()
    gaps: tuple[Gap, ...] = ()

    @cached_property
    def row_count(self) -> int:
        """Rows over all tables."""
        return sum(map(len, self.rows))

    @cached_property
    def message_count(self) -> int:
        """Rows and dead letters."""
        return self.row_count + len(self.dead)

    @cached_property
    def payload_bytes(self) -> int:
        """Bytes of the rows' payloads and of the dead letters' values."""
        return sum(len(rows.payloads.blob) for rows in self.rows) + sum(
            len(letter.value or b"") for letter in self.dead
        )

    def cut(self, start: int, stop: int) -> "Segment | None":
        """Return what lies in `[start, stop)`, or None when nothing does."""
        start, stop = max(start, self.start), min(stop, self.stop)
        if start >= stop:
            return None
        if (start, stop) == (self.start, self.stop):
            return self
        return Segment(
            self.partition,
            start,
            stop,
            tuple(part for rows in self.rows if len(part := rows.cut(start, stop))),
            tuple(letter for letter in self.dead if start <= letter.offset < stop),
            tuple(
                attrs.evolve(gap, start=max(gap.start, start), stop=min(gap.stop, stop))
                for gap in self.gaps
                if gap.start < stop and gap.stop > start
            ),
        )

    def after_gap(self, gap: Gap) -> "Segment":
        """Return this segment grown to the left by `gap`, which it must follow."""
        if gap.stop != self.start:
            raise ValueError(f"{gap} does not end where the segment starts")
        return attrs.evolve(self, start=gap.start, gaps=(gap, *self.gaps))

    def followed_by(self, gaps: "Segment") -> "Segment":
        """Return this segment grown to the right by a segment of gaps only.

        Gaps that touch and have one reason become one.
        """
        if gaps.start != self.stop or gaps.message_count:
            raise ValueError(f"{gaps} does not follow, or holds messages")
        merged = list(self.gaps)
        for gap in gaps.gaps:
            last = merged[-1] if merged else None
            if last and (last.stop, last.reason) == (gap.start, gap.reason):
                merged[-1] = attrs.evolve(last, stop=gap.stop)
            else:
                merged.append(gap)
        return attrs.evolve(self, stop=gaps.stop, gaps=tuple(merged))

    def row_offset(self, index: int) -> int:
        """Return the offset of the row number `index`, counted over all tables."""
        if len(self.rows) == 1:
            return self.rows[0].offsets[index]
        return sorted(chain.from_iterable(rows.offsets for rows in self.rows))[index]

    def bury(self, refused: Mapping[int, str]) -> "Segment":
        """Return this segment with the rows at these offsets as dead letters.

        `refused` maps an offset to the warehouse's error code.
        """
        letters = [
            DeadLetter(
                offset=offset,
                value=rows.payloads[i],
                key=rows.keys[i],
                timestamp=rows.timestamps[i],
                reason="rejected",
                path=refused[offset],
                headers=rows.headers[i] if rows.headers else None,
            )
            for rows in self.rows
            for i, offset in enumerate(rows.offsets)
            if offset in refused
        ]
        gone = frozenset(refused)
        kept = (rows.without(gone) for rows in self.rows)
        dead = sorted((*self.dead, *letters), key=lambda letter: letter.offset)
        return attrs.evolve(
            self, rows=tuple(rows for rows in kept if len(rows)), dead=tuple(dead)
        )


@attrs.frozen(eq=False, slots=False)
class Slice:
    """Segments that are written together, all of them or nothing.

    The segments of one partition follow each other without a hole. `id` is unique
    over all time: `owner/counter`.
    """

    id: str
    segments: tuple[Segment, ...]

    @cached_property
    def ranges(self) -> Mapping[LogPartition, Range]:
        """The offsets covered, one range per partition."""
        ranges: dict[LogPartition, Range] = {}
        for part in self.segments:
            known = ranges.get(part.partition)
            start = known.start if known else part.start
            ranges[part.partition] = Range(start, part.stop)
        return ranges

    @cached_property
    def row_count(self) -> int:
        """Rows over all tables and partitions."""
        return sum(part.row_count for part in self.segments)

    @cached_property
    def dead_count(self) -> int:
        """Dead letters over all partitions."""
        return sum(len(part.dead) for part in self.segments)

    @cached_property
    def payload_bytes(self) -> int:
        """Bytes of all payloads and dead letters' values."""
        return sum(part.payload_bytes for part in self.segments)

    def segments_of(self, partition: LogPartition) -> Sequence[Segment]:
        """Return the segments of one partition in offset order."""
        return [part for part in self.segments if part.partition == partition]

    def without(self, partitions: Iterable[LogPartition], new_id: str) -> "Slice":
        """Return the slice less these partitions, under a new id if it changed."""
        gone = set(partitions)
        kept = tuple(part for part in self.segments if part.partition not in gone)
        return self if len(kept) == len(self.segments) else Slice(new_id, kept)

    def trimmed(self, cursors: Mapping[LogPartition, int], new_id: str) -> "Slice":
        """Return what lies at or after the given positions, under a new id."""
        kept = (
            part.cut(cursors.get(part.partition, part.start), part.stop)
            for part in self.segments
        )
        return Slice(new_id, tuple(part for part in kept if part is not None))

    def halves(self, first_id: str, second_id: str) -> "tuple[Slice, Slice]":
        """Split by rows; the first half is a prefix in every partition.

        Needs at least two rows. The halves must be written in order.
        """
        budget = self.row_count // 2
        first: list[Segment] = []
        second: list[Segment] = []
        closed: set[LogPartition] = set()
        for part in self.segments:
            if part.partition in closed:
                second.append(part)
            elif budget >= part.row_count:
                budget -= part.row_count
                first.append(part)
            else:
                at = part.row_offset(budget)
                budget = 0
                closed.add(part.partition)
                first += filter(None, [part.cut(part.start, at)])
                second += filter(None, [part.cut(at, part.stop)])
        return Slice(first_id, tuple(first)), Slice(second_id, tuple(second))

    def bury(self, offenders: Iterable[Offender], new_id: str) -> "Slice":
        """Return the slice with the offenders' rows as dead letters."""
        refused: dict[LogPartition, dict[int, str]] = {}
        for offender in offenders:
            refused.setdefault(offender.partition, {})[offender.offset] = (
                offender.detail
            )
        return Slice(
            new_id,
            tuple(
                part.bury(refused[part.partition])
                if part.partition in refused
                else part
                for part in self.segments
            ),
        )

    def rows_by_table(self) -> Mapping[str, int]:
        """Count the rows of each table."""
        counts: dict[str, int] = {}
        for part in self.segments:
            for rows in part.rows:
                counts[rows.table] = counts.get(rows.table, 0) + len(rows)
        return counts
