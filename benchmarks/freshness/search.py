"""One scenario: the policy, and the best fixed linger that holds the objective too."""

from datetime import timedelta
from typing import Final

import attrs
from benchmarks.freshness.scenarios import Scenario
from benchmarks.freshness.simulate import Outcome, Simulation

from winestream.core import Batching, BatchPolicy, FreshnessPolicy

SHARE: Final = 0.99
GRID: Final = 30
"""Lingers tried: thirtieths of the objective, whole seconds at 30 s."""


@attrs.frozen
class Result:
    """What a scenario came to. `fixed` is None where no linger holds it."""

    scenario: Scenario
    seconds: float
    adaptive: Outcome
    linger: float | None
    fixed: Outcome | None


def measure(scenario: Scenario, seconds: float, seed: int) -> Result:
    """Run the policy, then look for the longest fixed linger that holds.

    A longer linger needs fewer writes and holds less often, so halving finds it.
    """
    ours = FreshnessPolicy(
        objective=timedelta(seconds=scenario.objective), max_rows=scenario.max_rows
    )
    adaptive = run(scenario, ours, seconds, seed)
    best: tuple[float, Outcome] | None = None
    low, high = 0, GRID + 1
    while high - low > 1:
        step = (low + high) // 2
        linger = scenario.objective * step / GRID
        policy = BatchPolicy(
            max_rows=scenario.max_rows, linger=timedelta(seconds=linger)
        )
        fixed = run(scenario, policy, seconds, seed)
        if fixed.held >= SHARE:
            low, best = step, (linger, fixed)
        else:
            high = step
    return Result(scenario, seconds, adaptive, *(best or (None, None)))


def run(scenario: Scenario, policy: Batching, seconds: float, seed: int) -> Outcome:
    """Simulate one policy."""
    simulation = Simulation(policy, scenario.model, scenario.objective, seed)
    return simulation.run(scenario.arrivals(seconds, seed))
