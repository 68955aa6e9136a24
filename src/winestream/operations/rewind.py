"""`rewind`: set a pipeline's cursors back, so that a part of the log is read again.

What is wished is made a plan from the cursors as they stand, and the plan is made anew
from the rows once they are locked: a consumer may be running. `snowflake.rewinding` has
the transaction.
"""

import socket
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final, Protocol, Self

import attrs

from winestream.errors import (
    ConfigurationError,
    RetryableWriteError,
    UnknownOutcomeError,
    WriteError,
)
from winestream.records import LogPartition
from winestream.snowflake.cursors import Held, of_topic
from winestream.snowflake.identifiers import pipeline_name
from winestream.snowflake.rewinding import Step, Steps, is_noted, set_back, slice_id
from winestream.snowflake.session import Session
from winestream.snowflake.settings import ConnectionSettings
from winestream.snowflake.takeover import end_stuck

__all__ = ["Broker", "Plan", "Rewind", "Step", "Wish"]

TRIES: Final = 6
"""With a pause between them: a busy sink holds the lock for under a second."""
PAUSE: Final = 1.0
_PATIENCE: Final = timedelta(seconds=30)
"""After this a lock is a dead owner's, as `SnowflakeWriter` sees it."""


class Broker(Protocol):
    """What a rewind asks of Kafka. Raises `SourceError`."""

    def ends(
        self, logs: Iterable[LogPartition]
    ) -> Mapping[LogPartition, tuple[int, int]]:
        """Return the ends of the logs this broker holds; others are absent."""

    def at(
        self, logs: Iterable[LogPartition], when: datetime
    ) -> Mapping[LogPartition, int]:
        """Return the offset of the first message of that time or later, or the end."""


@attrs.frozen(kw_only=True)
class Wish:
    """Which cursors go back, and where to: an offset, or a time with a zone.

    Without `partitions` all of the topic. `topic_id` tells logs of one name apart.
    """

    topic: str
    to: int | datetime
    partitions: frozenset[int] = frozenset()
    topic_id: str | None = None


@attrs.frozen
class Goal:
    """Where a log partition's cursor shall stand; `low` is where the log begins."""

    target: int
    low: int | None = None


@attrs.frozen
class Plan:
    """What a rewind will do, or did. `stays` are cursors that are not beyond it."""

    steps: tuple[Step, ...]
    stays: tuple[Step, ...]
    checked: bool
    """Whether a broker said that the log still holds what will be read again."""
    note: str = ""
    """The slice id of the ledger rows, once it was done."""

    @property
    def again(self) -> int:
        """How many offsets will be read again."""
        return sum(step.again for step in self.steps)


class Rewind:
    """Rewinds one pipeline's cursors. Not thread-safe; close it.

    Signs in with the settings of a consumer, whose rights it needs. `pause` waits so
    many seconds between two tries. Raises `ConfigurationError` for a name that no
    pipeline can have.
    """

    def __init__(
        self,
        settings: ConnectionSettings,
        pipeline: str,
        *,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._settings = settings
        self._pipeline = pipeline_name(pipeline)
        self._owner = f"rewind-{socket.gethostname()}-{uuid.uuid4().hex[:12]}"
        self._pause = pause
        self._session: Session | None = None
        self._goals: Mapping[LogPartition, Goal] = {}
        self._steps: Steps = ()

    def plan(self, wish: Wish, broker: Broker | None = None) -> Plan:
        """Return what `apply` would do now. Changes nothing.

        Raises `ConfigurationError` when the wish cannot be granted, and says why:
        nothing is chosen, or a position lies before the cursor's birth or, as far as a
        broker can tell, before the log; `WriteError`; `SourceError`.
        """
        found = of_topic(self._connected(), self._pipeline, wish.topic)
        held = chosen(found, self._pipeline, wish)
        self._goals = goals([each.partition for each in held], wish.to, broker)
        steps = steps_to(self._goals, held)
        return Plan(
            steps=steps,
            stays=tuple(_at(h) for h in held if h.partition not in _logs(steps)),
            checked=broker is not None,
        )

    def apply(self, plan: Plan) -> Plan:
        """Do it, and return what was done: a running consumer may have gone on since.

        All of it in one transaction, or nothing. Raises as `plan` does, and
        `RetryableWriteError` when the cursors stayed locked or nobody answered.
        """
        logs = sorted(_logs(plan.steps))
        last: WriteError | None = None
        for attempt in range(TRIES):
            if attempt:
                self._pause(PAUSE)
            try:
                # After an answer that was lost it may have happened.
                if not (attempt and self._is_noted(logs)):
                    self._set_back(logs)
                    # COMMIT says "done" also for a transaction that was ended before.
                    if not self._is_noted(logs):
                        continue
                done = tuple(self._steps)
                return attrs.evolve(plan, steps=done, note=slice_id(self._owner))
            except (RetryableWriteError, UnknownOutcomeError) as error:
                last = error
                self._clear_the_way()
        raise RetryableWriteError(
            f"the cursors were not set back in {TRIES} tries ({last}): ask again for a "
            "plan, which shows where they stand"
        )

    def close(self) -> None:
        """Sign out."""
        if self._session is not None:
            self._session.close()
            self._session = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -------------------------------------------------------------------- privately

    def _set_back(self, logs: Iterable[LogPartition]) -> None:
        session = self._connected()
        set_back(session, self._pipeline, self._owner, logs, self._decide)

    def _decide(self, held: Iterable[Held]) -> Steps:
        self._steps = steps_to(self._goals, held)
        return self._steps

    def _is_noted(self, logs: Iterable[LogPartition]) -> bool:
        return is_noted(self._connected(), self._pipeline, self._owner, logs)

    def _connected(self) -> Session:
        if self._session is not None and self._session.broken:
            self.close()
        if self._session is None:
            self._session = Session.open(self._settings, self._pipeline, self._owner)
        return self._session

    def _clear_the_way(self) -> None:
        """End what a dead owner left behind with the cursors' lock."""
        with suppress(WriteError):  # the next try looks again
            end_stuck(self._connected(), self._pipeline, _PATIENCE)


def chosen(found: Iterable[Held], pipeline: str, wish: Wish) -> list[Held]:
    """Return the cursors that the wish means, in order. Raises `ConfigurationError`."""
    of_log = [h for h in found if wish.topic_id in (None, h.partition.topic_id)]
    if not of_log:
        named = f" with the id {wish.topic_id}" if wish.topic_id else ""
        raise ConfigurationError(
            f"pipeline {pipeline} has no cursor of a topic {wish.topic}{named}"
        )
    by_number: dict[int, list[Held]] = {}
    for held in of_log:
        by_number.setdefault(held.partition.partition, []).append(held)
    missing = sorted(wish.partitions - by_number.keys())
    if missing:
        there = ", ".join(map(str, sorted(by_number)))
        raise ConfigurationError(
            f"{wish.topic} has no cursor of partition {', '.join(map(str, missing))}; "
            f"there are {there}"
        )
    numbers = sorted(wish.partitions or by_number)
    for number in numbers:
        if len(by_number[number]) > 1:
            ids = ", ".join(sorted(h.partition.topic_id for h in by_number[number]))
            raise ConfigurationError(
                f"{wish.topic}[{number}] has several cursors, of the topic ids {ids}: "
                "it was made again. Name the one to rewind with --topic-id"
            )
    return [by_number[number][0] for number in numbers]


def goals(
    logs: Iterable[LogPartition], to: int | datetime, broker: Broker | None
) -> Mapping[LogPartition, Goal]:
    """Return where each cursor shall stand. Raises `ConfigurationError`."""
    wanted = list(logs)
    if broker is None:
        if isinstance(to, datetime):
            raise ConfigurationError(
                "a time needs --bootstrap: the broker knows which offset it means"
            )
        return dict.fromkeys(wanted, Goal(to))
    ends = broker.ends(wanted)
    gone = [log for log in wanted if log not in ends]
    if gone:
        names = ", ".join(map(str, gone))
        raise ConfigurationError(
            f"this broker does not hold {names}: it is another cluster, or the topic "
            "was deleted or made again, and nothing could be read again"
        )
    at = broker.at(wanted, to) if isinstance(to, datetime) else {}
    return {log: Goal(at[log] if at else _offset(to), ends[log][0]) for log in wanted}


def steps_to(
    goals: Mapping[LogPartition, Goal], held: Iterable[Held]
) -> tuple[Step, ...]:
    """Return the steps back; cursors that are not beyond their goal have none.

    Raises `ConfigurationError` for a goal that cannot be, or when none goes back.
    """
    steps = []
    for each in held:
        step, goal = _at(each, goals[each.partition].target), goals[each.partition]
        if step.again <= 0:
            continue
        if step.target < step.first:
            raise ConfigurationError(
                f"{step.log}: {step.target} is before {step.first}, where the cursor "
                "was born: what is before it was never this pipeline's"
            )
        if goal.low is not None and step.target < goal.low:
            raise ConfigurationError(
                f"{step.log}: {step.target} is before {goal.low}, where the log "
                "begins: older messages were deleted, and nothing could be read there"
            )
        steps.append(step)
    if not steps:
        where = ", ".join(f"{h.partition} at {h.cursor.position}" for h in held)
        raise ConfigurationError(
            f"no cursor is beyond that: {where}. A rewind only goes back"
        )
    return tuple(steps)


def _at(held: Held, target: int | None = None) -> Step:
    cursor = held.cursor
    to = cursor.position if target is None else target
    return Step(held.partition, cursor.first, cursor.position, to, cursor.epoch)


def _offset(to: int | datetime) -> int:
    assert isinstance(to, int)
    return to


def _logs(steps: Iterable[Step]) -> frozenset[LogPartition]:
    return frozenset(step.log for step in steps)
