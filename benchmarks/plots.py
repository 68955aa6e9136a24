"""The plots of docs/benchmarks.md: SVG, the same bytes for the same results."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import matplotlib as mpl

mpl.use("svg")
import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.roster import ROSTER, WINESTREAM
from benchmarks.summary import Round, rates

_OURS, _OTHERS, _GREY = "#7b1e3a", "#8fa3b0", "#d9d9d9"
mpl.rc("svg", hashsalt="winestream")
mpl.rc("font", size=9)
mpl.rc("axes.spines", top=False, right=False)


def _save(figure: Figure, into: Path) -> None:
    figure.tight_layout()
    figure.savefig(into, metadata={"Date": None})
    plt.close(figure)
    # What the library leaves at line ends no editor would.
    lines = into.read_text().splitlines()
    into.write_text("".join(f"{line.rstrip()}\n" for line in lines))


def contestants(rounds: Sequence[Round], into: Path) -> None:
    """Draw every contestant's median rate, and each round as a dot."""
    shown = [each for each in ROSTER if rates(rounds, each.name)]
    shown.sort(key=lambda each: median(rates(rounds, each.name)))
    figure, axes = plt.subplots(figsize=(7.5, 0.42 * len(shown) + 1))
    for row, each in enumerate(shown):
        found = [rate / 1000 for rate in rates(rounds, each.name)]
        colour = _OURS if each.module == WINESTREAM else _OTHERS
        axes.barh(row, median(found), color=_GREY if each.core is False else colour)
        axes.plot(found, [row] * len(found), "k.", markersize=3)
        axes.annotate(
            f" {median(found):,.0f}", (max(found), row), va="center", fontsize=8
        )
    axes.set_yticks(range(len(shown)), [each.title for each in shown])
    axes.set_xlabel("thousand messages a second, first message to last (log scale)")
    axes.set_xscale("log")
    axes.margins(x=0.12)
    _save(figure, into)


def memory(found: Mapping[str, Any], into: Path) -> None:
    """Draw resident memory over time, with the outage shaded."""
    figure, axes = plt.subplots(figsize=(7.5, 3))
    times = [sample[0] for sample in found["samples"]]
    axes.axvspan(*found["outage"], color=_GREY, label="every write fails")
    axes.plot(times, [sample[1] for sample in found["samples"]], color=_OURS)
    axes.axhline(found["idle_mb"], color=_OTHERS, linestyle=":", label="idle")
    axes.set_ylim(bottom=0)
    axes.set_xlabel("seconds")
    axes.set_ylabel("resident MB")
    right = axes.twinx()
    behind = [(sample[2] - sample[3]) / 1000 for sample in found["samples"]]
    right.plot(times, behind, color=_OTHERS, linewidth=0.8)
    right.set_ylabel("thousand messages polled, not written")
    axes.legend(loc="upper left", frameon=False)
    _save(figure, into)


def series(
    lines: Mapping[str, Mapping[str, float]], into: Path, x: str, y: str
) -> None:
    """Draw named lines over the same labels."""
    figure, axes = plt.subplots(figsize=(7.5, 3))
    colours = (_OURS, _OTHERS, "#3b6e5e")
    for (name, points), colour in zip(lines.items(), colours, strict=False):
        axes.plot(list(points), list(points.values()), "o-", color=colour, label=name)
    _finish(axes, x, y)
    _save(figure, into)


def bars(values: Mapping[str, float], into: Path, x: str) -> None:
    """Draw named values; ours stand out by name."""
    figure, axes = plt.subplots(figsize=(7.5, 0.38 * len(values) + 0.8))
    names = list(values)[::-1]
    colours = [_OURS if "winestream" in name else _OTHERS for name in names]
    axes.barh(names, [values[name] for name in names], color=colours)
    for row, name in enumerate(names):
        axes.annotate(
            f" {values[name]:.2f}", (values[name], row), va="center", fontsize=8
        )
    axes.set_xlabel(x)
    axes.margins(x=0.1)
    _save(figure, into)


def _finish(axes: Axes, x: str, y: str) -> None:
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.set_ylim(bottom=0)
    axes.legend(frameon=False)
