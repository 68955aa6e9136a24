from typing import get_args

import pytest

from winestream.records import Cursor, Guarantee, LogPartition, Range
from winestream.telemetry import (
    ClaimFailed,
    CursorsClaimed,
    Held,
    KafkaCommitted,
    OutageChanged,
    PartitionsAssigned,
    PartitionsLost,
    PartitionsReleased,
    PollFailed,
    Progress,
    RunsPolled,
    SinkOpened,
    SinkStopped,
    SliceWritten,
    Telemetry,
    WriteFailed,
)

P0 = LogPartition("cluster", "id", "wine.orders", 0)
P1 = LogPartition("cluster", "id", "wine.orders", 1)


@pytest.fixture
def partitions() -> tuple[LogPartition, LogPartition]:
    """Return wine.orders[0] and wine.orders[1]."""
    return P0, P1


@pytest.fixture
def written() -> SliceWritten:
    """Return a slice of 5 rows and 3 dead letters."""
    return SliceWritten(
        slice_id="owner/1",
        ranges={P0: Range(10, 18)},
        rows={"RAW_ORDERS": 4, "RAW_EVENTS": 1},
        event_types={"ORDER_CREATED": 4, "EVIL-canary": 1},
        dead_letters={"malformed-json": 2, "naive-time": 1},
        first_dead=("wine.orders[0]@12", "wine.orders[0]@14"),
        payload_bytes=2048,
        seconds=0.3,
        attempts=2,
        oldest_occurred_at=1000.0,
        newest_occurred_at=1003.0,
    )


@pytest.fixture
def one_of_each(written: SliceWritten) -> list[Telemetry]:
    """Return one value of every telemetry class, in a plausible order."""
    both = frozenset({P0, P1})
    values: list[Telemetry] = [
        SinkOpened("wine", "owner", Guarantee.EXACTLY_ONCE, {"password": "***"}),
        PartitionsAssigned(both),
        ClaimFailed("000625"),
        CursorsClaimed({P0: Cursor(10, 0, 3), P1: Cursor(7, 0, 1)}),
        RunsPolled({"wine.orders": 8}),
        PollFailed("_TRANSPORT"),
        Held(held=True),
        WriteFailed("owner/1", "retryable", "000625", 1),
        OutageChanged(active=True, error="000625"),
        written,
        OutageChanged(active=False),
        Held(held=False),
        KafkaCommitted({P0: 18}, {P1: "REBALANCE_IN_PROGRESS"}),
        Progress({P0: 4, P1: 0}, 12, 4096, 1000.0),
        PartitionsReleased(frozenset({P0}), 0),
        PartitionsLost(frozenset({P1})),
        SinkStopped(0),
    ]
    assert {type(value) for value in values} == set(get_args(Telemetry))
    return values
