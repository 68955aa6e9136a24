"""Which client settings we choose, which the user may not touch, which are secret.

Knows property names only; it opens nothing.
"""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Final, Literal

from winestream.errors import ConfigurationError

Setting = str | int | float | bool
Protocol = Literal["classic", "consumer"]

_CALLBACK: Final = (
    "an exception in a client callback destroys messages already fetched; winestream "
    "keeps the callbacks to itself and reports through hooks"
)
_OFFSETS: Final = (
    "winestream alone moves the group's position, after the warehouse committed"
)

REFUSED: Final[Mapping[str, str]] = {
    "enable.auto.commit": _OFFSETS,
    "auto.commit.enable": _OFFSETS,
    "auto.commit.interval.ms": _OFFSETS,
    "enable.auto.offset.store": _OFFSETS,
    "auto.offset.reset": (
        "jumping to another offset would be silent loss; a cursor out of range is "
        "reported, and `start` says where a new partition begins"
    ),
    "enable.partition.eof": (
        "end-of-partition markers take the place of messages; the log's end is known "
        "from the position"
    ),
    "max.poll.interval.ms": "give it as `max_poll_interval`",
    "group.protocol": "give it as `protocol`",
    "default.topic.config": "give its settings directly",
    "error_cb": _CALLBACK,
    "stats_cb": _CALLBACK,
    "throttle_cb": _CALLBACK,
    "oauth_cb": f"{_CALLBACK}; use sasl.oauthbearer.method=oidc",
    "on_commit": _CALLBACK,
    "on_delivery": _CALLBACK,
    "dr_cb": _CALLBACK,
    "logger": _CALLBACK,
}

_REFUSED_BY_CONSUMER_PROTOCOL: Final = (
    "session.timeout.ms",
    "heartbeat.interval.ms",
    "partition.assignment.strategy",
    "group.protocol.type",
)

# Settings of the connection, which an admin client and a producer share.
_CONNECTION: Final = (
    "bootstrap.servers",
    "client.",
    "security.",
    "ssl.",
    "sasl.",
    "socket.",
    "broker.address.",
    "reconnect.",
    "enable.ssl.",
    "enable.sasl.",
    "https.",
    "api.version.",
    "broker.version.",
    "log_level",
    "debug",
)

_SECRET: Final = (
    "password",
    "secret",
    "key",
    "token",
    "jaas",
    "credential",
    "sasl.oauthbearer.config",
)

# Memory of the prefetch queue: 32 MiB of messages, plus the answers on the way, at
# most 16 MiB from each broker, compressed. A sink's budget counts the queue twice.
_QUEUE: Final[Mapping[str, Setting]] = {
    "queued.max.messages.kbytes": 32 * 1024,
    "queued.min.messages": 100_000,
    "fetch.max.bytes": 16 * 1024 * 1024,
    # A full queue is looked at again after 10 ms; the client's 1 s starves the reader.
    "fetch.queue.backoff.ms": 10,
    # A fetch that waits for data delays the start of the broker's other partitions.
    "fetch.wait.max.ms": 100,
}


def milliseconds(value: timedelta, name: str) -> int:
    """Return a positive duration in whole milliseconds."""
    ms = round(value.total_seconds() * 1000)
    if ms < 1:
        raise ConfigurationError(f"{name} must be at least a millisecond: {value}")
    return ms


def is_secret(key: str) -> bool:
    """Whether a setting's value must not be shown."""
    return any(word in key.lower() for word in _SECRET)


def redacted(config: Mapping[str, object]) -> Mapping[str, str]:
    """Return the settings as text, secrets as `***` and callbacks left out."""
    return {
        key: "***" if is_secret(key) else str(value)
        for key, value in sorted(config.items())
        if not callable(value)
    }


def without_secrets(text: str, config: Mapping[str, object]) -> str:
    """Return a client's message with every secret value of `config` blotted out."""
    for key, value in config.items():
        if is_secret(key) and str(value):
            text = text.replace(str(value), "***")
    return text


def connection_settings(config: Mapping[str, Setting]) -> dict[str, Setting]:
    """Return what an admin client or a second consumer needs to reach the brokers."""
    return {key: value for key, value in config.items() if key.startswith(_CONNECTION)}


def topic_names(topics: Iterable[object]) -> tuple[str, ...]:
    """Return the names, each once. Raises `ConfigurationError` for what is no name."""
    if isinstance(topics, str):
        raise ConfigurationError(f"topics must be a list of names: [{topics!r}]")
    given = tuple(dict.fromkeys(topics))
    names = tuple(topic for topic in given if isinstance(topic, str) and topic)
    if not names or names != given:
        raise ConfigurationError(f"topics must be names, one or more: {list(given)!r}")
    return names


def check(
    config: Mapping[str, Setting],
    *,
    owned: Mapping[str, str],
    refused: Mapping[str, str],
) -> None:
    """Refuse what must not be set here. Raises `ConfigurationError` with the reason.

    `owned` are properties that arguments give: repeating the same value is harmless.
    """
    for key, value in config.items():
        if key in refused:
            raise ConfigurationError(f"{key} cannot be set: {refused[key]}")
        if callable(value):
            raise ConfigurationError(f"{key} cannot be set: {_CALLBACK}")
        name = "bootstrap.servers" if key == "metadata.broker.list" else key
        if name in owned and str(value) != owned[name]:
            raise ConfigurationError(
                f"{key} contradicts the argument {owned[name]!r}; leave it out"
            )


def consumer_settings(
    config: Mapping[str, Setting],
    *,
    bootstrap: str,
    group: str,
    protocol: Protocol,
    max_poll_interval: timedelta,
    session_timeout: timedelta | None,
) -> dict[str, Setting]:
    """Return the consumer's properties. Raises `ConfigurationError` with the reason."""
    owned = {"bootstrap.servers": bootstrap, "group.id": group}
    check(config, owned=owned, refused=REFUSED)
    settings: dict[str, Setting] = {
        "client.id": "winestream",
        # It writes 20 lines a second on stderr while no broker answers. What they say
        # comes with the errors that `poll` raises.
        "log_level": 2,
        "allow.auto.create.topics": False,
        # New topics and partitions are noticed within half a minute.
        "topic.metadata.refresh.interval.ms": 30_000,
        **_QUEUE,
        **_membership(config, protocol, session_timeout),
        **{k: v for k, v in config.items() if k != "metadata.broker.list"},
        **owned,
        "max.poll.interval.ms": milliseconds(max_poll_interval, "max_poll_interval"),
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "auto.offset.reset": "error",
        "enable.partition.eof": False,
    }
    session = str(settings.get("session.timeout.ms", 0))
    if session.isdecimal() and int(session) > int(settings["max.poll.interval.ms"]):
        raise ConfigurationError("max_poll_interval must not be below session_timeout")
    return settings


def _membership(
    config: Mapping[str, Setting],
    protocol: Protocol,
    session_timeout: timedelta | None,
) -> dict[str, Setting]:
    if protocol == "consumer":
        for key in _REFUSED_BY_CONSUMER_PROTOCOL:
            if key in config:
                raise ConfigurationError(
                    f'{key} cannot be set with protocol="consumer": the broker decides'
                )
        if session_timeout is not None:
            raise ConfigurationError(
                'session_timeout cannot be set with protocol="consumer": set the '
                "broker's group.consumer.session.timeout.ms"
            )
        return {"group.protocol": "consumer"}
    if protocol != "classic":
        raise ConfigurationError(
            f'protocol must be "classic" or "consumer", not {protocol!r}'
        )
    strategy = str(config.get("partition.assignment.strategy", "cooperative-sticky"))
    if strategy != "cooperative-sticky":
        raise ConfigurationError(
            f"partition.assignment.strategy={strategy} cannot be used: an eager "
            "strategy takes every partition away at each rebalance; use "
            "cooperative-sticky"
        )
    membership: dict[str, Setting] = {"partition.assignment.strategy": strategy}
    if session_timeout is not None:
        if "session.timeout.ms" in config:
            raise ConfigurationError(
                "session.timeout.ms is given twice; keep the argument session_timeout"
            )
        session = milliseconds(session_timeout, "session_timeout")
        # Three heartbeats a session, at least every 3 s as the client's default.
        membership["session.timeout.ms"] = session
        membership["heartbeat.interval.ms"] = max(1, min(3_000, session // 3))
    return membership
