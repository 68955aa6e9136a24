"""The freshness objective against bursts, lulls and slow warehouses, in small.

`python -m benchmarks.freshness` runs whole days of more kinds.
"""

import random
from collections.abc import Callable
from datetime import timedelta
from functools import partial

import pytest
from benchmarks.freshness import arrivals, write_times
from benchmarks.freshness.scenarios import Scenario
from benchmarks.freshness.search import measure, run
from benchmarks.freshness.simulate import Outcome
from benchmarks.freshness.write_times import Attempt, Write

from winestream.core import BatchPolicy, FreshnessPolicy

HALF_MINUTE = FreshnessPolicy(objective=timedelta(seconds=30))
HOUR = 3600.0
STEADY = partial(arrivals.poisson, 0.3)


@pytest.mark.parametrize(
    ("come", "model"),
    [
        (STEADY, write_times.fast),
        (STEADY, write_times.seconds_2_to_3),
        (partial(arrivals.bursts, 0.2, 100), write_times.by_rows),
        (partial(arrivals.lull, 60), write_times.cold_starts),
    ],
    ids=["steady", "slow", "bursts", "lull"],
)
def test_the_objective_holds_at_no_more_writes_than_the_best_fixed_linger(
    come: Callable[..., arrivals.Arrivals], model: write_times.Model
) -> None:
    """Two writes more at most, for the caution before anything is known."""
    result = measure(Scenario("test", come, model), 8 * HOUR, seed=3)
    assert result.adaptive.held >= 0.99
    assert result.fixed is not None
    assert result.fixed.held >= 0.99
    assert result.adaptive.writes <= result.fixed.writes + 2


def test_a_spell_of_slow_writes_is_not_paid_for_all_day() -> None:
    """A fixed linger that holds must fear it always."""
    scenario = Scenario("test", STEADY, write_times.slow_spells)
    result = measure(scenario, 10 * HOUR, seed=3)
    assert result.adaptive.held >= 0.985
    assert result.fixed is not None
    assert result.adaptive.writes < 0.9 * result.fixed.writes


def test_an_outage_leaves_the_pace_as_it_was() -> None:
    """Twenty minutes without a write, and the next hour looks like the one before."""
    out = run(Scenario("test", STEADY, write_times.failures), HALF_MINUTE, 4 * HOUR, 1)
    before = _writes_between(out, HOUR, 2 * HOUR)
    after = _writes_between(out, 8500, 8500 + HOUR)
    assert abs(before - after) <= 5
    assert out.held >= 0.98


def test_out_of_reach_the_writer_never_rests() -> None:
    """Twenty seconds a write of thirty: each follows on the one before."""
    scenario = Scenario("test", STEADY, write_times.too_slow)
    out = run(scenario, HALF_MINUTE, 2 * HOUR, 1)
    assert out.writes >= 2 * HOUR / 22 * 0.8
    assert out.held < 0.5


def test_the_core_judges_a_slice_as_the_simulation_does() -> None:
    """It times from the reading and the simulation from the log: here that is one."""
    scenario = Scenario("test", STEADY, write_times.heavy_tail)
    out = run(scenario, HALF_MINUTE, 8 * HOUR, 5)
    assert out.told == [wait > 30 for wait in out.waits]
    assert any(out.told)


def test_the_simulation_counts_what_it_says() -> None:
    """One message a minute, a second a write, 2 s linger: all is known beforehand."""

    def come(seconds: float, _rng: random.Random) -> arrivals.Arrivals:
        yield from ((60.0 * i, 1) for i in range(int(seconds / 60)))

    def second(_: Write, _rng: random.Random) -> Attempt:
        return Attempt(1.0)

    policy = BatchPolicy(linger=timedelta(seconds=2))
    out = run(Scenario("test", come, second), policy, 600.0, 1)
    assert out.waits == [pytest.approx(3.0)] * 10
    # Each slice is confirmed 2 s after it landed, which keeps the warehouse awake
    # until 5.2 s + 60 s after the minute: longer than to the next.
    assert (out.resumes, out.confirms) == (1, 10)
    assert out.awake == pytest.approx(9 * 60 + 3.2 + 60)


def _writes_between(out: Outcome, start: float, stop: float) -> int:
    return sum(start <= at < stop for at in out.landed_at)
