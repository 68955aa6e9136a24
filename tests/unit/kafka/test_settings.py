from datetime import timedelta
from typing import Any

import pytest

from winestream.errors import ConfigurationError, SourceError
from winestream.kafka import EventProducer, KafkaSource
from winestream.kafka.settings import REFUSED, connection_settings, without_secrets


def _source(**settings: Any) -> KafkaSource:
    return KafkaSource(
        **{"topics": ["t"], "group": "g", "bootstrap": "b:9092"} | settings
    )


@pytest.mark.parametrize("key", sorted(REFUSED))
def test_refused(key: str) -> None:
    """A property that winestream must own is refused by name, with its reason."""
    with pytest.raises(ConfigurationError) as refused:
        _source(config={key: "x"})
    assert str(refused.value) == f"{key} cannot be set: {REFUSED[key]}"


def test_callables_are_refused() -> None:
    """No callback gets into the client, whatever it is called."""
    with pytest.raises(ConfigurationError, match="destroys messages"):
        _source(config={"some_cb": print})


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("group.id", "other"),
        ("bootstrap.servers", "c:9092"),
        ("metadata.broker.list", "c:9092"),
    ],
)
def test_contradictions(key: str, value: str) -> None:
    """A property that contradicts an argument is refused; repeating it is not."""
    with pytest.raises(ConfigurationError, match=key):
        _source(config={key: value})
    same = {"group.id": "g"}.get(key, "b:9092")
    assert _source(config={key: same}).settings["group.id"] == "g"


@pytest.mark.parametrize(
    "strategy", ["range", "roundrobin", "cooperative-sticky,range"]
)
def test_eager_strategies(strategy: str) -> None:
    """Only cooperative-sticky keeps what a rebalance does not move."""
    with pytest.raises(ConfigurationError, match="eager"):
        _source(config={"partition.assignment.strategy": strategy})


def test_classic() -> None:
    """The classic protocol is cooperative and takes the session timeout."""
    settings = _source(
        session_timeout=timedelta(seconds=6), max_poll_interval=timedelta(minutes=2)
    ).settings
    assert settings["partition.assignment.strategy"] == "cooperative-sticky"
    assert settings["session.timeout.ms"] == "6000"
    assert settings["heartbeat.interval.ms"] == "2000"
    assert settings["max.poll.interval.ms"] == "120000"
    assert settings["auto.offset.reset"] == "error"
    assert settings["enable.auto.commit"] == "False"
    assert settings["enable.auto.offset.store"] == "False"
    assert settings["enable.partition.eof"] == "False"
    assert settings["fetch.queue.backoff.ms"] == "10"


def test_consumer_protocol() -> None:
    """The broker's protocol takes no client-side session or strategy."""
    settings = _source(protocol="consumer").settings
    assert settings["group.protocol"] == "consumer"
    assert "session.timeout.ms" not in settings
    assert "partition.assignment.strategy" not in settings
    with pytest.raises(ConfigurationError, match=r"group\.consumer\.session"):
        _source(protocol="consumer", session_timeout=timedelta(seconds=6))
    for key in (
        "session.timeout.ms",
        "heartbeat.interval.ms",
        "partition.assignment.strategy",
    ):
        with pytest.raises(ConfigurationError, match="the broker decides"):
            _source(protocol="consumer", config={key: 1})


@pytest.mark.parametrize(
    "settings",
    [
        {"topics": "orders"},
        {"topics": []},
        {"group": ""},
        {"bootstrap": ""},
        {"start": "newest"},
        {"protocol": "share"},
        {"max_poll_interval": timedelta(0)},
        {
            "max_poll_interval": timedelta(seconds=5),
            "session_timeout": timedelta(seconds=6),
        },
        {
            "config": {"session.timeout.ms": 6000},
            "session_timeout": timedelta(seconds=6),
        },
        {"topics": [""]},
        {"topics": [7]},
        {"topics": b"corks"},
    ],
    ids=str,
)
def test_nonsense(settings: dict[str, Any]) -> None:
    """Arguments that mean nothing are refused when the source is made."""
    with pytest.raises(ConfigurationError):
        _source(**settings)


def test_a_topic_that_the_client_refuses() -> None:
    """A broken pattern shows when it is subscribed to, and no client stays behind."""
    source = _source(topics=["^[corks"])
    with pytest.raises(ConfigurationError, match=r"\^\[corks"):
        source.open(lambda _: None)
    with pytest.raises(SourceError, match="not open"):
        source.commit({}, wait=True)


def test_a_second_open() -> None:
    """It would leave the first client behind, a member of the group."""
    source = _source()
    source.open(lambda _: None)
    try:
        with pytest.raises(ConfigurationError, match="opened once"):
            source.open(lambda _: None)
    finally:
        source.close()


def test_what_leads_to_the_brokers_is_for_every_client() -> None:
    """Who asks for a topic's identity connects as the reader does."""
    leading = {
        "bootstrap.servers": "b:9092",
        "security.protocol": "SASL_SSL",
        "ssl.ca.location": "ca.pem",
        "https.ca.location": "token-ca.pem",
        "sasl.oauthbearer.method": "oidc",
        "client.dns.lookup": "use_all_dns_ips",
    }
    rest = {"group.id": "g", "max.poll.interval.ms": 6000}
    assert connection_settings(leading | rest) == leading


def test_secrets() -> None:
    """No secret shows in the representation, in the settings or in an error."""
    secrets = {
        "sasl.password": "geheim-1",
        "ssl.key.password": "geheim-2",
        "ssl.key.pem": "geheim-3",
        "sasl.oauthbearer.client.secret": "geheim-4",
        "sasl.oauthbearer.config": "geheim-5",
        "sasl.jaas.config": "geheim-6",
    }
    config = secrets | {"sasl.username": "albert"}
    made = _source(config=config)
    assert "geheim" not in repr(made)
    assert "geheim" not in str(made.settings)
    assert made.settings["sasl.username"] == "albert"
    assert {made.settings[key] for key in secrets} == {"***"}
    assert without_secrets("bad: geheim-1", config) == "bad: ***"
    with pytest.raises(ConfigurationError) as refused:  # no such property
        made.open(lambda _: None)
    assert "geheim" not in str(refused.value)


@pytest.mark.parametrize(
    "key",
    ["enable.idempotence", "acks", "partitioner", "transactional.id", "linger.ms"],
)
def test_producer_refuses(key: str) -> None:
    """What order and counting stand on cannot be switched off."""
    with pytest.raises(ConfigurationError, match=key):
        EventProducer("b:9092", None, config={key: "x"})  # type: ignore[arg-type]


def test_producer_linger() -> None:
    """Batches of one message are refused by their cause."""
    with pytest.raises(ConfigurationError, match="at least 5 ms"):
        EventProducer("b:9092", None, linger=timedelta(milliseconds=1))  # type: ignore[arg-type]
