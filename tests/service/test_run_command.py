"""`winestream run` and `winestream config`, with good settings and with bad ones."""

import importlib
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from cork_project import PASSWORD, Running, forget_project, run, until, write_project

from winestream import Routes
from winestream.cli import config
from winestream.cli.settings import SettingsOptions
from winestream.local import EmbeddedBroker, EmbeddedWarehouse
from winestream.testing.service import ServiceUnderTest

SECRET = "hunter2-canary"  # noqa: S105 — an example


@pytest.fixture
def topic(winestream_service: ServiceUnderTest) -> str:
    """Make a topic of two partitions."""
    return winestream_service.topic("corks", partitions=2)


@pytest.fixture
def file(winestream_service: ServiceUnderTest, topic: str, tmp_path: Path) -> Path:
    """Write a project; return its settings file."""
    return write_project(tmp_path, winestream_service, topic)


@pytest.fixture
def cork(file: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Import the project's event class here as well."""
    forget_project()
    monkeypatch.syspath_prepend(file.parent)
    yield importlib.import_module("cork_service.events").CorkReturned
    forget_project()


def _produce(service: ServiceUnderTest, topic: str, cork: Any, count: int) -> None:
    corks = [cork(cork_id=f"c{n}", deposit=Decimal("0.25")) for n in range(count)]
    service.produce(topic, Routes({cork: "RAW_CORKS"}), corks)


def test_a_consumer_runs_from_settings_alone(
    winestream_service: ServiceUnderTest, topic: str, file: Path, cork: Any
) -> None:
    """It gets ready, lands what comes, shows its metrics and stops on SIGTERM."""
    service = winestream_service
    service.deploy({cork: "RAW_CORKS"})
    count = "SELECT COUNT(*) FROM RAW.CORK_RETURNED WHERE DEPOSIT = 0.25"
    with Running(file.parent, "--config", file.name) as consumer:
        said = consumer.ready()
        assert (said["state"], len(said["partitions"])) == ("running", 2)
        _produce(service, topic, cork, 20)
        until(lambda: service.query(count) == [(20,)], "20 rows")
        series = 'events_processed_total{event_type="CORK_RETURNED"} 20.0'
        until(lambda: series in consumer.page("/metrics")[1], series)
        code, health = consumer.page("/health")
        assert (code, '"ok": true' in health) == (200, True)
        _produce(service, topic, cork, 5)
        assert consumer.stop() == 0
    [settings] = consumer.logged("configuration")
    assert settings["pipeline"] == service.pipeline
    assert consumer.logged("shutdown")
    assert PASSWORD not in "\n".join(consumer.lines)


def test_a_missing_table_is_named_with_the_way_to_it(
    winestream_service: ServiceUnderTest, topic: str, file: Path, cork: Any
) -> None:
    """`deploy` alone does not make the table of a class of the user's own."""
    service = winestream_service
    service.deploy()
    _produce(service, topic, cork, 1)
    with Running(file.parent, "--config", file.name) as consumer:
        assert consumer.wait() == 2
    said = consumer.lines[-1]
    assert "INTO RAW.RAW_CORKS: 002003" in said
    assert "winestream schema ddl" in said


def test_an_outage_is_not_ready_and_a_stop_in_it_says_start_again(
    winestream_broker: EmbeddedBroker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process lives on, healthy; a stop then gives up with exit code 3."""
    with (
        EmbeddedWarehouse.start() as warehouse,
        ServiceUnderTest(winestream_broker, warehouse) as service,
    ):
        topic = service.topic("corks")
        file = write_project(tmp_path, service, topic)
        forget_project()
        monkeypatch.syspath_prepend(tmp_path)
        cork = importlib.import_module("cork_service.events").CorkReturned
        service.deploy({cork: "RAW_CORKS"})
        quick = ["--set", "retry.quick_retries=0", "--set", "stop_within=1s"]
        quick += ["--set", "snowflake.request_timeout=1s"]
        with Running(tmp_path, "--config", file.name, *quick) as consumer:
            consumer.ready()
            warehouse.kill()
            _produce(service, topic, cork, 5)
            said = consumer.ready(ok=False)
            assert said["state"] == "outage"
            assert said["reasons"][0].startswith("outage: the warehouse")
            assert consumer.page("/health")[0] == 200
            assert consumer.stop() == 3
        assert consumer.lines[-1].startswith("winestream: AbandonedError: 5 messages")


def test_what_no_restart_mends_is_exit_code_2(
    winestream_service: ServiceUnderTest, file: Path
) -> None:
    """The tables are not there: the message says which command makes them."""
    winestream_service.query("SELECT 1")  # the database, and nothing in it
    code, _, errors = run(file.parent, "run", "--config", file.name)
    assert code == 2
    last = errors.splitlines()[-1]
    assert last.startswith("winestream: FatalWriteError")
    assert "winestream deploy" in last


def test_a_warehouse_that_does_not_answer_is_exit_code_3(file: Path) -> None:
    """A supervisor starts it again."""
    settings = {
        "WINESTREAM_SNOWFLAKE_PORT": "9",
        "WINESTREAM_SNOWFLAKE_LOGIN_TIMEOUT": "1s",
        "WINESTREAM_SNOWFLAKE_REQUEST_TIMEOUT": "1s",
    }
    code, _, errors = run(file.parent, "run", "--config", file.name, **settings)
    assert (code, "RetryableWriteError: sign in" in errors) == (3, True)


def test_bad_settings_are_exit_code_1_with_every_problem(file: Path) -> None:
    """Before anything is connected; each with its place, none with a secret."""
    code, out, errors = run(
        file.parent,
        *("run", "--config", file.name, "--set", "batch.max_row=5"),
        *("--set", f"snowflake.password={SECRET}"),
        WINESTREAM_BATCH__LINGER="5",
    )
    assert (code, out) == (1, "")
    assert "--set batch.max_row is no setting: did you mean batch.max_rows?" in errors
    assert "--set snowflake.password is a secret" in errors
    assert "WINESTREAM_BATCH__LINGER: '5' is no duration" in errors
    assert SECRET not in errors


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({}, ""),
        ({"route": ["cork_service.events:CorkReturnd=RAW"]}, "mean CorkReturned?"),
        ({"route": ["cork_service.events:CorkReturned=a b"]}, "no table name"),
        ({"set_": ["kafka.enable.auto.commit=true"]}, "enable.auto.commit cannot be"),
        ({"set_": ["kafka.secruity.protocol=x"]}, "No such configuration property"),
        ({"pipeline": "1st"}, "must be a letter followed by"),
        (
            {"set_": ["nonsense=1"], "route": ["cork_service.events:CorkReturnd=RAW"]},
            "mean CorkReturned?",
        ),
    ],
)
@pytest.mark.usefixtures("cork")
def test_check_looks_at_routes_and_kafka_options(
    file: Path, capsys: pytest.CaptureFixture[str], given: Any, says: str
) -> None:
    """What would end a consumer at its start is exit code 1 here, with the reason."""
    options = SettingsOptions(config=file, **given)
    if not says:
        config.run(options, check=True)
        return
    with pytest.raises(SystemExit) as ended:
        config.run(options, check=True)
    assert ended.value.code == 1
    assert says in capsys.readouterr().err


def test_config_shows_where_each_setting_came_from(file: Path) -> None:
    """Effective values, their origins, no secret; problems do not hide the rest."""
    code, out, errors = run(
        file.parent,
        *("config", "--group", "other", "--topic", "a", "--topic", "b"),
        WINESTREAM_CONFIG=file.name,
        WINESTREAM_KAFKA__SASL__PASSWORD=SECRET,
        WINESTREAM_BATCH__LINGER="1s",
        WINESTREAM_NONSENSE="1",
    )
    assert code == 0
    lines = {line.split(" ", 1)[0]: line for line in out.splitlines()}
    assert lines["group"].split() == ["group", "=", "other", "#", "--group"]
    assert "a, b" in lines["topics"]
    assert "# WINESTREAM_BATCH__LINGER" in lines["batch.linger"]
    assert "***" in lines["kafka.sasl.password"]
    assert f"# {file.name}, snowflake.password_file" in lines["snowflake.password_file"]
    assert "# default" in lines["retry.quick_retries"]
    assert "WINESTREAM_NONSENSE is no setting" in errors
    assert SECRET not in out + errors
