"""Columns of rows as Arrow arrays, for whatever writes Arrow.

A column comes in parts, one a run: they are joined here, one conversion a slice. What
is packed or a plain number is taken as it lies in memory, so that the interpreter's
lock, which the reader waits for, is held for a copy and no longer. Whatever lets go of
it, as pyarrow does in each cast, computation and check, gets it back only when the
reader waits for messages, some 2 ms later: so there are few of those.
"""

from array import array
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from winestream.records import PackedBytes, PackedTexts

# The first conversion loads pandas where that is installed, and holds the interpreter's
# lock for 0.2 s: now, with the module, rather than in the first slice.
pa.array((), pa.string())


def texts(parts: Iterable[PackedBytes | PackedTexts]) -> Any:  # noqa: ANN401 — pyarrow has no types
    """Return packed values as one string array.

    Raises `ValueError` for what is no UTF-8 and for more than 2 GB.
    """
    parts = list(parts)
    lengths = _as_it_lies("i", ([0], *(part.lengths for part in parts)), pa.int32())
    ends = pc.cumulative_sum_checked(lengths)
    blob = b"".join([part.blob for part in parts])
    made = pa.Array.from_buffers(
        pa.string(), len(ends) - 1, [None, ends.buffers()[1], pa.py_buffer(blob)]
    )
    if not blob.isascii():
        made.validate(full=True)
    return made


def plain(parts: Iterable[Iterable[object]], kind: Any) -> Any:  # noqa: ANN401 — as above
    """Return values of any type, null where there is none, as one array.

    Raises what pyarrow raises for a value that does not fit: `ValueError`, `TypeError`.
    """
    return pa.array(list(chain.from_iterable(parts)), kind)


def integers(parts: Iterable[Iterable[int]], kind: Any) -> Any:  # noqa: ANN401 — as above
    """Return whole numbers, none of them missing, as an array of a type of 64 bits.

    Raises `OverflowError` for one that needs more.
    """
    return _as_it_lies("q", parts, kind)


def micros(parts: Iterable[Iterable[float]]) -> Any:  # noqa: ANN401 — as above
    """Return seconds since the epoch as times in microseconds, without a zone.

    Raises `ValueError` for what is no time.
    """
    whole = pc.round(pc.multiply(_as_it_lies("d", parts, pa.float64()), 1e6))
    return whole.cast(pa.int64()).view(pa.timestamp("us"))


def millis(parts: Iterable[Sequence[int]]) -> Any:  # noqa: ANN401 — as above
    """Return milliseconds since the epoch as times without a zone; below 0 is null."""
    numbers = array("q")
    for part in parts:
        numbers += array("q", part)
    if min(numbers, default=0) < 0:
        known = [number if number >= 0 else None for number in numbers]
        return pa.array(known, pa.timestamp("ms"))
    return _as_it_lies("q", [numbers], pa.timestamp("ms"))


def repeated(values: Iterable[int], counts: Iterable[int], kind: Any) -> Any:  # noqa: ANN401 — as above
    """Return each number as often as its count says. `kind`: int32, or of 64 bits."""
    code = "i" if kind == pa.int32() else "q"
    parts = (array(code, [v]) * n for v, n in zip(values, counts, strict=True))
    return _as_it_lies(code, parts, kind)


def _as_it_lies(code: str, parts: Iterable[Iterable[Any]], kind: Any) -> Any:  # noqa: ANN401 — as above
    numbers = array(code)
    for part in parts:
        numbers += array(code, part)
    return pa.Array.from_buffers(kind, len(numbers), [None, pa.py_buffer(numbers)])
