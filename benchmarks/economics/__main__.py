"""`python -m benchmarks.economics`: tables, and one JSON object as the last line.

With `--docs` the page is written, too. Times vary with the machine; counts do not.
"""

import argparse
import json
from pathlib import Path
from typing import Final

from benchmarks.economics import counting, crossover, files, locks, report
from benchmarks.economics.report import Results

DOCS: Final = Path(__file__).resolve().parents[2] / "docs" / "explanation"
GROUPS: Final = (20, 50, 100)
HYBRID: Final = (500, 10.0, 0.5)


def main() -> None:
    """Measure, print, and write the page if asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer repeats and rows")
    parser.add_argument("--docs", action="store_true", help="write economics.md")
    options = parser.parse_args()
    results = measured(quick=options.quick)
    for name, table in report.tables(results).items():
        print(f"\n{name}\n\n{table}")
    if options.docs:
        (DOCS / "economics.md").write_text(report.page(results), encoding="utf-8")
    print(json.dumps(report.summary(results)))


def measured(*, quick: bool) -> Results:
    """Count, time and simulate."""
    with counting.warehouse() as settings:
        statements = counting.statements(settings)
        confirm = counting.confirm_statements(settings)
        pairs = crossover.measure(settings, repeats=3 if quick else 9)
    processes, interval, hold = HYBRID
    return Results(
        statements=statements,
        confirm=confirm,
        pairs=pairs,
        sizes=files.measure(files.SIZES[:-1] if quick else files.SIZES),
        lets_through={
            (hold, interval): locks.most_processes(interval, hold)
            for hold in locks.HOLDS
            for interval in locks.INTERVALS
        },
        claims={
            (hold, n): locks.claim_at_once(n, hold)
            for hold in locks.HOLDS
            for n in GROUPS
        },
        hybrid=(
            *HYBRID,
            locks.write(processes, interval, hold, locks.HOUR, hybrid=True),
        ),
    )


if __name__ == "__main__":
    main()
