"""The results as a table, as a page and as JSON."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.freshness.search import GRID, SHARE, Result
from benchmarks.freshness.simulate import Outcome

_COLUMNS = (
    "arrivals, writes",
    "objective",
    "held",
    "writes/h",
    "resumes",
    "best fixed linger",
    "held",
    "writes/h",
    "resumes",
    "writes to best fixed",
)

_PAGE = Path(__file__).with_name("page.md")


def table(results: Sequence[Result]) -> str:
    """Return a Markdown table."""
    rows = [_COLUMNS, tuple("---" for _ in _COLUMNS), *map(_row, results)]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def page(results: Sequence[Result], seed: int) -> str:
    """Return the page for docs/."""
    hours = results[0].seconds / 3600
    return _PAGE.read_text(encoding="utf-8").format(
        seed=seed, hours=hours, share=SHARE, grid=GRID, table=table(results)
    )


def summary(results: Sequence[Result], seed: int) -> dict[str, Any]:
    """Return what the last line says."""
    reachable = [r for r in results if r.scenario.reachable]
    ratios = [ratio for r in reachable if (ratio := _ratio(r)) is not None]
    return {
        "benchmark": "freshness",
        "seed": seed,
        "hours": results[0].seconds / 3600,
        "held_everywhere": all(r.adaptive.held >= SHARE for r in reachable),
        "least_held": min(r.adaptive.held for r in reachable),
        "worst_ratio_to_fixed": max(ratios),
        "best_ratio_to_fixed": min(ratios),
        "scenarios": {
            r.scenario.name: {
                "objective": r.scenario.objective,
                "reachable": r.scenario.reachable,
                **_figures(r.adaptive, r.seconds),
                "fixed": None
                if r.fixed is None
                else {"linger": r.linger, **_figures(r.fixed, r.seconds)},
                "ratio_to_fixed": _ratio(r),
            }
            for r in results
        },
    }


def _row(result: Result) -> tuple[str, ...]:
    ours, fixed = result.adaptive, result.fixed
    ratio = _ratio(result)
    hours = result.seconds / 3600
    return (
        result.scenario.name,
        f"{result.scenario.objective:g} s",
        f"{ours.held:.2%}",
        f"{ours.writes / hours:.1f}",
        str(ours.resumes),
        "none holds" if result.linger is None else f"{result.linger:g} s",
        "" if fixed is None else f"{fixed.held:.2%}",
        "" if fixed is None else f"{fixed.writes / hours:.1f}",
        "" if fixed is None else str(fixed.resumes),
        "" if ratio is None else f"{ratio:.3f}",
    )


def _ratio(result: Result) -> float | None:
    if result.fixed is None:
        return None
    return round(result.adaptive.writes / result.fixed.writes, 4)


def _figures(out: Outcome, seconds: float) -> dict[str, float]:
    return {
        "held": round(out.held, 5),
        "writes_per_hour": round(out.writes / seconds * 3600, 2),
        "resumes": out.resumes,
        "awake_share": round(min(1.0, out.awake / seconds), 4),
        "attempts": out.attempts,
        "confirms": out.confirms,
    }
