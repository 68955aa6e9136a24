"""Live progress, from the metrics endpoints and from the warehouse itself."""

import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from typing import Final, Self

import attrs
from prometheus_client.parser import text_string_to_metric_families
from rich.console import Console
from rich.live import Live
from rich.table import Table

EVERY_SECONDS: Final = 1.0


@attrs.frozen
class Look:
    """How things stood a moment ago. Slices count since the consumer's last start."""

    produced: int = 0
    landed: Mapping[str, int] = attrs.field(factory=dict)
    dead_letters: int = 0
    lag: int = 0
    slices: int = 0

    @property
    def written(self) -> int:
        """Rows and dead letters of this run."""
        return sum(self.landed.values()) + self.dead_letters


def scrape(port: int) -> list[tuple[str, Mapping[str, str], float]]:
    """Return every sample of an endpoint; nothing while nobody answers."""
    try:
        with urllib.request.urlopen(
            f"http://127.0.0.1:{port}/metrics", timeout=2
        ) as answer:
            text = answer.read().decode()
    except (urllib.error.URLError, OSError):
        return []
    return [
        (sample.name, sample.labels, sample.value)
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    ]


def look(consumer_port: int, producer_port: int, landed: Mapping[str, int]) -> Look:
    """Scrape both and add up; what has landed comes from the warehouse."""
    samples = scrape(consumer_port) + scrape(producer_port)

    def total(name: str) -> int:
        return int(sum(value for sample, _, value in samples if sample == name))

    return Look(
        produced=total("events_produced_total"),
        landed={name: n for name, n in landed.items() if name != "DEAD_LETTERS"},
        dead_letters=landed.get("DEAD_LETTERS", 0),
        lag=total("kafka_lag_messages"),
        slices=total("slices_written_total"),
    )


class Progress:
    """Shows a look a second: a live table on a terminal, else a line every few.

    Everything goes to standard error; standard output is for the verdict.
    """

    def __init__(self, consumer_port: int, producer_port: int) -> None:
        self._ports = consumer_port, producer_port
        self._console = Console(stderr=True)
        self._live = Live(console=self._console, auto_refresh=False)
        self._began = self._at = time.monotonic()
        self._last = Look()
        self._lines = 0

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._console.is_terminal:
            self._live.stop()

    def say(self, text: str) -> None:
        """Print a line beside the display."""
        self._console.print(text, highlight=False, soft_wrap=True, markup=False)

    def show(
        self, landed: Callable[[], Mapping[str, int]], *, force: bool = False
    ) -> None:
        """Look and show, at most once a second. `landed` asks the warehouse."""
        now = time.monotonic()
        if now - self._at < EVERY_SECONDS and not force:
            return
        seen = look(*self._ports, landed())
        rate = max(0.0, (seen.written - self._last.written) / max(now - self._at, 0.01))
        self._at, self._last = now, seen
        if self._console.is_terminal:
            self._live.update(_table(seen, rate, now - self._began), refresh=True)
        else:
            self._console.print(
                _line(seen, rate, now - self._began), highlight=False, soft_wrap=True
            )


def _figures(seen: Look, rate: float, seconds: float) -> dict[str, str]:
    return {
        "seconds": f"{seconds:.0f}",
        "produced": f"{seen.produced:,}",
        **{table: f"{count:,}" for table, count in sorted(seen.landed.items())},
        "dead letters": f"{seen.dead_letters:,}",
        "lag": f"{seen.lag:,}",
        "slices": f"{seen.slices:,}",
        "events/s": f"{rate:,.0f}",
    }


def _line(seen: Look, rate: float, seconds: float) -> str:
    return "  ".join(f"{k} {v}" for k, v in _figures(seen, rate, seconds).items())


def _table(seen: Look, rate: float, seconds: float) -> Table:
    table = Table(title="Les Caves d'Albert", title_justify="left")
    figures = _figures(seen, rate, seconds)
    for name in figures:
        table.add_column(name, justify="right")
    table.add_row(*figures.values())
    return table
