from typing import Any

import pytest
from confluent_kafka import KafkaError, Message

from winestream.errors import FatalSourceError, SourceError
from winestream.kafka.assignment import Assignment
from winestream.kafka.trouble import Trouble
from winestream.records import LogPartition

LOG = LogPartition("c", "i", "t", 0)


def _held() -> Assignment:
    assignment = Assignment()
    assignment.add([("t", 0)])
    assignment.identify("c", "t", "i")
    assignment.start(LOG, 5)
    assignment.moved(LOG)
    return assignment


def _report(code: int) -> Message:
    return Message(topic="t", partition=0, error=KafkaError(code, "said"))


class Ends:
    def get_watermark_offsets(self, *_: Any, **__: Any) -> tuple[int, int]:
        return 10, 20


class Idents:
    open = False


def test_fatal_outranks() -> None:
    """Of several errors the fatal one is raised, once; else the first."""
    trouble = Trouble(60)
    trouble.note(SourceError("one"))
    trouble.note(SourceError("two"))
    with pytest.raises(SourceError, match="one"):
        trouble.raise_noted()
    trouble.raise_noted()
    trouble.note(SourceError("one"))
    trouble.note(FatalSourceError("fatal"))
    with pytest.raises(FatalSourceError):
        trouble.raise_noted()


@pytest.mark.parametrize(
    "code", [KafkaError._PARTITION_EOF, KafkaError._MAX_POLL_EXCEEDED]
)
def test_harmless(code: int) -> None:
    """The end of a partition and a late poll are no errors of reading."""
    trouble = Trouble(60)
    assert trouble.sort_out(_report(code), _held()) is None
    assert not trouble.noted


def test_out_of_range_waits_for_the_identity() -> None:
    """Ends are reported once it is certain whose they are, and not of lost logs."""
    trouble, assignment = Trouble(60), _held()
    consumer: Any = Ends()
    identities: Any = Idents()
    assert trouble.sort_out(_report(KafkaError._AUTO_OFFSET_RESET), assignment) == "t"
    identities.open = True
    trouble.find_ends(consumer, assignment, identities)
    assert trouble.take_out_of_range() == []
    identities.open = False
    trouble.find_ends(consumer, assignment, identities)
    [found] = trouble.take_out_of_range()
    assert (found.partition, found.low, found.high) == (LOG, 10, 20)
    trouble.sort_out(_report(KafkaError._AUTO_OFFSET_RESET), assignment)
    assignment.identify("c", "t", "another")
    trouble.find_ends(consumer, assignment, identities)
    assert trouble.take_out_of_range() == []


def test_out_of_range_from_before_the_start() -> None:
    """An error of the placeholder position says nothing about the log."""
    trouble, assignment = Trouble(60), Assignment()
    assignment.add([("t", 0)])
    assignment.identify("c", "t", "i")
    assert trouble.sort_out(_report(KafkaError._AUTO_OFFSET_RESET), assignment) is None


def test_client_errors() -> None:
    """Hopeless ones are noted; an outage at most every ten seconds; the rest passes."""
    clock = [0.0]
    trouble = Trouble(60, clock=lambda: clock[0])
    outage = KafkaError(KafkaError._ALL_BROKERS_DOWN)
    trouble.on_error(KafkaError(KafkaError._TRANSPORT, "b:9092: Connection refused"))
    assert not trouble.noted
    for clock[0], told in ((0.0, True), (9.0, False), (10.0, True)):
        trouble.on_error(outage)
        assert trouble.noted == told
        if told:
            with pytest.raises(SourceError, match="b:9092: Connection refused"):
                trouble.raise_noted()
    trouble.on_error(KafkaError(KafkaError._AUTHENTICATION))
    with pytest.raises(FatalSourceError, match=r"sasl\.password"):
        trouble.raise_noted()


def test_interrupts_pass_unchanged() -> None:
    """An interrupt inside a callback is raised as it is, after the client returned."""
    trouble = Trouble(60)
    trouble.caught(KeyboardInterrupt())
    trouble.raise_noted()
    with pytest.raises(KeyboardInterrupt):
        trouble.raise_interrupt()
    trouble.raise_interrupt()
