from winestream.kafka.assignment import Assignment
from winestream.records import LogPartition

ZERO, ONE = ("t", 0), ("t", 1)


def _log(partition: int, topic_id: str = "i") -> LogPartition:
    return LogPartition("c", topic_id, "t", partition)


def _held() -> Assignment:
    assignment = Assignment()
    assignment.add([ZERO, ONE])
    assignment.identify("c", "t", "i")
    return assignment


def test_waits_for_its_identity() -> None:
    """A partition is unknown until its log is, and only then can be revoked by name."""
    assignment = Assignment()
    assignment.add([ZERO])
    assert assignment.waiting == {ZERO}
    assert assignment.known == frozenset()
    assert assignment.logs_of([ZERO]) == frozenset()
    assignment.identify("c", "t", "i")
    assert assignment.waiting == frozenset()
    assert assignment.known == {_log(0)}
    assert assignment.logs_of([ZERO, ONE]) == {_log(0)}


def test_delivers_only_what_was_moved() -> None:
    """Nothing is expected of a partition until it is started and moved."""
    assignment = _held()
    assert assignment.expected(ZERO) is None
    assignment.start(_log(0), 7)
    assert assignment.expected(ZERO) is None
    assert list(assignment.due) == [(_log(0), 7)]
    assignment.moved(_log(0))
    assert assignment.expected(ZERO) == 7
    assert assignment.flowing == [_log(0)]
    assignment.advance(_log(0), 9)
    assignment.start_again()
    assert list(assignment.due) == [(_log(0), 9)]


def test_given_back_and_lost() -> None:
    """What is given back is gone at once; what is lost is reported once."""
    assignment = _held()
    assignment.start(_log(0), 7)
    assignment.drop([ZERO], lost=False)
    assignment.drop([ONE], lost=True)
    assert assignment.known == frozenset()
    assert list(assignment.due) == []
    assert not assignment.owns(_log(0))
    assert assignment.last_log_of(ZERO) == _log(0)
    assert assignment.take_lost() == {_log(1)}
    assert assignment.take_lost() == frozenset()


def test_another_log_under_the_name() -> None:
    """Held under a new id, the old logs are lost and the new ones not started."""
    assignment = _held()
    assignment.start(_log(0), 7)
    assignment.identify("c", "t", "j")
    assert assignment.take_lost() == {_log(0), _log(1)}
    assert assignment.known == {_log(0, "j"), _log(1, "j")}
    assert assignment.started == {}
    assignment.identify("c", "t", "j")
    assert assignment.take_lost() == frozenset()


def test_falling_leader_epoch() -> None:
    """A leader epoch that falls stops delivery until the identity is known again."""
    assignment = _held()
    assignment.start(_log(0), 7)
    assignment.moved(_log(0))
    assert assignment.follows(_log(0), 2, 3)
    assert assignment.follows(_log(0), None, None)
    assert not assignment.follows(_log(0), 0, 0)
    assert assignment.expected(ZERO) is None
    assert list(assignment.due) == []
    assignment.identify("c", "t", "i")
    assert list(assignment.due) == [(_log(0), 7)]
    assignment.moved(_log(0))
    assert assignment.follows(_log(0), 0, 1)
    assert not assignment.follows(_log(0), 1, 0)


def test_leader_epoch_that_falls_within_the_first_run() -> None:
    """The very first messages may be of two logs."""
    assignment = _held()
    assignment.start(_log(0), 7)
    assert not assignment.follows(_log(0), 3, 0)
    assert assignment.expected(ZERO) is None
