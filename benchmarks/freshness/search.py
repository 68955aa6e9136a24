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

    A longer linger needs fewer writes and holds less often, so it is found by halving.
    """
    ours = FreshnessPolicy(
        objective=timedelta(seconds=scenario.objective), max_rows=scenario.max_rows
    )
    adaptive = run(scenario, ours, seconds, seed)
    if not scenario.reachable:
        return Result(scenario, seconds, adaptive, None, None)
    tried: dict[int, Outcome] = {}

    def holds(step: int) -> bool:
        linger = timedelta(seconds=scenario.objective * step / GRID)
        policy = BatchPolicy(max_rows=scenario.max_rows, linger=linger)
        tried[step] = run(scenario, policy, seconds, seed)
        return tried[step].held >= SHARE

    # From about the policy's own pace on, in steps that double, then halves.
    usual = GRID * seconds / max(1, adaptive.writes) / scenario.objective
    step = min(GRID, max(1, round(usual)))
    low, high, stride = 0, GRID + 1, 1
    while high - low > 1:
        if holds(step):
            low = step
            step = min(step + stride, high - 1) if high > GRID else (low + high) // 2
        else:
            high = step
            step = max(step - stride, low + 1) if low == 0 else (low + high) // 2
        stride *= 2
    if low == 0:
        return Result(scenario, seconds, adaptive, None, None)
    linger = scenario.objective * low / GRID
    return Result(scenario, seconds, adaptive, linger, tried[low])


def run(scenario: Scenario, policy: Batching, seconds: float, seed: int) -> Outcome:
    """Simulate one policy."""
    simulation = Simulation(policy, scenario.model, scenario.objective, seed)
    return simulation.run(scenario.arrivals(seconds, seed))
