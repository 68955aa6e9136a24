"""What is simulated. Rates are messages a second, 450 B each."""

import random
from collections.abc import Callable
from functools import partial
from typing import Final

import attrs

from benchmarks.freshness import arrivals, write_times
from benchmarks.freshness.arrivals import Arrivals
from benchmarks.freshness.write_times import Model


@attrs.frozen
class Scenario:
    """Arrivals, a warehouse and an objective."""

    name: str
    come: Callable[..., Arrivals]
    model: Model
    objective: float = 30.0
    max_rows: int = 50_000
    reachable: bool = True
    """Whether the objective can be held at all."""

    def arrivals(self, seconds: float, seed: int) -> Arrivals:
        return self.come(seconds, random.Random(f"arrivals {seed}"))


_CONSTANT: Final = partial(arrivals.constant, 50)
_POISSON: Final = partial(arrivals.poisson, 20)
_BURSTS: Final = partial(arrivals.bursts, 2, 800)
_DAY: Final = partial(arrivals.day, 5, 400)
_LULL: Final = partial(arrivals.lull, 90)

SCENARIOS: Final = (
    Scenario("constant, fast", _CONSTANT, write_times.fast),
    Scenario("constant, heavy tail", _CONSTANT, write_times.heavy_tail),
    Scenario("constant, slow spells", _CONSTANT, write_times.slow_spells),
    Scenario("Poisson, 2 to 3 s", _POISSON, write_times.seconds_2_to_3),
    Scenario("Poisson, freak writes", _POISSON, write_times.freaks),
    Scenario("Poisson, retries and an outage", _POISSON, write_times.failures),
    Scenario("bursts, fast", _BURSTS, write_times.fast),
    Scenario("bursts, by rows", _BURSTS, write_times.by_rows),
    Scenario("bursts over the ceiling", _BURSTS, write_times.by_rows, max_rows=5_000),
    Scenario("day, by rows", _DAY, write_times.by_rows),
    Scenario("day, slow spells", _DAY, write_times.slow_spells),
    Scenario("lull, cold starts", _LULL, write_times.cold_starts),
    Scenario("Poisson, 2 to 3 s, in 10 s", _POISSON, write_times.seconds_2_to_3, 10.0),
    Scenario("lull, cold starts, in 5 min", _LULL, write_times.cold_starts, 300.0),
    Scenario("constant, too slow", _CONSTANT, write_times.too_slow, reachable=False),
)

QUICK: Final = frozenset(
    {
        "constant, slow spells",
        "Poisson, 2 to 3 s",
        "bursts, by rows",
        "lull, cold starts",
    }
)
"""What `--quick` runs."""
