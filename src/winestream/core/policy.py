"""What the user decides: how large a slice, how often a retry, what to refuse.

Values only. The core converts durations to seconds once; nothing here reads a clock.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final, Literal

import attrs

from winestream.core.pace import FixedPace, FreshPace
from winestream.errors import ConfigurationError

CONFIRM_WITHIN: Final = timedelta(seconds=30)
"""Half of 60 s, the shortest auto-suspend worth setting: a confirm that comes by then
finds the warehouse that its slice has woken still awake."""


def _positive(
    _: object, attribute: "attrs.Attribute[Any]", value: timedelta | float
) -> None:
    amount = value.total_seconds() if isinstance(value, timedelta) else value
    if amount <= 0:
        raise ConfigurationError(f"{attribute.name} must be positive, got {value}")


def _not_negative(_: object, attribute: "attrs.Attribute[Any]", value: int) -> None:
    if value < 0:
        raise ConfigurationError(f"{attribute.name} must be 0 or more, got {value}")


def _duration(_: object, attribute: "attrs.Attribute[Any]", value: object) -> None:
    if not isinstance(value, timedelta):
        raise ConfigurationError(f"{attribute.name} must be a timedelta, got {value!r}")
    _positive(_, attribute, value)


def _one_of(*words: str) -> Callable[[object, "attrs.Attribute[Any]", str], None]:
    def check(_: object, attribute: "attrs.Attribute[Any]", value: str) -> None:
        if value not in words:
            named = " or ".join(map(repr, words))
            raise ConfigurationError(f"{attribute.name} is {named}, got {value!r}")

    return check


def _share(_: object, attribute: "attrs.Attribute[Any]", value: float) -> None:
    if not 0 <= value <= 1:
        raise ConfigurationError(
            f"{attribute.name} is a share between 0 and 1, got {value}"
        )


@attrs.frozen(kw_only=True)
class BatchPolicy:
    """When a slice is full: at so many rows, so many bytes, or after a while.

    `max_rows` counts messages over all tables, dead letters included. `max_bytes` is
    payload and may be overrun by one poll. `linger` counts from the first message;
    a slice that holds only gaps waits `gap_linger` for company, so that an idle topic
    wakes no warehouse.
    """

    max_rows: int = attrs.field(default=50_000, validator=_positive)
    max_bytes: int = attrs.field(default=64_000_000, validator=_positive)
    linger: timedelta = attrs.field(default=timedelta(seconds=5), validator=_duration)
    gap_linger: timedelta = attrs.field(
        default=timedelta(minutes=1), validator=_duration
    )

    @property
    def confirm_after(self) -> timedelta:
        """How long an idle partition waits for company before its cursor is read."""
        return self.linger

    def pace(self) -> FixedPace:
        """Return what seals slices: after `linger`, always."""
        return FixedPace(self.linger.total_seconds())


@attrs.frozen(kw_only=True)
class FreshnessPolicy:
    """When a slice is full: as late as a freshness objective allows, or at a ceiling.

    `objective` is the time within which a message the sink has read is to be
    queryable. The sink measures its writes and seals each slice so that it lands in
    time, at the fewest writes; meant to hold for 99 % of slices, however write times
    are distributed. It can be held where a write takes at most half of it. Where it
    cannot, slices leave as soon as the writer is free, `Snapshot.pacing` says so, and
    each slice's telemetry how late it was. Outages and retries make slices late and
    change no pace.

    `max_rows`, `max_bytes` and `gap_linger` are as in `BatchPolicy`: a slice that
    reaches a ceiling is sealed at once.
    """

    objective: timedelta = attrs.field(validator=_duration)
    max_rows: int = attrs.field(default=50_000, validator=_positive)
    max_bytes: int = attrs.field(default=64_000_000, validator=_positive)
    gap_linger: timedelta = attrs.field(
        default=timedelta(minutes=1), validator=_duration
    )

    @property
    def confirm_after(self) -> timedelta:
        """How long an idle partition waits for company before its cursor is read."""
        return min(self.objective, CONFIRM_WITHIN)

    def pace(self) -> FreshPace:
        """Return what seals slices; it learns, so each sink has its own."""
        return FreshPace(self.objective.total_seconds())


Batching = BatchPolicy | FreshnessPolicy


@attrs.frozen(kw_only=True)
class RetryPolicy:
    """How a write that may succeed later is tried again.

    The first try and `quick_retries` more, `first` apart and doubling up to `cap`;
    then the outage state: for ever, at most `outage_cap` apart, or with
    `on_exhausted="stop"` the sink ends with the error. Each pause is drawn between
    half of it and the whole.
    """

    quick_retries: int = attrs.field(default=3, validator=_not_negative)
    first: timedelta = attrs.field(
        default=timedelta(milliseconds=500), validator=_duration
    )
    cap: timedelta = attrs.field(default=timedelta(seconds=10), validator=_duration)
    outage_cap: timedelta = attrs.field(
        default=timedelta(seconds=60), validator=_duration
    )
    on_exhausted: Literal["outage", "stop"] = attrs.field(
        default="outage", validator=_one_of("outage", "stop")
    )

    def exhausted(self, attempts: int) -> bool:
        """Whether `attempts` failures in a row are more than the quick retries."""
        return attempts > self.quick_retries

    def pause(self, attempts: int, fraction: float) -> float:
        """Return the seconds to wait after `attempts` failures in a row.

        `fraction`, in [0, 1), is the jitter ("equal jitter": half fixed, half drawn).
        """
        ceiling = self.outage_cap if self.exhausted(attempts) else self.cap
        # 2**20 quick pauses are days: the ceiling has long been reached by then.
        longest = self.first * 2.0 ** min(attempts - 1, 20)
        return min(longest, ceiling).total_seconds() * (1 + fraction) / 2


@attrs.frozen(kw_only=True)
class SafetyPolicy:
    """What the sink does where going on could mean loss.

    `max_rejected` is the share of a slice's rows the warehouse may refuse, at least
    `min_rejected` rows, before it is a wrong table and not poison.
    `on_retention_loss`: `stop`, or `record` the loss as a gap the audit reports.
    `on_new_log`: `stop` when a topic was made again under its name, or `start`.
    """

    max_rejected: float = attrs.field(default=0.01, validator=_share)
    min_rejected: int = attrs.field(default=10, validator=_positive)
    on_retention_loss: Literal["stop", "record"] = attrs.field(
        default="stop", validator=_one_of("stop", "record")
    )
    on_new_log: Literal["stop", "start"] = attrs.field(
        default="stop", validator=_one_of("stop", "start")
    )

    def too_many(self, refused: int, rows: int) -> bool:
        """Whether `refused` of a slice's `rows` are more than poison."""
        return refused > max(self.min_rejected, int(self.max_rejected * rows))


@attrs.frozen(kw_only=True)
class CoreSettings:
    """What a core is made with. `jitter` gives fractions in [0, 1), deterministically.

    `cursors` is whether the writer keeps cursors: without them Kafka's commit is the
    truth and delivery is at least once.
    """

    owner: str
    jitter: Callable[[], float]
    cursors: bool = True
    batch: Batching = attrs.field(factory=BatchPolicy)
    retry: RetryPolicy = attrs.field(factory=RetryPolicy)
    safety: SafetyPolicy = attrs.field(factory=SafetyPolicy)
