"""COPY against INSERT by slice size, in turn, through the genuine writer."""

import statistics
import time
from typing import Final

import attrs

from benchmarks.economics.counting import writer
from winestream.snowflake import ConnectionSettings
from winestream.snowflake.inserts import MOST_BYTES, MOST_ROWS

SIZES: Final = (1, 5, 10, 20, 50, 100, 150, 200, 300)


@attrs.frozen
class Pair:
    """Of one size the quickest repeats, which load disturbs least, and the medians."""

    rows: int
    copy: float
    insert: float
    copy_median: float
    insert_median: float


def measure(settings: ConnectionSettings, repeats: int) -> list[Pair]:
    """Time slices of each size both ways, one after the other."""
    with (
        writer(settings, "by-copy", 0) as by_copy,
        writer(settings, "by-insert", MOST_ROWS) as by_insert,
    ):
        by_copy.land(5)
        by_insert.land(5)
        pairs = []
        for rows in SIZES:
            times: dict[str, list[float]] = {"copy": [], "insert": []}
            for _ in range(repeats):
                for way, made in (("copy", by_copy), ("insert", by_insert)):
                    began = time.perf_counter()
                    steps = made.land(rows)
                    times[way].append(time.perf_counter() - began)
                    if way == "insert" and "INSERT rows" not in steps:
                        raise RuntimeError(
                            f"{rows} rows are over {MOST_BYTES} bytes and went by COPY"
                        )
            pairs.append(
                Pair(
                    rows,
                    *(min(times[way]) for way in ("copy", "insert")),
                    *(statistics.median(times[way]) for way in ("copy", "insert")),
                )
            )
    return pairs


def crossing(pairs: list[Pair]) -> int | None:
    """Return the first size from which on COPY is quicker; None if it never is."""
    found = None
    for pair in reversed(pairs):
        if pair.copy > pair.insert:
            break
        found = pair.rows
    return found
