"""Durations and sizes as people write them."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from winestream.operations.settings.units import duration, shown_duration, size


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("5s", 5),
        ("3 min", 180),
        ("500ms", 0.5),
        ("1h 30min", 5400),
        ("1.5h", 5400),
        ("2 days", 172_800),
        (" 10 Seconds ", 10),
        ("0s", 0),
    ],
)
def test_a_duration_is_a_number_and_a_unit(text: str, seconds: float) -> None:
    """Spaces and capitals do not matter; several parts add up."""
    assert duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "5", "s", "5 parsecs", "5s,", "-5s", "1e3s"])
def test_anything_else_is_refused(text: str) -> None:
    """A bare number above all; nobody knows five of what."""
    with pytest.raises(ValueError, match="duration"):
        duration(text)


@given(st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=10_000)))
def test_what_is_shown_can_be_read(value: timedelta) -> None:
    """`winestream config` prints durations that a file may hold."""
    assert duration(shown_duration(value)) == value


@pytest.mark.parametrize(
    ("text", "count"),
    [("64MB", 64_000_000), ("16 MiB", 16_777_216), ("1.5kB", 1500), ("1_000", 1000)],
)
def test_a_size_is_decimal_unless_it_says_binary(text: str, count: int) -> None:
    """MB is a million bytes, MiB is 1,048,576."""
    assert size(text) == count


@pytest.mark.parametrize("text", ["", "MB", "64 marks", "-1"])
def test_no_size_is_refused(text: str) -> None:
    """With examples of what is one."""
    with pytest.raises(ValueError, match="is no size"):
        size(text)
