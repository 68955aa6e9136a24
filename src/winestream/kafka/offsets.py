"""Questions to the broker about offsets: where a log begins, ends, stood at a time.

Every one blocks, within a bound, and raises `SourceError`.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final, Literal

from confluent_kafka import Consumer, TopicPartition

from winestream.errors import ConfigurationError
from winestream.kafka.errors import error_from, source_error
from winestream.records import LogPartition

StartPolicy = Literal["earliest", "latest"] | datetime

# One request to each leader; a broker that needs longer counts as away.
_TIMEOUT: Final = 10.0
# ListOffsets takes these in place of a time in milliseconds.
_EARLIEST, _LATEST = -2, -1


def check_policy(start: StartPolicy) -> None:
    """Refuse a start policy that names no offset."""
    if isinstance(start, datetime):
        if start.tzinfo is None:
            raise ConfigurationError(
                "start needs a time zone, e.g. datetime(2026, 1, 1, tzinfo=UTC)"
            )
    elif start not in ("earliest", "latest"):
        raise ConfigurationError(
            f'start must be "earliest", "latest" or a datetime, not {start!r}'
        )


def resolve(
    consumer: Consumer, partitions: Iterable[LogPartition], start: StartPolicy
) -> Mapping[LogPartition, int]:
    """Return the offset where the policy begins each partition.

    A time after the last message is the log's end.
    """
    logs = list(partitions)
    if start == "earliest":
        return _at(consumer, logs, _EARLIEST)
    if start == "latest":
        return _at(consumer, logs, _LATEST)
    found = _at(consumer, logs, round(start.timestamp() * 1000))
    beyond = [log for log, offset in found.items() if offset < 0]
    ends = _at(consumer, beyond, _LATEST) if beyond else {}
    return {**found, **ends}


def committed(
    consumer: Consumer, partitions: Iterable[LogPartition]
) -> Mapping[LogPartition, int]:
    """Return the group's committed positions; partitions without one are absent."""
    logs = list(partitions)
    if not logs:
        return {}
    doing = "asking for the group's committed positions"
    try:
        parts = consumer.committed(
            [TopicPartition(log.topic, log.partition) for log in logs], timeout=_TIMEOUT
        )
    except Exception as error:
        raise error_from(error, doing) from error
    found = _by_log(logs, parts, doing)
    return {log: offset for log, offset in found.items() if offset >= 0}


def _at(
    consumer: Consumer, logs: list[LogPartition], time_ms: int
) -> Mapping[LogPartition, int]:
    if not logs:
        return {}
    doing = "asking where to start"
    wanted = [TopicPartition(log.topic, log.partition, time_ms) for log in logs]
    try:
        parts = consumer.offsets_for_times(wanted, timeout=_TIMEOUT)
    except Exception as error:
        raise error_from(error, doing) from error
    return _by_log(logs, parts, doing)


def _by_log(
    logs: list[LogPartition], parts: list[TopicPartition], doing: str
) -> Mapping[LogPartition, int]:
    by_name = {(log.topic, log.partition): log for log in logs}
    found = {}
    for part in parts:
        log = by_name[part.topic, part.partition]
        if part.error is not None:
            raise source_error(part.error, f"{doing} in {log}")
        found[log] = part.offset
    return found
