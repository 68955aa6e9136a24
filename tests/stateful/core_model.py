"""The log and the warehouse a core works between, small enough to be right by reading.

`Warehouse.commit` checks every offset that lands, whoever wrote it.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from itertools import pairwise

import attrs

from winestream.core import effects as do
from winestream.records import (
    Cursor,
    DeadLetter,
    Gap,
    LogPartition,
    Rows,
    Segment,
    Slice,
)

PARTITIONS = tuple(LogPartition("c", "t", "topic", i) for i in range(3))
MAX_ROWS = 6
MAX_BYTES = 90
"""Eight bytes a message and forty a heavy one: both bounds are met."""
PAYLOADS = {"good": b"good....", "heavy": b"heavy..." * 5, "poison": b"poison.."}
MAX_POLL = 8

Choose = Callable[[int], int]
"""`choose(n)` draws from `range(n)`."""


@attrs.define
class Log:
    """Offsets and what they hold; missing offsets are legal gaps."""

    kinds: dict[int, str] = attrs.field(factory=dict)
    end: int = 0
    low: int = 0

    def produce(self, kind: str, hole: int) -> None:
        """Append a message after `hole` offsets without one."""
        self.kinds[self.end + hole] = kind
        self.end += hole + 1

    def ahead(self, position: int) -> list[int]:
        """Return the offsets that hold a message from `position` on."""
        return [o for o in self.kinds if o >= max(position, self.low)]


@attrs.define
class Warehouse:
    """Cursors and what landed, as the compare-and-set protocol leaves them."""

    log: dict[LogPartition, Log]
    keeps_cursors: bool = True
    cursors: dict[LogPartition, Cursor] = attrs.field(factory=dict)
    durable: dict[LogPartition, int] = attrs.field(factory=dict)
    """The highest position each cursor ever had."""
    covered: dict[LogPartition, Counter[int]] = attrs.field(
        factory=lambda: {p: Counter() for p in PARTITIONS}
    )

    def claim(self, wants: dict) -> dict[LogPartition, Cursor]:
        """Take or keep."""
        claimed = {}
        for partition, want in wants.items():
            held = self.cursors.get(partition)
            if held is None and want.keep_epoch is None:
                held = Cursor(want.initial, want.initial, 0)
            if held is None or want.keep_epoch not in (None, held.epoch):
                continue
            claimed[partition] = attrs.evolve(held, epoch=held.epoch + 1)
        self.cursors.update(claimed)
        for partition, cursor in claimed.items():
            self.durable.setdefault(partition, cursor.position)
        return claimed

    def fenced(self, write: do.Write) -> frozenset[LogPartition]:
        """Return whose epoch or position is another."""
        if not self.keeps_cursors:
            return frozenset()
        return frozenset(
            p
            for p, (start, _) in write.piece.ranges.items()
            if (held := self.cursors.get(p)) is None
            or (held.position, held.epoch) != (start, write.epochs[p])
        )

    def commit(self, piece: Slice) -> None:
        """Land the slice, whoever wrote it, and check every offset of it."""
        for part in piece.segments:
            self._check(part)
        for partition, (start, stop) in piece.ranges.items():
            self.covered[partition].update(range(start, stop))
            if self.keeps_cursors:
                held = self.cursors[partition]
                self.cursors[partition] = attrs.evolve(held, position=stop)
                self.durable[partition] = max(stop, self.durable[partition])

    def _check(self, part: Segment) -> None:
        log = self.log[part.partition]
        for rows in part.rows:
            for offset in rows.offsets:
                assert log.kinds[offset] in ("good", "heavy"), (offset, "as a row")
        for letter in part.dead:
            wanted = "poison" if letter.reason == "rejected" else "broken"
            assert log.kinds[letter.offset] == wanted, (letter, "is no dead letter")
        for gap in part.gaps:
            if gap.reason == "retention":
                assert gap.stop <= log.low, (gap, "was not deleted")
                continue
            held = [o for o in range(gap.start, gap.stop) if o in log.kinds]
            assert not held, (gap, "holds messages", held)

    def rewind(self, partition: LogPartition, position: int) -> None:
        """Move a cursor back, as the operator's command does."""
        held = self.cursors[partition]
        self.cursors[partition] = attrs.evolve(
            held, position=position, epoch=held.epoch + 1
        )
        for offset in [o for o in self.covered[partition] if o >= position]:
            del self.covered[partition][offset]

    def check(self) -> None:
        """Rows, dead letters and gaps tile `[first, cursor)`, each exactly once."""
        for partition, cursor in self.cursors.items():
            wanted = Counter(range(cursor.first, cursor.position))
            assert self.covered[partition] == wanted, (partition, cursor)


def segment(partition: LogPartition, log: Log, offsets: Sequence[int]) -> Segment:
    """Return the run of these messages, as the reader would make it."""
    rows = []
    for table, remainder in (("EVEN", 0), ("ODD", 1)):
        mine = [o for o in offsets if log.kinds[o] != "broken" and o % 2 == remainder]
        if mine:
            rows.append(
                Rows(
                    table=table,
                    offsets=mine,
                    event_ids=[str(o) for o in mine],
                    event_types=["T"] * len(mine),
                    occurred_at=[0.0] * len(mine),
                    schema_versions=[1] * len(mine),
                    payloads=[PAYLOADS[log.kinds[o]] for o in mine],
                    keys=[None] * len(mine),
                    timestamps=[0] * len(mine),
                )
            )
    dead = tuple(
        DeadLetter(o, b"broken..", None, 0, "malformed-json", "$")
        for o in offsets
        if log.kinds[o] == "broken"
    )
    gaps = tuple(Gap(a + 1, b, "jump") for a, b in pairwise(offsets) if b > a + 1)
    start, stop = offsets[0], offsets[-1] + 1
    return Segment(partition, start, stop, tuple(rows), dead, gaps)


def check_tiling(piece: Slice) -> None:
    """Every offset of every segment is in one place; segments follow each other."""
    expected: dict[LogPartition, int] = {}
    for part in piece.segments:
        assert part.start == expected.get(part.partition, part.start), "a hole"
        expected[part.partition] = part.stop
        places = [o for rows in part.rows for o in rows.offsets]
        places += [letter.offset for letter in part.dead]
        places += [o for gap in part.gaps for o in range(gap.start, gap.stop)]
        assert sorted(places) == list(range(part.start, part.stop)), part
