"""How long a write takes: seeded models, from a fast warehouse to a bad day."""

import math
import random
from collections.abc import Callable
from typing import Final

import attrs


@attrs.frozen
class Write:
    """One attempt, as the model sees it."""

    now: float
    rows: int
    cold: bool
    """Whether the warehouse had been suspended."""
    attempt: int


@attrs.frozen
class Attempt:
    """How one attempt ends."""

    seconds: float
    lands: bool = True


Model = Callable[[Write, random.Random], Attempt]

HOUR: Final = 3600


def fast(_: Write, rng: random.Random) -> Attempt:
    return Attempt(rng.uniform(0.25, 0.35))


def seconds_2_to_3(_: Write, rng: random.Random) -> Attempt:
    return Attempt(rng.uniform(2, 3))


def by_rows(write: Write, rng: random.Random) -> Attempt:
    """0.4 s and half a millisecond a row, a tenth more or less."""
    return Attempt((0.4 + 0.0005 * write.rows) * rng.uniform(0.9, 1.1))


def heavy_tail(_: Write, rng: random.Random) -> Attempt:
    """0.8 s at the median, 3.2 s at 99 %, 5.1 s at 99.9 %."""
    return Attempt(0.8 * math.exp(rng.gauss(0, 0.6)))


def freaks(_: Write, rng: random.Random) -> Attempt:
    """Quick, but three in a thousand take 20 s."""
    freak = _chance(0.003, rng)
    return Attempt(20.0 if freak else rng.uniform(0.4, 0.8))


def slow_spells(write: Write, rng: random.Random) -> Attempt:
    """Quick, but for the second half hour of every eighth hour 6 to 9 s."""
    slow = HOUR / 2 <= write.now % (8 * HOUR) < HOUR
    return Attempt(rng.uniform(6, 9) if slow else rng.uniform(0.4, 0.8))


def cold_starts(write: Write, rng: random.Random) -> Attempt:
    """Quick, but 1 to 3 s more where the warehouse has to be resumed."""
    return Attempt(rng.uniform(0.4, 0.8) + (rng.uniform(1, 3) if write.cold else 0))


def failures(write: Write, rng: random.Random) -> Attempt:
    """One in two hundred fails first; from 02:00 to 02:20 nothing lands."""
    outage = 2 * HOUR <= write.now < 2 * HOUR + 1200
    fails = outage or (write.attempt == 1 and _chance(0.005, rng))
    return Attempt(rng.uniform(0.4, 0.8), lands=not fails)


def too_slow(_: Write, rng: random.Random) -> Attempt:
    return Attempt(rng.uniform(18, 22))


def _chance(share: float, rng: random.Random) -> bool:
    return rng.random() < share
