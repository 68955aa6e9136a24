"""When messages come: seeded streams of (second, messages), at most one a tick."""

import math
import random
from collections.abc import Callable, Iterator
from typing import Final

Arrivals = Iterator[tuple[float, int]]

DAY: Final = 86_400.0
NORMAL: Final = 50
"""From this mean on a normal distribution is as good as the Poisson's."""
TICK: Final = 2.0
FLOOD_TICK: Final = 1.0
"""Messages of a busy stream are read together, about so many seconds' worth at a time;
not to the beat, or a linger of whole ticks would meet the next message at once."""
FLOOD: Final = 100
"""From so many a second on reading is more often."""


def constant(rate: float, seconds: float, rng: random.Random) -> Arrivals:
    """The same number every second."""
    yield from _ticks(lambda _: rate, seconds, rng, chance=False)


def poisson(rate: float, seconds: float, rng: random.Random) -> Arrivals:
    """Independent messages at a rate."""
    yield from _ticks(lambda _: rate, seconds, rng)


def bursts(quiet: float, burst: float, seconds: float, rng: random.Random) -> Arrivals:
    """Quiet, and for a minute every ten minutes or so a flood."""
    floods: list[float] = []
    at = rng.expovariate(1 / 600)
    while at < seconds:
        floods.append(at)
        at += 60 + rng.expovariate(1 / 600)
    starts = iter((*floods, math.inf))
    start = next(starts)

    def rate(at: float) -> float:
        nonlocal start
        while at >= start + 60:
            start = next(starts)
        return burst if at >= start else quiet

    yield from _ticks(rate, seconds, rng)


def day(night: float, noon: float, seconds: float, rng: random.Random) -> Arrivals:
    """A day's curve, from midnight on."""

    def rate(at: float) -> float:
        height = (1 - math.cos(2 * math.pi * at / DAY)) / 2
        return night + (noon - night) * height**2

    yield from _ticks(rate, seconds, rng)


def lull(every: float, seconds: float, rng: random.Random) -> Arrivals:
    """Single messages, far apart and at random."""
    at = rng.expovariate(1 / every)
    while at < seconds:
        yield at, 1
        at += rng.expovariate(1 / every)


def _ticks(
    rate: Callable[[float], float],
    seconds: float,
    rng: random.Random,
    *,
    chance: bool = True,
) -> Arrivals:
    """Let messages come at a rate that changes; without `chance` exactly so many."""
    at = carry = 0.0
    while at < seconds:
        now = rate(at)
        step = (FLOOD_TICK if now > FLOOD else TICK) * rng.uniform(0.5, 1.5)
        expected = now * step + carry
        count = _poisson(expected, rng) if chance else int(expected)
        carry = 0.0 if chance else expected - count
        if count:
            yield at, count
        at += step


def _poisson(mean: float, rng: random.Random) -> int:
    if mean > NORMAL:
        return max(0, round(rng.gauss(mean, math.sqrt(mean))))
    limit, count, product = math.exp(-mean), 0, rng.random()
    while product > limit:
        count += 1
        product *= rng.random()
    return count
