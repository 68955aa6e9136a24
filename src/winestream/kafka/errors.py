"""Kafka's errors as ours, told apart by their code and never by their text.

The one seam where a vendor error ends. What is not known to be hopeless counts as
passing: the sink then tries again for ever, loudly.
"""

# ruff: noqa: SLF001 — the client's own codes are public and begin with an underscore

from collections.abc import Mapping
from typing import Final

from confluent_kafka import KafkaError, KafkaException

from winestream.errors import FatalSourceError, SourceError, WinestreamError


class DeliveryError(WinestreamError):
    """Messages were not acknowledged. `failed` says how many, `reason` the first why.

    They may have reached the log all the same when the reason is a time-out.
    """

    def __init__(self, failed: int, reason: str) -> None:
        self.failed, self.reason = failed, reason
        noun = "message was" if failed == 1 else "messages were"
        super().__init__(f"{failed} {noun} not acknowledged; the first: {reason}")


_NEW_GROUPS: Final = (
    'protocol="consumer" needs Apache Kafka 4.0 or later; use protocol="classic"'
)
_CREDENTIALS: Final = (
    "check sasl.mechanism, sasl.username, sasl.password and security.protocol"
)

# What to do about errors that no retry can heal, by code.
FATAL_ADVICE: Final[Mapping[int, str]] = {
    KafkaError._AUTHENTICATION: _CREDENTIALS,
    KafkaError.SASL_AUTHENTICATION_FAILED: _CREDENTIALS,
    KafkaError.UNSUPPORTED_SASL_MECHANISM: _CREDENTIALS,
    KafkaError.ILLEGAL_SASL_STATE: _CREDENTIALS,
    KafkaError.TOPIC_AUTHORIZATION_FAILED: (
        "grant this user READ and DESCRIBE on the topic"
    ),
    KafkaError.GROUP_AUTHORIZATION_FAILED: (
        "grant this user READ and DESCRIBE on the consumer group"
    ),
    KafkaError.CLUSTER_AUTHORIZATION_FAILED: "grant this user DESCRIBE on the cluster",
    KafkaError.TOPIC_EXCEPTION: "check the topic's name; Kafka calls it invalid",
    KafkaError.INVALID_GROUP_ID: "check the group's name; Kafka calls it invalid",
    KafkaError.INCONSISTENT_GROUP_PROTOCOL: (
        "another member of this group uses another assignment strategy or protocol; "
        "stop it or choose another group"
    ),
    KafkaError.INVALID_SESSION_TIMEOUT: (
        "set session_timeout within the broker's group.min.session.timeout.ms and "
        "group.max.session.timeout.ms"
    ),
    KafkaError.FENCED_INSTANCE_ID: (
        "another process uses the same group.instance.id; give each its own"
    ),
    KafkaError.UNRELEASED_INSTANCE_ID: (
        "another process uses the same group.instance.id; give each its own"
    ),
    # What befell the client stands in the text only; this is the usual reason.
    KafkaError._FATAL: (
        "the client gave up: is the same group.instance.id used by another process?"
    ),
    KafkaError.UNSUPPORTED_ASSIGNOR: "set group.remote.assignor to one the broker has",
    KafkaError.UNSUPPORTED_VERSION: _NEW_GROUPS,
    KafkaError._UNSUPPORTED_FEATURE: _NEW_GROUPS,
}

HARMLESS: Final = frozenset(
    {
        KafkaError._PARTITION_EOF,
        # The group takes the partitions away: the loss is reported as such.
        KafkaError._MAX_POLL_EXCEEDED,
    }
)
MISSING: Final = frozenset(
    {
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        KafkaError._UNKNOWN_TOPIC,
        KafkaError._UNKNOWN_PARTITION,
        KafkaError.UNKNOWN_TOPIC_ID,
    }
)
UNSUPPORTED: Final = frozenset(
    {KafkaError.UNSUPPORTED_VERSION, KafkaError._UNSUPPORTED_FEATURE}
)
# The group goes on without this member, which has to join anew.
GONE: Final = frozenset(
    {
        KafkaError.ILLEGAL_GENERATION,
        KafkaError.UNKNOWN_MEMBER_ID,
        KafkaError.FENCED_MEMBER_EPOCH,
        KafkaError.FENCED_INSTANCE_ID,
    }
)
OUT_OF_RANGE: Final = KafkaError._AUTO_OFFSET_RESET
OUTAGE: Final = KafkaError._ALL_BROKERS_DOWN
# Why a broker is not reached; repeated at each of many attempts.
UNREACHABLE: Final = frozenset(
    {KafkaError._TRANSPORT, KafkaError._RESOLVE, KafkaError._SSL}
)


def kafka_error_of(error: BaseException) -> KafkaError | None:
    """Return the Kafka error inside an exception of the client, if there is one."""
    inner = error.args[0] if error.args else None
    return inner if isinstance(inner, KafkaError) else None


def source_error(error: KafkaError, doing: str, why: str = "") -> SourceError:
    """Return the error to raise for one of Kafka's; `doing` says what was tried.

    `why` is what the client said before.
    """
    said = f"{doing}: {error.str()} ({error.name()})" + (f"; {why}" if why else "")
    if (advice := FATAL_ADVICE.get(error.code())) is not None:
        return FatalSourceError(f"{said}; {advice}")
    if error.fatal():
        return FatalSourceError(f"{said}; the client gave up, start the process again")
    return SourceError(said)


def error_from(error: Exception, doing: str) -> SourceError:
    """Return the error to raise for an exception out of the client."""
    if isinstance(error, SourceError):
        return error
    inner = kafka_error_of(error)
    if inner is not None:
        return source_error(inner, doing)
    if isinstance(error, KafkaException):
        return SourceError(f"{doing}: {error}")
    return SourceError(f"{doing}: {type(error).__name__}: {error}")


def name_of(error: BaseException) -> str:
    """Return the short name by which a commit's refusal is reported."""
    inner = kafka_error_of(error)
    return type(error).__name__ if inner is None else inner.name()
