"""Packed columns are the sequences they were made of."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from winestream.records import PackedBytes, PackedTexts
from winestream.records.packed import packed_bytes, packed_texts

BYTES = st.lists(st.binary(max_size=9), max_size=20)
# Everything a Python text can hold, halves of surrogate pairs included.
TEXTS = st.lists(st.text(st.characters(), max_size=5), max_size=20)
CUT = st.integers(-25, 25) | st.none()


@given(BYTES, TEXTS)
def test_nothing_is_lost_by_packing(values: list[bytes], texts: list[str]) -> None:
    """Every value comes back, by looping and by its index, empty ones included."""
    for packed, given_ in (
        (packed_bytes(values), values),
        (packed_texts(texts), texts),
    ):
        assert list(packed) == given_
        assert [packed[i] for i in range(-len(given_), len(given_))] == [
            *given_,
            *given_,
        ]
        assert len(packed) == len(given_)
        with pytest.raises(IndexError):
            packed[len(given_)]


@given(TEXTS, CUT, CUT, CUT, CUT)
def test_a_part_is_packed_and_the_same_part(
    texts: list[str], start: int | None, stop: int | None, low: int, high: int
) -> None:
    """Cutting does as with a list, also what was cut before."""
    packed = packed_texts(texts)[start:stop]
    assert isinstance(packed, PackedTexts)
    assert list(packed) == texts[start:stop]
    assert list(packed[low:high]) == texts[start:stop][low:high]
    assert sum(packed.lengths) == len(packed.blob)


def test_only_whole_parts_are_cut() -> None:
    """A step would need a copy of every value; nobody takes one."""
    with pytest.raises(ValueError, match="steps of one"):
        packed_bytes([b"a", b"b"])[::-1]


@given(BYTES)
def test_what_is_packed_is_not_packed_again(values: list[bytes]) -> None:
    """So that a row's columns can be handed on from one `Rows` to the next."""
    once = packed_bytes(values)
    assert packed_bytes(once) is once
    assert isinstance(once, PackedBytes)
