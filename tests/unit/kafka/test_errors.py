import pytest
from confluent_kafka import KafkaError, KafkaException

from winestream.errors import FatalSourceError, SourceError
from winestream.kafka.errors import (
    FATAL_ADVICE,
    DeliveryError,
    error_from,
    name_of,
    source_error,
)


@pytest.mark.parametrize("code", sorted(FATAL_ADVICE))
def test_hopeless_codes(code: int) -> None:
    """A code that no retry heals is fatal and says what to do."""
    error = source_error(KafkaError(code), "reading")
    assert isinstance(error, FatalSourceError)
    assert FATAL_ADVICE[code] in str(error)


def test_retriable_flag_is_not_asked() -> None:
    """Rebalance errors call themselves unretriable; they pass all the same."""
    for code in (KafkaError.ILLEGAL_GENERATION, KafkaError.REBALANCE_IN_PROGRESS):
        error = source_error(KafkaError(code), "reading")
        assert not isinstance(error, FatalSourceError)


def test_fatal_flag() -> None:
    """An error the client calls fatal is fatal whatever its code."""
    error = source_error(KafkaError(KafkaError._FATAL, "gone", fatal=True), "reading")
    assert isinstance(error, FatalSourceError)


def test_exceptions() -> None:
    """Exceptions of the client are told apart by the error inside them."""
    denied = KafkaException(KafkaError(KafkaError.GROUP_AUTHORIZATION_FAILED))
    assert isinstance(error_from(denied, "joining"), FatalSourceError)
    assert isinstance(error_from(RuntimeError("closed"), "reading"), SourceError)
    assert isinstance(error_from(KafkaException("odd"), "reading"), SourceError)
    mine = SourceError("mine")
    assert error_from(mine, "reading") is mine
    assert name_of(denied) == "GROUP_AUTHORIZATION_FAILED"
    assert name_of(RuntimeError("closed")) == "RuntimeError"


def test_delivery_error() -> None:
    """It says how many and why."""
    assert str(DeliveryError(1, "why")) == (
        "1 message was not acknowledged; the first: why"
    )
    assert str(DeliveryError(2, "why")).startswith("2 messages were not")
