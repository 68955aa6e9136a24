from typing import Any

from confluent_kafka import KafkaError, Message
from hypothesis import given
from hypothesis import strategies as st

from winestream.kafka.runs import by_partition, largest_value, split_errors, to_run
from winestream.records import LogPartition

LOG = LogPartition("c", "i", "t", 0)


def _message(offset: int, partition: int = 0, **fields: Any) -> Message:
    fields = {"value": b"v%d" % offset, "timestamp": (1, 1000 + offset)} | fields
    return Message(topic="t", partition=partition, offset=offset, **fields)


def test_columns() -> None:
    """Every column is as long as the run, and headers are None when nobody has any."""
    run = to_run(LOG, [_message(5, key=b"k"), _message(6, value=None)], 0)
    assert run is not None
    assert run.partition == LOG
    assert run.offsets == range(5, 7)
    assert run.values == [b"v5", None]
    assert run.keys == [b"k", None]
    assert run.timestamps == [1005, 1006]
    assert run.headers is None


def test_headers() -> None:
    """One message with headers gives every message an entry."""
    run = to_run(LOG, [_message(5), _message(6, headers=[("h", b"1")])], 0)
    assert run is not None
    assert run.headers == [None, [("h", b"1")]]


def test_holes() -> None:
    """Offsets are explicit where the log skips some."""
    run = to_run(LOG, [_message(5), _message(7)], 0)
    assert run is not None
    assert list(run.offsets) == [5, 7]
    assert not isinstance(run.offsets, range)


def test_delivered_already() -> None:
    """What lies before the expected offset is left out; nothing left is no run."""
    run = to_run(LOG, [_message(n) for n in range(5, 10)], 8)
    assert run is not None
    assert run.offsets == range(8, 10)
    assert run.values == [b"v8", b"v9"]
    assert to_run(LOG, [_message(5)], 8) is None


@given(st.lists(st.integers(0, 30), min_size=1), st.integers(0, 30))
def test_offsets_always_ascend(offsets: list[int], expected: int) -> None:
    """Whatever a client delivers, a run ascends strictly from the expected offset."""
    run = to_run(LOG, [_message(offset) for offset in offsets], expected)
    if run is None:
        assert max(offsets) < expected
        return
    found = list(run.offsets)
    assert found == sorted(set(found))
    assert found[0] >= expected
    assert [b"v%d" % offset for offset in found] == run.values


@given(st.lists(st.integers(0, 3), min_size=1, max_size=40))
def test_grouping(partitions: list[int]) -> None:
    """Grouping keeps every message and the order within its partition."""
    chunk = [_message(n, partition) for n, partition in enumerate(partitions)]
    before = list(chunk)
    groups = by_partition(chunk)
    assert chunk == before or len(groups) == 1
    for (topic, partition), part in groups.items():
        assert topic == "t"
        assert part == [m for m in before if m.partition() == partition]
    assert sum(map(len, groups.values())) == len(before)


def test_errors_are_split_off() -> None:
    """What reports an error is no message; without errors the chunk is untouched."""
    bad = _message(3, error=KafkaError(KafkaError.REQUEST_TIMED_OUT))
    chunk = [_message(1), bad, _message(2)]
    good, errors = split_errors(chunk)
    assert [m.offset() for m in good] == [1, 2]
    assert errors == [bad]
    same, none = split_errors(good)
    assert same is good
    assert none == []


def test_largest_value() -> None:
    """Null values count as nothing."""
    run = to_run(LOG, [_message(1, value=None), _message(2, value=b"xxx")], 0)
    assert run is not None
    assert largest_value(run) == 3
