"""What a policy costs for a million events, from counted statements."""

from collections.abc import Mapping
from typing import Final

import attrs

from benchmarks.economics.counting import NO_COMPUTE

SUSPEND: Final = 60.0
LEAST_BILLED: Final = 60.0
WRITE_SECONDS: Final = 1.5
"""Assumed for Snowflake, PUT to COMMIT."""
RATES: Final = (0.1, 1.0, 10.0, 100.0, 1_000.0)
MILLION: Final = 1_000_000
TABLES: Final = 2
"""Over so many the events are spread."""


@attrs.frozen
class Policy:
    """Ceilings as events and seconds."""

    name: str
    rows: int
    linger: float


POLICIES: Final = (
    Policy("100 rows or 3 s", 100, 3.0),
    Policy("50,000 rows or 5 s (default)", 50_000, 5.0),
    Policy("fresh within 10 s", 50_000, 10.0 - WRITE_SECONDS),
    Policy("fresh within 30 s", 50_000, 30.0 - WRITE_SECONDS),
    Policy("fresh within 5 min", 50_000, 300.0 - WRITE_SECONDS),
    Policy("50,000 rows or 15 min", 50_000, 900.0),
)


@attrs.frozen
class Cost:
    """Of a million events of one pipeline in one process."""

    policy: str
    rate: float
    rows_per_slice: float
    slices: float
    statements: float
    compute_statements: float
    files: float
    resumes: float
    warehouse_hours: float


def cost(policy: Policy, rate: float, statements: Mapping[str, list[str]]) -> Cost:
    """Compute it for events that come evenly, from the statements of a slice.

    A slice opens with a message, fills for the linger or to its rows, and the next
    opens with the next message. The warehouse is billed from its resume until a minute
    after its last statement; while slices come more often it never suspends.
    """
    fills = min(policy.linger, (policy.rows - 1) / rate)
    # A slice cannot leave before the one ahead of it is written.
    between = max(fills + 1 / rate, WRITE_SECONDS)
    rows = min(policy.rows, max(1.0, rate * between))
    slices = MILLION / rows
    tables = min(TABLES, max(1, round(rows)))
    per_slice = statements[f"COPY, {tables} tables"]
    idle = between - WRITE_SECONDS
    suspends = idle > SUSPEND
    billed = max(LEAST_BILLED, WRITE_SECONDS + SUSPEND) if suspends else between
    compute = [name for name in per_slice if name.split()[0] not in NO_COMPUTE]
    return Cost(
        policy=policy.name,
        rate=rate,
        rows_per_slice=rows,
        slices=slices,
        statements=slices * len(per_slice),
        compute_statements=slices * len(compute),
        files=slices * per_slice.count("PUT"),
        resumes=slices if suspends else 1,
        warehouse_hours=slices * billed / 3600,
    )
