"""Durations and sizes as people write them: "5s", "3 min", "1h 30min"; "64MB"."""

import re
from datetime import timedelta
from decimal import Decimal
from typing import Final

_DURATION: Final = re.compile(r"(?P<amount>\d+(?:\.\d+)?)\s*(?P<unit>[a-zµ]+)\s*")
_SECONDS: Final = {
    **dict.fromkeys(("ms", "millisecond", "milliseconds"), Decimal("0.001")),
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), Decimal(1)),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), Decimal(60)),
    **dict.fromkeys(("h", "hour", "hours"), Decimal(3600)),
    **dict.fromkeys(("d", "day", "days"), Decimal(86_400)),
}
_SIZE: Final = re.compile(r"(?P<amount>\d[\d_]*(?:\.\d+)?)\s*(?P<unit>[a-z]*)")
_BYTES: Final = {
    "": 1,
    "b": 1,
    **{f"{letter}b": 1000**power for power, letter in enumerate("kmgt", 1)},
    **{f"{letter}ib": 1024**power for power, letter in enumerate("kmgt", 1)},
}


def duration(text: str) -> timedelta:
    """Return the duration. Raises `ValueError` with what would be right."""
    rest, total = text.strip().lower(), Decimal(0)
    if not rest:
        raise ValueError('is empty: write a duration, e.g. "5s" or "3 min"')
    while rest:
        part = _DURATION.match(rest)
        if part is None or part["unit"] not in _SECONDS:
            raise ValueError(
                f'{text!r} is no duration: write a number and a unit, e.g. "500ms", '
                '"5s", "3 min" or "1h 30min"'
            )
        total += Decimal(part["amount"]) * _SECONDS[part["unit"]]
        rest = rest[part.end() :]
    return timedelta(microseconds=int(total * 1_000_000))


def shown_duration(value: timedelta) -> str:
    """Return the duration in the largest unit that divides it, as `duration` reads."""
    micros = value // timedelta(microseconds=1)
    for unit, size in (("h", 3600), ("min", 60), ("s", 1)):
        if micros and micros % (size * 1_000_000) == 0:
            return f"{micros // (size * 1_000_000)}{unit}"
    return f"{Decimal(micros) / 1000:f}ms" if micros else "0s"


def size(text: str) -> int:
    """Return the size in bytes: 1 MB is 1,000,000 and 1 MiB is 1,048,576.

    Raises `ValueError` with what would be right.
    """
    found = _SIZE.fullmatch(text.strip().lower())
    if found is None or found["unit"] not in _BYTES:
        raise ValueError(f'{text!r} is no size: write e.g. "64MB", "16MiB" or 1000000')
    return int(Decimal(found["amount"].replace("_", "")) * _BYTES[found["unit"]])
