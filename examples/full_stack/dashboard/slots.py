"""Cuts a short time into slots that fit a chart. Pure."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from full_stack.dashboard.formats import clock, paris, short_day
from full_stack.dashboard.warehouse import Row

_BARS: Final = 60
_SIZES: Final = (5, 10, 30, 60, 120, 300, 600, 900, 1800, 3600)  # seconds
_MINUTE, _HOUR, _DAY = 60, 3600, 86_400


def by_slots(sold: Sequence[Row]) -> tuple[int, list[dict[str, Any]]]:
    """Return a slot's seconds, and revenue by slot, with zeros where nothing sold."""
    if not sold:
        return _SIZES[0], []
    first, last = sold[0]["sold_at"], sold[-1]["sold_at"]
    length = (last - first).total_seconds()
    size = next((each for each in _SIZES if length / each < _BARS), _SIZES[-1])
    sums: dict[datetime, Decimal] = {}
    for row in sold:
        start = _begin(row["sold_at"], size)
        sums[start] = sums.get(start, Decimal(0)) + row["revenue"]
    at = _begin(first, size)
    slots = []
    while at <= last:
        said = clock(at) if size < _MINUTE else f"{paris(at):%H:%M}"
        if length > _DAY:
            said = f"{short_day(paris(at).date())} {said}"
        slots.append({"slot": said, "revenue": sums.get(at, Decimal(0))})
        at += timedelta(seconds=size)
    return size, slots


def _begin(at: datetime, size: int) -> datetime:
    seconds = at.hour * _HOUR + at.minute * _MINUTE + at.second
    return at.replace(microsecond=0) - timedelta(seconds=seconds % size)
