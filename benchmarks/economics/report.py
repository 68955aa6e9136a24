"""The results as tables, as a page and as JSON."""

import os
import platform
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import attrs

from benchmarks.economics import costs, locks
from benchmarks.economics.costs import Cost
from benchmarks.economics.counting import NO_COMPUTE
from benchmarks.economics.crossover import Pair, crossing
from benchmarks.economics.files import Size
from benchmarks.economics.locks import Queue

_PAGE: Final = Path(__file__).with_name("page.md")


@attrs.frozen
class Results:
    """All that was counted, timed and simulated."""

    statements: dict[str, list[str]]
    confirm: list[str]
    pairs: list[Pair]
    sizes: list[Size]
    lets_through: dict[tuple[float, float], int]
    """By hold and interval."""
    claims: dict[tuple[float, int], Queue]
    """By hold and processes."""
    hybrid: tuple[int, float, float, Queue]
    """Processes, interval, hold, and what became of them."""

    @property
    def per_slice(self) -> list[str]:
        return self.statements[f"COPY, {costs.TABLES} tables"]

    @property
    def costs(self) -> list[Cost]:
        return [
            costs.cost(policy, rate, self.statements)
            for rate in costs.RATES
            for policy in costs.POLICIES
        ]


def tables(results: Results) -> dict[str, str]:
    """Return every table by its name in the page."""
    return {
        "statements": _table(
            ("slice", "statements", "in order"),
            (
                (name, str(len(steps)), ", ".join(steps))
                for name, steps in results.statements.items()
            ),
        ),
        "crossover": _table(
            ("rows", "COPY, ms", "median", "INSERT, ms", "median"),
            (
                (
                    f"{p.rows:,}",
                    *(
                        f"{seconds * 1000:.0f}"
                        for seconds in (
                            p.copy,
                            p.copy_median,
                            p.insert,
                            p.insert_median,
                        )
                    ),
                )
                for p in results.pairs
            ),
        ),
        "files": _table(
            ("rows", "payload, B", "file, B", "B a row", "file to payload"),
            (
                (
                    f"{s.rows:,}",
                    f"{s.payload_bytes:,}",
                    f"{s.file_bytes:,}",
                    f"{s.file_bytes / s.rows:,.0f}",
                    f"{s.file_bytes / s.payload_bytes:.2f}",
                )
                for s in results.sizes
            ),
        ),
        "costs": _table(
            (
                "events/s",
                "policy",
                "rows a slice",
                "slices",
                "statements",
                "on the warehouse",
                "files",
                "resumes",
                "warehouse hours",
            ),
            (
                (
                    f"{c.rate:g}",
                    c.policy,
                    f"{c.rows_per_slice:,.0f}",
                    f"{c.slices:,.0f}",
                    f"{c.statements:,.0f}",
                    f"{c.compute_statements:,.0f}",
                    f"{c.files:,.0f}",
                    f"{c.resumes:,.0f}",
                    f"{c.warehouse_hours:,.1f}",
                )
                for c in results.costs
            ),
        ),
        "locks": _table(
            ("lock held", *(f"every {i:g} s" for i in locks.INTERVALS)),
            (
                (
                    f"{hold * 1000:g} ms",
                    *(str(results.lets_through[hold, i]) for i in locks.INTERVALS),
                )
                for hold in locks.HOLDS
            ),
        ),
        "claims": _table(
            ("processes", "lock held", "refused", "all have claimed after"),
            (
                (str(n), f"{hold * 1000:g} ms", str(q.refused), f"{q.last:.0f} s")
                for (hold, n), q in results.claims.items()
            ),
        ),
    }


def page(results: Results) -> str:
    """Return the page for docs/."""
    processes, interval, hold, queue = results.hybrid
    at, largest = crossing(results.pairs), results.sizes[-1]
    compute = [s for s in results.per_slice if s.split()[0] not in NO_COMPUTE]
    return _PAGE.read_text(encoding="utf-8").format(
        machine=f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        write_seconds=costs.WRITE_SECONDS,
        least=costs.LEAST_BILLED,
        suspend=costs.SUSPEND,
        confirm=", ".join(results.confirm),
        crossing=(
            "In this run COPY was never quicker."
            if at is None
            else f"In this run COPY was quicker from **{at} rows** on."
        ),
        per_slice=len(results.per_slice),
        compute=len(compute),
        message=round(largest.payload_bytes / largest.rows),
        row=round(largest.file_bytes / largest.rows),
        patience=locks.PATIENCE,
        kept_up=locks.KEPT_UP,
        hybrid=processes,
        hybrid_interval=interval,
        hybrid_hold=hold,
        hybrid_wait=max(queue.waits),
        **tables(results),
    )


def summary(results: Results) -> dict[str, Any]:
    """Return what the last line says."""
    return {
        "benchmark": "economics",
        "crossover_rows": crossing(results.pairs),
        "statements": {name: len(s) for name, s in results.statements.items()},
        "sequence": results.statements,
        "confirm": results.confirm,
        "crossover": [attrs.asdict(pair) for pair in results.pairs],
        "files": [attrs.asdict(size) for size in results.sizes],
        "costs_per_million": [
            {
                key: round(value, 2) if isinstance(value, float) else value
                for key, value in attrs.asdict(each).items()
            }
            for each in results.costs
        ],
        "processes_through_lock": {
            f"{hold:g} s held, every {interval:g} s": most
            for (hold, interval), most in results.lets_through.items()
        },
        "hybrid_longest_wait": max(results.hybrid[3].waits),
    }


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
