"""What the processes of a world share: their settings, and the edges around them."""

from collections.abc import Callable
from datetime import timedelta

import attrs

from winestream.core import BatchPolicy, RetryPolicy
from winestream.records import LogPartition
from winestream.testing.world.faults import Weather
from winestream.testing.world.group import Group
from winestream.testing.world.history import History
from winestream.testing.world.promises import Promises
from winestream.testing.world.scheduler import Scheduler
from winestream.testing.world.warehouse import Warehouse

BATCH = BatchPolicy(
    max_rows=6,
    max_bytes=240,
    linger=timedelta(seconds=1),
    gap_linger=timedelta(seconds=5),
)
RETRY = RetryPolicy(
    first=timedelta(milliseconds=300),
    cap=timedelta(seconds=2),
    outage_cap=timedelta(seconds=6),
)
DRAIN = timedelta(seconds=4)
STOP = timedelta(seconds=20)
LARGEST = 64
"""More than the largest message: one poll may overrun the byte bound."""
SESSION_TIMEOUT, MAX_POLL_INTERVAL = 3.0, 8.0
TOO_MANY_CALLS = 3000
"""In one turn: more is a loop that does not end."""


@attrs.frozen
class Surroundings:
    """What all processes of a world share."""

    scheduler: Scheduler
    weather: Weather
    history: History
    group: Group
    warehouse: Warehouse
    promises: Promises
    down: Callable[[], bool]
    """Whether the warehouse answers nobody just now."""
    latency: tuple[float, float]
    renew: Callable[[str], None]
    """Deletes a topic and makes it again."""
    rewind: Callable[[LogPartition], None]
    """Sets a cursor back, as an operator does."""
