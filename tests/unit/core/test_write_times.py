"""How long the next write may take: few exceed it, and nothing makes it explode."""

import math
import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from winestream.core.write_times import (
    HIGHEST_RANK,
    LATE,
    LOWEST_RANK,
    MEMORY,
    SOME,
    WriteTimes,
    size_of,
)

CAP = 30.0
SIZES = st.integers(0, 10**8)
TIMES = st.floats(0, 1e6)
WRITES = st.lists(st.tuples(SIZES, TIMES), max_size=60)


def observe(times: WriteTimes, size: int, seconds: float) -> None:
    """Tell of a write in a stream where each that exceeds the estimate is late."""
    times.observe(size, seconds, late=seconds > times.estimate(size))


def taught(writes: list[tuple[int, float]]) -> WriteTimes:
    """Return the times of these writes."""
    times = WriteTimes(cap=CAP)
    for size, seconds in writes:
        observe(times, size, seconds)
    return times


@given(WRITES, SIZES, SIZES)
def test_the_estimate_is_bounded_and_no_less_for_more(
    writes: list[tuple[int, float]], one: int, other: int
) -> None:
    """Whatever was measured: between nothing and the cap, rising with the size."""
    times = taught(writes)
    small, large = sorted((one, other))
    assert 0 <= times.estimate(small) <= times.estimate(large) <= CAP
    assert LOWEST_RANK <= times.rank <= HIGHEST_RANK


@given(st.lists(st.tuples(SIZES, TIMES), min_size=1, max_size=SOME - 1))
def test_while_few_are_known_none_was_slower(writes: list[tuple[int, float]]) -> None:
    """Of up to nineteen writes none took longer than is now expected of its size."""
    times = taught(writes)
    for size, seconds in writes:
        assert times.estimate(size) >= min(seconds, CAP) * (1 - 1e-6) - 1e-6


@given(WRITES)
def test_a_slower_history_is_not_expected_to_be_quicker(
    writes: list[tuple[int, float]],
) -> None:
    """All of one size, and each twice as slow: the estimate does not fall."""
    quick = taught([(1000, seconds) for _, seconds in writes])
    slow = taught([(1000, 2 * seconds) for _, seconds in writes])
    # What is exceeded, and so the rank, is the same for both but for the cap.
    slow.rank = quick.rank = 1.0
    observe(slow, 1000, 0.0)
    observe(quick, 1000, 0.0)
    assert slow.estimate(1000) >= quick.estimate(1000) * (1 - 1e-9)


def test_before_any_write_it_is_half_the_cap() -> None:
    """Of any size: there is nothing to scale."""
    assert WriteTimes(cap=CAP).estimate(0) == WriteTimes(cap=CAP).estimate(10**9) == 15


def test_doubt_goes_as_writes_come() -> None:
    """One write counts five times, and a full memory for what it is."""
    assert taught([(100, 1.0)]).estimate(100) == pytest.approx(5.0)
    assert taught([(100, 1.0)] * 10).estimate(100) == pytest.approx(1.4)
    assert taught([(100, 1.0)] * MEMORY).estimate(100) == pytest.approx(1.0)


@pytest.mark.parametrize(
    "draw",
    [
        lambda rng: rng.uniform(0.25, 0.35),
        lambda rng: 0.8 * math.exp(rng.gauss(0, 0.6)),
        lambda rng: 0.5 * rng.paretovariate(2),
        lambda rng: 20.0 if rng.random() < 0.003 else rng.uniform(0.4, 0.8),
    ],
    ids=["even", "log-normal", "Pareto", "freaks"],
)
def test_the_promised_share_exceeds_it_whatever_the_distribution(
    draw: Callable[[random.Random], float],
) -> None:
    """Of 4,000 writes at most 1 % do, and not so few that it were a wild guess."""
    rng = random.Random(7)
    times, exceeded = WriteTimes(cap=CAP), 0
    for _ in range(4_000):
        seconds = draw(rng)
        exceeded += seconds > times.estimate(1000)
        observe(times, 1000, seconds)
    assert LATE / 2 <= exceeded / 4_000 <= 0.01


def test_one_freak_write_is_outlived() -> None:
    """Once enough is known, a write of forty times the usual changes little."""
    times = taught([(1000, 0.5 + i % 10 / 100) for i in range(300)])
    before = times.estimate(1000)
    observe(times, 1000, 25.0)
    assert times.estimate(1000) <= before * 1.05


def test_freaks_are_not_obeyed_while_few_slices_are_late() -> None:
    """Four in a hundred would be; four in four hundred are the 1 % nobody promised."""
    rng, times = random.Random(5), WriteTimes(cap=CAP)
    for i in range(MEMORY):
        observe(times, 1000, 20.0 if i in {90, 190, 290, 390} else rng.uniform(0.5, 1))
    assert times.estimate(1000) <= 1.0
    for _ in range(20):
        times.observe(1000, 0.5, late=True)
    assert times.estimate(1000) >= 20.0


def test_a_slice_is_not_late_by_the_estimate_where_nothing_is_left_to_linger() -> None:
    """Out of reach every slice is late; that leaves no grudge for better days."""
    times = taught([(1000, CAP)] * 50)
    before = times.rank
    times.observe(1000, CAP, late=True)
    assert times.rank > before


def test_a_spell_of_slow_writes_is_believed_at_its_third() -> None:
    """Then the estimate is about what they take, and from the fourth no less."""
    times = taught([(1000, 0.5)] * MEMORY)
    observe(times, 1000, 8.0)
    observe(times, 1000, 8.0)
    assert times.estimate(1000) < 1.0
    observe(times, 1000, 8.0)
    assert times.estimate(1000) == pytest.approx(8.0, rel=0.02)
    observe(times, 1000, 8.0)
    assert times.estimate(1000) >= 8.0


def test_writes_that_each_take_longer_than_all_before_are_caught_up_with() -> None:
    """The estimate rises above the largest: a drift is not late every time."""
    times, exceeded = WriteTimes(cap=CAP), 0
    for i in range(1_000):
        exceeded += 1 + i / 1_000 > times.estimate(1000)
        observe(times, 1000, 1 + i / 1_000)
    assert exceeded <= 20


def test_size_is_told_from_overhead() -> None:
    """Half a second and a second a megabyte: small and large are known apart."""
    rng = random.Random(3)
    times = WriteTimes(cap=CAP)
    for _ in range(MEMORY):
        size = rng.randrange(5_000_000)
        observe(times, size, 0.5 + size / 1e6)
    assert times.estimate(0) == pytest.approx(0.5, rel=0.01)
    assert times.estimate(4_000_000) == pytest.approx(4.5, rel=0.01)


def test_beyond_the_largest_known_nothing_is_saved_by_size() -> None:
    """Four times the largest is expected to take four times as long."""
    times = taught([(1_000, 0.5)] * MEMORY)
    assert times.estimate(4_000) == pytest.approx(2.0)
    observe(times, 4_000, 0.5)
    assert times.estimate(4_000) == pytest.approx(0.5)


def test_a_row_weighs_something_besides_its_payload() -> None:
    """A slice of nothing but keys takes time, too."""
    assert size_of(4, 0) == 1_000
    assert size_of(4, 500) == 1_500
