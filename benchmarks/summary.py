"""From heats to ratios. A ratio is taken within a round; then the median counts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.heats import Heat
from benchmarks.roster import AT_LEAST_ONCE, FLOOR, PEERS, TWO, WINESTREAM

Round = Mapping[str, Heat]


@dataclass(frozen=True)
class Ratio:
    """A ratio's median and its spread over the rounds."""

    median: float
    low: float
    high: float
    rounds: int

    def __str__(self) -> str:
        return f"{self.median:.2f} ({self.low:.2f}-{self.high:.2f})"


def ratio(rounds: Sequence[Round], above: str, below: str) -> Ratio | None:
    """Return how many times as fast `above` is as `below`; None if never both ran."""
    found = [
        each[above].rate / each[below].rate
        for each in rounds
        if above in each and below in each
    ]
    if not found:
        return None
    return Ratio(median(found), min(found), max(found), len(found))


def rates(rounds: Sequence[Round], name: str) -> list[float]:
    """Return a contestant's rates, one a round."""
    return [each[name].rate for each in rounds if name in each]


def memory_mb(rounds: Sequence[Round], name: str) -> float | None:
    """Return the largest peak over idle, in MB."""
    found = [
        heat.peak_mb - heat.idle_mb
        for each in rounds
        if (heat := each.get(name)) and heat.peak_mb and heat.idle_mb
    ]
    return max(found, default=None)


def last_line(
    rounds: Sequence[Round], broker: str, import_ms: float
) -> dict[str, object]:
    """Return the object that `make bench` ends with. What was not measured is null."""

    def number(above: str, below: str) -> float | None:
        found = ratio(rounds, above, below)
        return None if found is None else round(found.median, 3)

    memory = memory_mb(rounds, WINESTREAM)
    return {
        "broker": broker,
        "ratio_to_floor": number(WINESTREAM, FLOOR),
        "ratio_to": {name: number(WINESTREAM, name) for name in PEERS},
        "exactly_once_to_at_least_once": number(WINESTREAM, AT_LEAST_ONCE),
        "two_processes_to_one": number(TWO, WINESTREAM),
        "import_ms": round(import_ms, 1),
        "peak_memory_mb": None if memory is None else round(memory, 1),
    }
