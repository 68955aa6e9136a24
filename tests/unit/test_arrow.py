"""Columns as Arrow arrays hold the values that the rows held."""

from array import array
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from winestream import arrow
from winestream.records import PackedBytes, PackedTexts
from winestream.records.packed import packed_bytes, packed_texts

UTF8 = st.characters(exclude_categories=("Cs",))
PARTS = st.lists(st.lists(st.text(UTF8, max_size=6), max_size=6), max_size=5)
INT64 = st.integers(-(2**63), 2**63 - 1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
TIMES = st.datetimes(
    EPOCH.replace(year=1900, tzinfo=None),
    EPOCH.replace(year=2106, tzinfo=None),
    timezones=st.just(UTC),
)


@given(PARTS)
def test_texts_are_one_column_over_all_parts(parts: list[list[str]]) -> None:
    """Whatever the parts' lengths, empty texts and empty parts included."""
    wanted = [text for part in parts for text in part]
    ids = arrow.texts(map(packed_texts, parts))
    payloads = arrow.texts(packed_bytes([t.encode() for t in part]) for part in parts)
    for made in (ids, payloads):
        made.validate(full=True)
        assert made.type == pa.string()
        assert made.to_pylist() == wanted


@pytest.mark.parametrize(
    "part", [packed_texts(["fine", "\ud800"]), packed_bytes([b"fine", b"\xff"])]
)
def test_what_is_no_utf8_is_refused(part: PackedBytes | PackedTexts) -> None:
    """A file with it could not be read; the caller sets such a row aside."""
    with pytest.raises(ValueError, match="UTF8"):
        arrow.texts([part])


def test_characters_are_not_made_of_two_values() -> None:
    """Two halves that make a character when joined are still two broken values."""
    first, second = "é".encode()[:1], "é".encode()[1:]
    with pytest.raises(ValueError, match="UTF8"):
        arrow.texts([packed_bytes([first, second])])


@given(st.lists(st.lists(INT64, max_size=6), max_size=5))
def test_whole_numbers_are_taken_as_they_are(parts: list[list[int]]) -> None:
    """Lists, arrays and ranges may be mixed; all 64 bits are kept."""
    mixed = [array("q", part) if i % 2 else part for i, part in enumerate(parts)]
    made = arrow.integers([range(3), *mixed], pa.int64())
    assert made.to_pylist() == [0, 1, 2, *(n for part in parts for n in part)]


def test_a_number_of_more_than_64_bits_is_refused() -> None:
    """And not cut."""
    with pytest.raises(OverflowError):
        arrow.integers([[2**63]], pa.int64())


@given(st.lists(st.lists(TIMES, max_size=5), max_size=4))
def test_times_keep_their_microseconds(parts: list[list[datetime]]) -> None:
    """As far as seconds as floats are exact: until 2106."""
    made = arrow.micros([[t.timestamp() for t in part] for part in parts])
    assert made.type == pa.timestamp("us")
    wanted = [(t - EPOCH) // timedelta(microseconds=1) for part in parts for t in part]
    assert made.cast(pa.int64()).to_pylist() == wanted


@pytest.mark.parametrize("seconds", [float("nan"), float("inf"), 1e300])
def test_what_is_no_time_is_refused(seconds: float) -> None:
    """A codec of one's own may say such a thing."""
    with pytest.raises(ValueError, match=r"[Ff]loat value"):
        arrow.micros([[0.0, seconds]])


@given(st.lists(st.lists(st.integers(-1, 2**40), max_size=6), max_size=5))
def test_an_unknown_time_is_null(parts: list[list[int]]) -> None:
    """Kafka says -1 where it knows none."""
    made = arrow.millis(parts)
    assert made.type == pa.timestamp("ms")
    wanted = [n if n >= 0 else None for part in parts for n in part]
    assert made.cast(pa.int64()).to_pylist() == wanted


@given(st.lists(st.tuples(st.integers(-9, 9), st.integers(0, 4)), max_size=6))
def test_a_number_is_repeated_as_often_as_is_said(pairs: list[tuple[int, int]]) -> None:
    """In the order given, in 32 bits and in 64."""
    values, counts = [v for v, _ in pairs], [n for _, n in pairs]
    wanted = [v for v, n in pairs for _ in range(n)]
    for kind in (pa.int32(), pa.int64(), pa.timestamp("us")):
        made = arrow.repeated(values, counts, kind)
        assert made.type == kind
        assert (
            made.view(pa.int32() if kind == pa.int32() else pa.int64()).to_pylist()
            == wanted
        )
