"""When a task is due: SCHEDULE as an interval or as a CRON line.

Pure arithmetic on moments that are handed in.
"""

import datetime as dt
import re
from collections.abc import Iterator
from dataclasses import dataclass
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from winestream.local.server.sqlerrors import GENERIC, SqlError

_INTERVAL = re.compile(
    r"^\s*(\d+)\s*(h|hours?|m|minutes?|s|seconds?)\s*$", re.IGNORECASE
)
_CRON = re.compile(r"^\s*using\s+cron\s+((?:\S+\s+){5})(\S+)\s*$", re.IGNORECASE)
_SECONDS = {"h": 3600, "m": 60, "s": 1}
_SHORTEST, _LONGEST = 10, 8 * 24 * 3600  # an account's bounds
_FIELDS = (range(60), range(24), range(1, 32), range(1, 13), range(7))
_MONTHS = [
    "jan",
    "feb",
    "mar",
    "apr",
    "may",
    "jun",
    "jul",
    "aug",
    "sep",
    "oct",
    "nov",
    "dec",
]
_DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
_HORIZON = 366 * 5  # days to look ahead: February 29 comes within


@dataclass(frozen=True, slots=True)
class Interval:
    """Every so often, counted from when the task was resumed."""

    every: dt.timedelta

    def after(self, moment: dt.datetime) -> dt.datetime:
        """Tell the next moment that it is due."""
        return moment + self.every


@dataclass(frozen=True, slots=True)
class Cron:
    """At the minutes that five fields name, in a zone."""

    fields: tuple[frozenset[int], ...]
    any_day: bool  # the day fields: both have to match if one of them is `*`
    zone: ZoneInfo

    def after(self, moment: dt.datetime) -> dt.datetime:
        """Tell the next moment that it is due; far in the future if there is none."""
        for local in self._minutes(moment.astimezone(self.zone)):
            due = local.replace(tzinfo=self.zone).astimezone(dt.UTC)
            if due > moment:
                return due
        return dt.datetime.max.replace(tzinfo=dt.UTC)

    def _minutes(self, start: dt.datetime) -> Iterator[dt.datetime]:
        minutes, hours, days, months, weekdays = self.fields
        for ahead in range(_HORIZON):
            day = start.date() + dt.timedelta(days=ahead)
            in_month = day.day in days
            in_week = day.isoweekday() % 7 in weekdays
            matches = (in_month and in_week) if self.any_day else (in_month or in_week)
            if day.month not in months or not matches:
                continue
            for hour in sorted(hours):
                for minute in sorted(minutes):
                    yield dt.datetime.combine(day, dt.time(hour, minute))


Schedule = Interval | Cron


def schedule(text: str) -> Schedule:
    """Read what stands in SCHEDULE = '…'. Raises SqlError."""
    if match := _INTERVAL.match(text):
        seconds = int(match[1]) * _SECONDS[match[2][0].lower()]
        if not _SHORTEST <= seconds <= _LONGEST:
            raise _refused(text, "an interval is from 10 seconds to 8 days")
        return Interval(dt.timedelta(seconds=seconds))
    match = _CRON.match(text)
    if match is None:
        raise _refused(text, "write '5 MINUTES' or 'USING CRON * * * * * UTC'")
    written = match[1].split()
    try:
        fields = tuple(
            _field(part, domain) for part, domain in zip(written, _FIELDS, strict=True)
        )
        zone = ZoneInfo(match[2])
    except (ValueError, ZoneInfoNotFoundError) as error:
        raise _refused(text, str(error)) from error
    return Cron(fields, "*" in (written[2], written[4]), zone)


def _field(written: str, domain: range) -> frozenset[int]:
    found: set[int] = set()
    for part in written.split(","):
        span, _, step = part.partition("/")
        first, _, last = span.partition("-")
        if first == "*":
            low, high = domain[0], domain[-1]
        else:
            low = _number(first)
            high = _number(last) if last else (domain[-1] if step else low)
        if low not in domain or high not in (*domain, 7) or low > high:
            raise ValueError(f"'{part}' is out of range")
        # Sunday may also be written as 7.
        found.update(
            n % 7 if len(domain) == 7 else n  # noqa: PLR2004 - days a week
            for n in range(low, high + 1, int(step or 1))
        )
    return frozenset(found)


def _number(word: str) -> int:
    lower = word.lower()[:3]
    if lower in _MONTHS:
        return _MONTHS.index(lower) + 1
    return _DAYS.index(lower) if lower in _DAYS else int(word)


def _refused(text: str, why: str) -> SqlError:
    return SqlError(GENERIC, "22023", f"invalid SCHEDULE '{text}': {why}")
