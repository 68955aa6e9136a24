"""A chunk of messages as runs: one set of columns per partition, in order.

The hot path. Nothing here is called once per message from Python.
"""

from collections.abc import Mapping, Sequence
from itertools import groupby, islice
from operator import itemgetter, lt

from confluent_kafka import Message

from winestream.records import LogPartition, Run, dense

Name = tuple[str, int]
"""A topic and a partition, as the client names them."""

_millis = itemgetter(1)


def split_errors(chunk: list[Message]) -> tuple[list[Message], list[Message]]:
    """Return the messages and, apart from them, what reports an error."""
    if not any(map(Message.error, chunk)):
        return chunk, []
    good = [message for message in chunk if message.error() is None]
    return good, [message for message in chunk if message.error() is not None]


def by_partition(chunk: list[Message]) -> Mapping[Name, list[Message]]:
    """Group messages, at least one, by partition; each keeps its order."""
    topics = list(map(Message.topic, chunk))
    numbers = list(map(Message.partition, chunk))
    size = len(chunk)
    if numbers.count(numbers[0]) == size == topics.count(topics[0]):
        return {(topics[0], numbers[0]): chunk}  # type: ignore[dict-item] # has both
    groups: dict[Name, list[Message]] = {}
    at = 0
    for name, same in groupby(zip(topics, numbers, strict=True)):
        size = len(list(same))
        part = chunk[at : at + size]
        at += size
        if name in groups:
            groups[name] += part
        else:
            groups[name] = part  # type: ignore[index] # a good message has both
    return groups


def to_run(
    partition: LogPartition, messages: list[Message], expected: int
) -> Run | None:
    """Return the columns of one partition's messages from `expected` on.

    What lies before `expected` was delivered already and is left out, as is anything
    that does not ascend. None when nothing remains.
    """
    offsets: Sequence[int] = _offsets(messages)
    first = offsets[0]
    whole = range(first, first + len(offsets))
    if first >= expected and offsets == list(whole):
        offsets = whole
    elif first < expected or not _ascending(offsets):
        messages = _fresh(messages, expected)
        if not messages:
            return None
        offsets = dense(_offsets(messages))
    headers = list(map(Message.headers, messages))
    return Run(
        partition=partition,
        offsets=offsets,
        values=list(map(Message.value, messages)),
        keys=list(map(Message.key, messages)),
        timestamps=list(map(_millis, map(Message.timestamp, messages))),
        headers=headers if any(headers) else None,  # type: ignore[arg-type] # received ones are pairs
    )


def largest_value(run: Run) -> int:
    """Return the length in bytes of the run's largest value."""
    try:
        return max(map(len, run.values))  # type: ignore[arg-type] # nulls: below
    except TypeError:
        return max(map(len, filter(None, run.values)), default=0)


def _offsets(messages: list[Message]) -> list[int]:
    return list(map(Message.offset, messages))  # type: ignore[arg-type] # a good message has one


def _ascending(offsets: Sequence[int]) -> bool:
    return all(map(lt, offsets, islice(offsets, 1, None)))


def _fresh(messages: list[Message], expected: int) -> list[Message]:
    kept = []
    for message in messages:
        offset = message.offset()
        if offset is not None and offset >= expected:
            kept.append(message)
            expected = offset + 1
    return kept
