"""What the contract's tests need of a warehouse, and the slices they write."""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final, TypeVar
from unittest import SkipTest

import attrs

from winestream.ports import CursorStore, Writer
from winestream.records import (
    Cursor,
    DeadLetter,
    Gap,
    LogPartition,
    Rows,
    Segment,
    Slice,
    Want,
)

E = TypeVar("E", bound=BaseException)

OCCURRED: Final = 1_769_876_400.123456
"""2026-01-31 16:20:00.123456 UTC; the event at offset n is n seconds later."""


@attrs.frozen
class LandedRow:
    """One row as it was read back. `occurred_at` is in seconds since the epoch."""

    table: str
    partition: LogPartition
    offset: int
    event_id: str
    event_type: str
    payload: bytes
    occurred_at: float = 0.0
    schema_version: int = 0
    key: bytes | None = None
    timestamp: int = -1
    slice_id: str = ""


EVERYTHING: Final = frozenset(field.name for field in attrs.fields(LandedRow))


class WriterWorld(ABC):
    """An empty warehouse with `tables`, for one test.

    Set `compared` to fewer columns where the warehouse does not keep all of them, and
    `cluster` to something new where several worlds share one warehouse. `adopts` says
    whether a cursor born while a topic's id was unknown takes its real id at a claim.
    `rival_slices` is how many slices two owners write against each other.
    """

    tables: tuple[str, str] = ("RAW_ORDERS", "RAW_INVENTORY")
    compared: frozenset[str] = EVERYTHING
    cluster: str = "contract"
    adopts: bool = True
    rival_slices: int = 12

    @abstractmethod
    def writer(self) -> Writer:
        """Return a new writer of one and the same pipeline, not yet opened.

        Called from the thread that will open it.
        """

    @abstractmethod
    def rows(self) -> Iterable[LandedRow]:
        """Read back what others can see, all tables."""

    @abstractmethod
    def dead_letters(self) -> Iterable[tuple[LogPartition, DeadLetter]]:
        """Read back the dead letters."""

    @abstractmethod
    def gaps(self) -> Iterable[tuple[LogPartition, Gap]]:
        """Read back the gaps."""

    def break_next_write(self, writer: Writer) -> None:
        """Let this writer's next write fail, as late as possible but before it counts.

        Where nothing can be made to fail the test is skipped.
        """
        raise SkipTest(f"nothing makes {type(writer).__name__} fail")

    def lose_next_answer(self, writer: Writer) -> None:
        """Let this writer's next write count, and yet end in `UnknownOutcomeError`."""
        raise SkipTest(f"{type(writer).__name__} always learns what became of a write")

    # ------------------------------------------------------------- what tests share

    def partition(self, number: int, topic_id: str = "first-log") -> LogPartition:
        """Return a log partition of this world."""
        return LogPartition(self.cluster, topic_id, "contract", number)

    @contextmanager
    def opened(self) -> Iterator[Writer]:
        """Open a writer for the body."""
        writer = self.writer()
        writer.open()
        try:
            yield writer
        finally:
            writer.close()

    def piece(self, name: str, *ranges: tuple[LogPartition, int, int]) -> Slice:
        """Return a slice that holds something of everything in each range."""
        return Slice(
            f"{self.cluster}-owner/{name}",
            tuple(sample(where, *span, tables=self.tables) for where, *span in ranges),
        )

    def require(self, *pieces: Slice) -> None:
        """Fail unless what was read back is what these slices hold, each once."""
        _same("rows", self._compared(self.rows()), self._compared(_rows(pieces)))
        _same("dead letters", map(_letter, self.dead_letters()), _letters(pieces))
        _same("gaps", self.gaps(), _gaps(pieces))

    def require_at_least(self, *pieces: Slice) -> None:
        """Fail unless all that these slices hold is there, and nothing else."""
        _same("rows", set(self._compared(self.rows())), self._compared(_rows(pieces)))
        letters = set(map(_letter, self.dead_letters()))
        _same("dead letters", letters, _letters(pieces))
        _same("gaps", set(self.gaps()), _gaps(pieces))

    def _compared(self, rows: Iterable[LandedRow]) -> Iterator[tuple[object, ...]]:
        names = sorted(self.compared)
        return (tuple(getattr(row, name) for name in names) for row in rows)


def sample(
    where: LogPartition, start: int, stop: int, *, tables: tuple[str, str]
) -> Segment:
    """Return a segment with rows of both tables, dead letters and gaps."""
    offsets = range(start, stop)
    letters = [offset for offset in offsets if offset % 7 == 3]  # noqa: PLR2004
    gaps = [offset for offset in offsets if offset % 7 == 5]  # noqa: PLR2004
    good = [n for n in offsets if n not in letters and n not in gaps]
    rows = (
        _sample_rows(table, [n for n in good if n % 2 == remainder])
        for remainder, table in enumerate(tables)
    )
    return Segment(
        where,
        start,
        stop,
        rows=tuple(some for some in rows if len(some)),
        dead=tuple(map(_sample_letter, letters)),
        gaps=tuple(Gap(n, n + 1, "jump") for n in gaps),
    )


def epochs_of(
    writer: Writer, starts: Mapping[LogPartition, int], owner: str = "contract"
) -> Mapping[LogPartition, int]:
    """Claim where there is something to claim; return the epochs to write with."""
    if not isinstance(writer, CursorStore):
        return dict.fromkeys(starts, 0)
    claimed = writer.claim(owner, {p: Want(at) for p, at in starts.items()})
    return {partition: cursor.epoch for partition, cursor in claimed.items()}


def raised(kinds: type[E] | tuple[type[E], ...], call: Callable[[], object]) -> E:
    """Call and return the error of this kind; fail when there is none."""
    try:
        call()
    except kinds as error:
        return error
    names = getattr(kinds, "__name__", None) or " or ".join(
        kind.__name__
        for kind in kinds  # type: ignore[union-attr] # a tuple has no name
    )
    raise AssertionError(f"{names} was to be raised, and nothing was")


def require_cursors(
    writer: Writer, expected: Mapping[LogPartition, tuple[int, int, int]]
) -> None:
    """Fail unless the cursors are (position, first, epoch); None was to be absent."""
    found = store(writer).read(expected)
    wanted = {partition: Cursor(*cursor) for partition, cursor in expected.items()}
    if dict(found) != wanted:
        raise AssertionError(f"cursors are {dict(found)}, not {wanted}")


def store(writer: Writer) -> CursorStore:
    """Return the writer as the cursor store that it is."""
    if not isinstance(writer, CursorStore):
        raise TypeError(f"{type(writer).__name__} is no CursorStore")
    return writer


def _sample_rows(table: str, offsets: list[int]) -> Rows:
    return Rows(
        table=table,
        offsets=offsets,
        event_ids=[f"event-{n}" for n in offsets],
        event_types=["WINE_SOLD" if n % 3 else "CORK_RETURNED" for n in offsets],
        occurred_at=[OCCURRED + n % 1000 for n in offsets],
        schema_versions=[1 + n % 2 for n in offsets],
        payloads=[f'{{"wine":"Château Pétrus №{n} 🍷"}}'.encode() for n in offsets],
        keys=[(None, b"", b"\x00\xff-key")[n % 3] for n in offsets],
        timestamps=[-1 if n % 5 == 0 else 1_769_876_400_000 + n % 99 for n in offsets],
    )


def _sample_letter(offset: int) -> DeadLetter:
    return DeadLetter(
        offset=offset,
        value=None if offset % 2 else b"\xff not JSON \x00",
        key=b"" if offset % 4 else None,
        timestamp=-1 if offset % 2 else 1_769_876_400_000,
        reason="null-value" if offset % 2 else "malformed-json",
        path="$",
        headers=None if offset % 2 else [("twice", b"\x00"), ("twice", None)],
    )


def _rows(pieces: Iterable[Slice]) -> Iterator[LandedRow]:
    for piece in pieces:
        for part in piece.segments:
            for rows in part.rows:
                for i in range(len(rows)):
                    yield LandedRow(
                        rows.table,
                        part.partition,
                        rows.offsets[i],
                        rows.event_ids[i],
                        rows.event_types[i],
                        rows.payloads[i],
                        rows.occurred_at[i],
                        rows.schema_versions[i],
                        rows.keys[i],
                        rows.timestamps[i],
                        piece.id,
                    )


def _letters(pieces: Iterable[Slice]) -> Iterator[object]:
    for piece in pieces:
        for part in piece.segments:
            for letter in part.dead:
                yield _letter((part.partition, letter))


def _letter(found: tuple[LogPartition, DeadLetter]) -> object:
    where, letter = found
    headers = (
        None if letter.headers is None else tuple((n, v) for n, v in letter.headers)
    )
    return where, attrs.evolve(letter, headers=headers)


def _gaps(pieces: Iterable[Slice]) -> Iterator[object]:
    for piece in pieces:
        for part in piece.segments:
            for gap in part.gaps:
                yield part.partition, gap


def _same(what: str, found: Iterable[object], expected: Iterable[object]) -> None:
    there, wanted = Counter(found), Counter(expected)
    if there == wanted:
        return
    missing, extra = list((wanted - there).items()), list((there - wanted).items())
    raise AssertionError(
        f"{what}: {sum((wanted - there).values())} missing, the first {missing[:2]}; "
        f"{sum((there - wanted).values())} too many, the first {extra[:2]}"
    )
