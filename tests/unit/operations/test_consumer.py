"""A consumer from settings: what probes get, and what a supervisor is told."""

import json
import threading
from collections.abc import Iterator
from typing import Any

import attrs
import pytest

from winestream import telemetry as tell
from winestream.cli.run import exit_code
from winestream.errors import (
    AbandonedError,
    ConfigurationError,
    FatalSourceError,
    FatalWriteError,
    NewLogError,
    RetentionLossError,
    RetryableWriteError,
    SourceError,
    WinestreamError,
)
from winestream.operations.consumer import (
    Consumer,
    Status,
    check_kafka_options,
    wrong_parts,
)
from winestream.operations.settings import (
    ConsumerSettings,
    from_environment,
    resolve,
)
from winestream.records import LogPartition
from winestream.sink import PartitionStatus, Snapshot
from winestream.testing import FakeClock

SETTINGS = {
    "WINESTREAM_PIPELINE": "corks",
    "WINESTREAM_TOPICS": "wine.orders",
    "WINESTREAM_GROUP": "g",
    "WINESTREAM_BOOTSTRAP": "127.0.0.1:9",
    "WINESTREAM_ROUTES": "winestream.events:OrderCreated=RAW_ORDERS",
    "WINESTREAM_SNOWFLAKE_CONNECTION_NAME": "prod",
    "WINESTREAM_HTTP__STALLED_AFTER": "2 min",
}
STUCK = Snapshot(
    state="running",
    partitions={
        LogPartition("c", "t", "wine.orders", 0): PartitionStatus(
            claimed=True, read=5, written=5, confirmed=5, epoch=1, unread=3, lag=3
        )
    },
    held_messages=2,
)


def _settings(**more: str) -> ConsumerSettings:
    return resolve(ConsumerSettings, from_environment(SETTINGS | more)).require()


@pytest.fixture
def writer_thread() -> Iterator[None]:
    """Have a thread with the name of the sink's writer thread."""
    end = threading.Event()
    thread = threading.Thread(target=end.wait, name="corks-writer")
    thread.start()
    yield
    end.set()
    thread.join()


def test_the_crossover_reaches_the_writer() -> None:
    """Of five rows three and less go by INSERT, as the settings say."""
    desk: Any = Consumer(_settings(WINESTREAM_INSERT_BELOW="4")).sink._desk
    assert desk._writer._insert_below == 4


def _said(page: Any) -> tuple[int, dict[str, Any]]:
    return int(page.status), json.loads(page.body)


def test_ready_answers_with_reasons_and_partitions() -> None:
    """503 after `stalled_after` without progress; the JSON says where."""
    clock = FakeClock()
    status = Status(_settings(), now=clock)
    code, said = _said(status.ready(STUCK))
    assert (code, said["ok"], said["held_messages"]) == (200, True, 2)
    assert said["partitions"] == {
        "wine.orders[0]": {"claimed": True, "written": 5, "lag": 3}
    }
    clock.advance(120)
    code, said = _said(status.ready(STUCK))
    assert code == 503
    assert said["reasons"] == [
        "no progress for 120 s with messages left: wine.orders[0]"
    ]


def test_health_looks_for_the_writer_thread() -> None:
    """Gone without a word: only a restart helps."""
    code, said = _said(Status(_settings()).health(STUCK))
    assert (code, said["reasons"]) == (503, ["the writer thread is gone"])


@pytest.mark.usefixtures("writer_thread")
def test_health_hears_of_the_readers_turns() -> None:
    """No turn for `max_poll_interval`: the group has given its partitions away."""
    clock = FakeClock()
    status = Status(_settings(), now=clock)
    status.hook(tell.Progress({}, 0, 0, None))
    status.hook(tell.RunsPolled({}))
    clock.advance(299)
    assert _said(status.health(STUCK))[0] == 200
    clock.advance(1)
    assert _said(status.health(STUCK))[0] == 503
    status.hook(tell.Progress({}, 0, 0, None))
    assert _said(status.health(STUCK))[0] == 200


def test_a_consumer_is_wired_without_connecting() -> None:
    """Nothing listens there, and nobody minds before `run`."""
    consumer = Consumer(_settings(WINESTREAM_KAFKA__CLIENT__ID="me"))
    assert consumer.sink.pipeline == "corks"
    assert consumer.sink.snapshot.state == "starting"


def test_kafka_options_are_the_clients_to_judge() -> None:
    """A misspelt one is refused, and no secret is quoted."""
    secret = {"WINESTREAM_KAFKA__SASL__PASSWORD": "hunter2"}
    check_kafka_options(_settings(**secret).kafka, "g")
    bad = _settings(**secret, WINESTREAM_KAFKA__SECRUITY__PROTOCOL="SASL_SSL")
    with pytest.raises(ConfigurationError, match="No such configuration") as caught:
        check_kafka_options(bad.kafka, "g")
    assert "hunter2" not in str(caught.value)


def test_routes_and_kafka_options_are_checked_whatever_else_is_wrong() -> None:
    """Each by what it is made of; one that could not even be read is not judged."""
    wrong = {
        "WINESTREAM_ROUTES": "winestream.events:OrderCreatd=RAW_ORDERS",
        "WINESTREAM_KAFKA__SECRUITY__PROTOCOL": "SASL_SSL",
        "WINESTREAM_BATCH__LINGER": "soon",
        "WINESTREAM_NONSENSE": "1",
    }
    given = {k: v for k, v in SETTINGS.items() if not k.endswith("GROUP")} | wrong
    resolution = resolve(ConsumerSettings, from_environment(given))
    assert len(resolution.problems) == 3  # the group, the linger, the nonsense
    routes, options = wrong_parts(resolution.parsed)
    assert "did you mean OrderCreated?" in routes
    assert "No such configuration property" in options

    unread = given | {
        "WINESTREAM_ROUTES": "winestream.events",
        "WINESTREAM_MAX_POLL_INTERVAL": "soon",
    }
    parsed = resolve(ConsumerSettings, from_environment(unread)).parsed
    assert wrong_parts(parsed) == []


def test_an_option_that_winestream_owns_is_refused_beside_other_problems() -> None:
    """It is the same refusal that a consumer would end with."""
    more = {"WINESTREAM_KAFKA__ENABLE__AUTO__COMMIT": "true", "WINESTREAM_NONSENSE": ""}
    resolution = resolve(ConsumerSettings, from_environment(SETTINGS | more))
    (said,) = wrong_parts(resolution.parsed)
    assert "enable.auto.commit cannot be" in said


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigurationError("x"), 1),
        (FatalWriteError("x"), 2),
        (FatalSourceError("x"), 2),
        (NewLogError([]), 2),
        (RetentionLossError("x"), 2),
        (SourceError("x"), 3),
        (RetryableWriteError("x"), 3),
        (AbandonedError("x"), 3),
    ],
)
def test_the_exit_code_says_whether_a_restart_helps(
    error: WinestreamError, code: int
) -> None:
    """A supervisor restarts on 3, and calls somebody on 2."""
    assert exit_code(error) == code


def test_states_nobody_foresaw_are_shown_as_they_are() -> None:
    """A newer sink may have more of them."""
    strange = attrs.evolve(STUCK, state="resting")
    assert _said(Status(_settings()).ready(strange))[1]["reasons"] == ["resting"]
