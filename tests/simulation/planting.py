"""What a mutant is, and how one is hunted."""

from collections.abc import Callable, Iterable
from typing import Literal

import attrs
import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test
from machines import CursorRules

from winestream.testing.world import Promise, Violation, World

Patch = pytest.MonkeyPatch
Plant = Callable[[Patch], None]
Hunter = Literal["simulation", "state machine"]

SEEDS = range(4000)
"""A mutant has to be caught in one of these histories; most are within the first 20."""

HUNT = settings(
    max_examples=300,
    stateful_step_count=50,
    deadline=None,
    database=None,
    phases=(Phase.generate,),
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
)


@attrs.frozen
class Mutant:
    """One mistake in the real code, and the promise that it breaks.

    A tolerated one breaks none, for `reason`.
    """

    plant: Plant
    breaks: Promise
    hunter: Hunter = "simulation"
    reason: str = ""

    @property
    def name(self) -> str:
        return self.plant.__name__


@attrs.frozen
class Catch:
    """How a mutant gave itself away, and in which history."""

    seed: int | None
    how: str


def hunt(mutant: Mutant, seeds: Iterable[int] = SEEDS) -> Catch | None:
    """Plant a mutant and look until its promise breaks; None when it survives.

    Where another promise breaks first, the hunt goes on.
    """
    with Patch.context() as patch:
        mutant.plant(patch)
        if mutant.hunter == "state machine":
            return _by_machine()
        for number in seeds:
            try:
                World(number).run()
            except Violation as broken:
                if broken.promise is mutant.breaks:
                    return Catch(number, str(broken))
    return None


def _by_machine() -> Catch | None:
    try:
        run_state_machine_as_test(seed(20_26)(CursorRules), settings=HUNT)
    except (AssertionError, ValueError, KeyError, RuntimeError) as error:
        return Catch(None, repr(error))
    return None
