"""The plot: waits over a day beside the best fixed linger's, and writes in all."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from benchmarks.freshness.search import Result

DAYS: Final = ("constant, slow spells", "bursts, by rows", "day, by rows")
OURS: Final = "#7b1e3b"
FIXED: Final = "#8f9aa3"


def draw(results: Sequence[Result], to: Path) -> None:
    """Draw it. Scenarios of `DAYS` that were not measured are left out."""
    days = [r for name in DAYS for r in results if r.scenario.name == name and r.fixed]
    compared = [r for r in results if r.fixed]
    figure = Figure(
        figsize=(9, 2.3 * len(days) + 0.38 * len(compared) + 1), layout="constrained"
    )
    axes = figure.subplots(
        len(days) + 1,
        1,
        height_ratios=[2.3] * len(days) + [0.38 * len(compared) + 0.4],
        squeeze=False,
    )
    all_axes = list(axes[:, 0])
    for axis, result in zip(all_axes, days, strict=False):
        _day(axis, result)
    _writes(all_axes[-1], compared)
    FigureCanvasSVG(figure)
    # The same picture, the same bytes.
    with mpl.rc_context({"svg.hashsalt": "winestream"}):
        figure.savefig(to, metadata={"Date": None}, dpi=110)


def _day(axis: Axes, result: Result) -> None:
    for outcome, color, label in (
        (result.fixed, FIXED, f"best fixed linger, {result.linger:g} s"),
        (result.adaptive, OURS, "FreshnessPolicy"),
    ):
        if outcome is None:
            continue
        hours = [at / 3600 for at in outcome.landed_at]
        axis.scatter(
            hours, outcome.waits, s=2, color=color, label=label, rasterized=True
        )
    axis.axhline(result.scenario.objective, color="black", linewidth=0.8)
    axis.set_ylim(0, result.scenario.objective * 1.25)
    axis.set_title(result.scenario.name, loc="left", fontsize=10)
    axis.set_ylabel("oldest message, s")
    axis.set_xlabel("hour")
    axis.legend(loc="lower right", fontsize=8, markerscale=4)


def _writes(axis: Axes, results: Sequence[Result]) -> None:
    names = [r.scenario.name for r in results]
    ratios = [r.adaptive.writes / r.fixed.writes for r in results if r.fixed]
    axis.barh(names, ratios, color=OURS)
    axis.axvline(1, color="black", linewidth=0.8)
    for index, (ratio, result) in enumerate(zip(ratios, results, strict=True)):
        axis.text(
            ratio + 0.01,
            index,
            f"{ratio:.2f}, held {result.adaptive.held:.1%}",
            va="center",
            fontsize=8,
        )
    axis.invert_yaxis()
    axis.set_xlim(0, 1.3)
    axis.set_xlabel("writes, the best fixed linger's being 1")
