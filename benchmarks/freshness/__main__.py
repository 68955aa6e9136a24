"""`python -m benchmarks.freshness`: a table, and one JSON object as the last line.

With `--docs` the page and its plot are written, too. All is seeded: the same numbers
on every machine.
"""

import argparse
import json
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from benchmarks.freshness import plot, report
from benchmarks.freshness.scenarios import QUICK, SCENARIOS, Scenario
from benchmarks.freshness.search import Result, measure

DOCS = Path(__file__).resolve().parents[2] / "docs" / "benchmarks"


def main() -> None:
    """Measure, print, and write the page if asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="four scenarios, 12 h")
    parser.add_argument("--hours", type=float, help="24, or 12 with --quick")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--docs", action="store_true", help=f"write {DOCS.name}/")
    options = parser.parse_args()
    hours = options.hours or (12 if options.quick else 24)
    chosen = [s for s in SCENARIOS if not options.quick or s.name in QUICK]
    results = measured(chosen, hours * 3600, options.seed, options.jobs)
    print(report.table(results))
    if options.docs:
        DOCS.mkdir(parents=True, exist_ok=True)
        page = report.page(results, options.seed)
        (DOCS / "freshness.md").write_text(page, encoding="utf-8")
        plot.draw(results, DOCS / "freshness.svg")
    print(json.dumps(report.summary(results, options.seed)))


def measured(
    scenarios: list[Scenario], seconds: float, seed: int, jobs: int
) -> list[Result]:
    """Measure each in a process of its own, `jobs` at a time."""
    with ProcessPoolExecutor(jobs) as pool:
        waiting = [pool.submit(measure, s, seconds, seed) for s in scenarios]
        results = []
        for each in waiting:
            results.append(each.result())
            row = report.table(results[-1:]).splitlines()[-1]
            print(row, file=sys.stderr, flush=True)
        return results


if __name__ == "__main__":
    main()
