import json
from datetime import timedelta

import pytest

from full_stack.consumer import settings
from winestream.errors import ConfigurationError

EMBEDDED = json.dumps(
    {
        "account": "local",
        "user": "winestream",
        "password": "local-canary",
        "host": "127.0.0.1",
        "port": 8084,
        "protocol": "http",
        "session_parameters": {"CLIENT_TELEMETRY_ENABLED": False},
        "enable_server_session_keep_alive_auto_detection": False,
    }
)
BROKER = {"WINESTREAM_BOOTSTRAP": "redpanda:9092"}
HERE = BROKER | {"WINESTREAM_EMBEDDED_WAREHOUSE": EMBEDDED}
ACCOUNT = BROKER | {
    "WINESTREAM_SNOWFLAKE_ACCOUNT": "myorg-myaccount",
    "WINESTREAM_SNOWFLAKE_USER": "LOADER",
    "WINESTREAM_SNOWFLAKE_PASSWORD": "hunter2",
    "WINESTREAM_SNOWFLAKE_ROLE": "",
}


def test_the_demos_policy_is_the_sources() -> None:
    """100 rows or 3 seconds, 3 retries, both tables, and a new log stops it."""
    made = settings(HERE)
    assert (made.batch.max_rows, made.batch.linger) == (100, timedelta(seconds=3))
    assert made.retry.quick_retries == 3
    assert made.topics == ("wine.orders", "wine.inventory")
    assert set(made.routes.values()) == {"RAW_ORDERS", "RAW_INVENTORY"}
    assert made.safety.on_new_log == "stop"
    assert (made.http.address, made.http.port) == ("127.0.0.1", 8000)


def test_the_embedded_warehouse_signs_in_as_it_says() -> None:
    """Its arguments arrive whole, and beat those of an account."""
    made = settings(ACCOUNT | HERE).snowflake
    assert (made.account, made.host, made.port) == ("local", "127.0.0.1", 8084)
    assert made.password == "local-canary"  # noqa: S105 — an example
    assert made.database == "WINESTREAM"
    assert "session_parameters" not in made.options
    assert made.sign_in()["enable_server_session_keep_alive_auto_detection"] is False


def test_an_account_signs_in_by_its_variables() -> None:
    """As compose passes them on: an empty role is none."""
    made = settings(ACCOUNT).snowflake
    assert (made.account, made.user, made.role) == ("myorg-myaccount", "LOADER", None)


def test_any_setting_can_be_told() -> None:
    """By the demo's short names, and by the library's own."""
    told = {
        "WINESTREAM_METRICS_ADDRESS": "0.0.0.0",  # noqa: S104 — as in a container
        "WINESTREAM_METRICS_PORT": "8100",
        "WINESTREAM_ON_NEW_LOG": "start",
        "WINESTREAM_BATCH__MAX_ROWS": "7",
        "WINESTREAM_INSERT_BELOW": "50",
    }
    made = settings(HERE | told)
    assert (made.http.address, made.http.port) == ("0.0.0.0", 8100)  # noqa: S104
    assert made.safety.on_new_log == "start"
    assert (made.batch.max_rows, made.insert_below) == (7, 50)


def test_other_programs_variables_do_not_matter() -> None:
    """The demo's prefix is shared; a misspelt setting of a section is refused."""
    settings(HERE | {"WINESTREAM_PROMETHEUS_URL": "http://prometheus:9090"})
    with pytest.raises(ConfigurationError, match="WINESTREAM_BATCH__MAX_ROWS"):
        settings(HERE | {"WINESTREAM_BATCH__MAX_ROW": "7"})


def test_without_a_broker_it_says_what_to_set() -> None:
    """The one thing that the demo cannot know."""
    with pytest.raises(ConfigurationError, match="WINESTREAM_BOOTSTRAP"):
        settings({"WINESTREAM_EMBEDDED_WAREHOUSE": EMBEDDED})
