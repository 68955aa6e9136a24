"""What a rewind may do, and where it is refused; the transaction is the twin's test."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

import pytest

from winestream.errors import ConfigurationError
from winestream.operations.rewind import Goal, Wish, chosen, goals, steps_to
from winestream.records import Cursor, LogPartition
from winestream.snowflake.cursors import Held

ONE, TWO = (LogPartition("c", "id-1", "wine.orders", n) for n in (1, 2))
AGAIN = ONE._replace(topic_id="id-2")
HELD = [Held(ONE, Cursor(50, 10, 3), "me"), Held(TWO, Cursor(20, 0, 1), "me")]
MADE_AGAIN = [*HELD, Held(AGAIN, Cursor(5, 0, 1), "me")]
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


class FakeBroker:
    """Holds these logs, from 15 on; every time is offset 30."""

    def __init__(self, *logs: LogPartition) -> None:
        self._logs = logs

    def ends(
        self, logs: Iterable[LogPartition]
    ) -> Mapping[LogPartition, tuple[int, int]]:
        return {log: (15, 60) for log in logs if log in self._logs}

    def at(
        self, logs: Iterable[LogPartition], when: datetime
    ) -> Mapping[LogPartition, int]:
        assert when == NOON
        return dict.fromkeys(logs, 30)


def test_all_partitions_of_a_topic_or_those_named() -> None:
    """In order."""
    assert chosen(reversed(HELD), "p", Wish(topic="wine.orders", to=1)) == HELD
    some = Wish(topic="wine.orders", to=1, partitions=frozenset({2}))
    assert chosen(HELD, "p", some) == HELD[1:]


def test_a_topic_made_again_has_to_be_told_apart() -> None:
    """Its id does; the partition that has one cursor needs no id."""
    with pytest.raises(ConfigurationError, match=r"\[1\] has several .* id-1, id-2"):
        chosen(MADE_AGAIN, "p", Wish(topic="wine.orders", to=1))
    found = chosen(MADE_AGAIN, "p", Wish(topic="wine.orders", to=1, topic_id="id-2"))
    assert [held.partition for held in found] == [AGAIN]
    two = Wish(topic="wine.orders", to=1, partitions=frozenset({2}))
    assert [held.partition for held in chosen(MADE_AGAIN, "p", two)] == [TWO]
    with pytest.raises(ConfigurationError, match="with the id id-9"):
        chosen(HELD, "p", Wish(topic="wine.orders", to=1, topic_id="id-9"))


def test_a_time_is_the_brokers_to_resolve() -> None:
    """And only its; a cursor that is not beyond that time's offset stays."""
    with pytest.raises(ConfigurationError, match="needs --bootstrap"):
        goals([ONE], NOON, None)
    found = goals([ONE, TWO], NOON, FakeBroker(ONE, TWO))
    assert found == {ONE: Goal(30, 15), TWO: Goal(30, 15)}
    [step] = steps_to(found, HELD)
    assert (step.log, step.position, step.target, step.again) == (ONE, 50, 30, 20)


def test_a_broker_without_the_log_is_the_wrong_one() -> None:
    """Nothing could be read again there."""
    with pytest.raises(ConfigurationError, match=r"does not hold wine.orders\[2\]"):
        goals([ONE, TWO], 20, FakeBroker(ONE, AGAIN))


@pytest.mark.parametrize(
    ("goal", "says"),
    [
        (Goal(9), r"wine.orders\[1\]: 9 is before 10, where the cursor was born"),
        (Goal(14, 15), r"wine.orders\[1\]: 14 is before 15, where the log begins"),
        (Goal(50), r"no cursor is beyond that: wine.orders\[1\] at 50"),
        (Goal(51, 15), "only goes back"),
    ],
)
def test_where_nothing_can_be_read_again_is_refused(goal: Goal, says: str) -> None:
    """Before the cursor's birth, before the log's beginning, and ahead."""
    with pytest.raises(ConfigurationError, match=says):
        steps_to({ONE: goal}, HELD[:1])


def test_the_first_of_everything_can_be_read_again() -> None:
    """Back to the cursor's birth, and to where the log begins."""
    assert steps_to({ONE: Goal(10)}, HELD[:1])[0].again == 40
    assert steps_to({ONE: Goal(15, 15)}, HELD[:1])[0].again == 35
