"""How to sign in: secrets, keys, limits."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from winestream.errors import ConfigurationError, RetryableWriteError
from winestream.snowflake import ConnectionSettings
from winestream.snowflake.session import Session

PASSWORD, PHRASE = "hunter2", "open sesame"
WHO = {"account": "acme", "user": "loader", "database": "WINE"}


def _settings(**changes: Any) -> ConnectionSettings:
    return ConnectionSettings(**{**WHO, "password": PASSWORD, **changes})


@pytest.fixture
def key_file(tmp_path: Path, locked_pem: str) -> Path:
    """Return a file with a private key, encrypted with `PHRASE`."""
    path = tmp_path / "rsa_key.p8"
    path.write_text(locked_pem)
    return path


def test_a_repr_shows_no_secret(key_file: Path) -> None:
    """Password, passphrase and whatever else is passed on stay out of it."""
    shown = [
        repr(_settings(options={"token": "s3cret-token"})),
        repr(
            _settings(
                password=None, private_key_file=key_file, private_key_passphrase=PHRASE
            )
        ),
    ]
    for secret in (PASSWORD, "s3cret", PHRASE):
        assert all(secret not in text for text in shown)
    assert "loader" in shown[0]


@pytest.mark.parametrize("key", [True, False])
def test_exactly_one_way_to_sign_in(key_file: Path, *, key: bool) -> None:
    """Both and neither are refused, and the message names both settings."""
    given = {"private_key_file": key_file} if key else {"password": None}
    with pytest.raises(ConfigurationError, match=r"private_key_file.*password"):
        _settings(**given)


def test_a_key_file_must_exist(tmp_path: Path) -> None:
    """A wrong path is found before anything is connected."""
    with pytest.raises(ConfigurationError, match=r"missing\.p8 does not exist"):
        _settings(password=None, private_key_file=tmp_path / "missing.p8")


@pytest.mark.parametrize("name", ["private_key_file", "password_file", "token_file"])
def test_a_path_may_be_a_string(name: str, tmp_path: Path) -> None:
    """As anybody writes it first; a file that is not there is named all the same."""
    with pytest.raises(ConfigurationError, match=rf"{name} /nope/file[ :]"):
        _settings(**{"password": None, name: "/nope/file"})
    file = tmp_path / "secret"
    file.write_text("sesame")
    given = _settings(password=None, password_file=str(file))
    assert given == _settings(password=None, password_file=file)
    assert given.sign_in()["password"] == "sesame"  # noqa: S105 — an example


def test_the_place_names_who_and_where_and_no_secret() -> None:
    """What the error of a sign-in says about it."""
    assert _settings().place == "loader to acme"
    near = _settings(host="127.0.0.1", port=8080)
    assert near.place == "loader to acme at 127.0.0.1:8080"
    out = _settings(
        host="acme.example",
        proxy_host="px",
        proxy_port=3128,
        proxy_user="u",
        proxy_password=PHRASE,
    )
    assert out.place == "loader to acme at acme.example through the proxy px:3128"
    by_name = ConnectionSettings(connection_name="prod")
    assert by_name.place == "connection prod"


def test_a_sign_in_that_fails_names_the_place() -> None:
    """Nobody listens there; the password stays out of it."""
    near = _settings(
        host="127.0.0.1", port=9, protocol="http", login_timeout=timedelta(seconds=1)
    )
    with pytest.raises(
        RetryableWriteError, match=r"sign in as loader to acme at 127\.0\.0\.1:9: "
    ) as caught:
        Session.open(near, "wine", "me")
    assert PASSWORD not in str(caught.value)


def test_a_key_pair_is_handed_to_the_connector(key_file: Path, der: bytes) -> None:
    """The key arrives decrypted, the same way for every connector; no password."""
    arguments = _settings(
        password=None, private_key_file=key_file, private_key_passphrase=PHRASE
    ).sign_in()
    assert arguments["private_key"] == der
    assert PHRASE not in map(str, arguments.values())
    assert arguments["authenticator"] == "SNOWFLAKE_JWT"
    assert "password" not in arguments


def test_only_what_was_given_is_handed_on() -> None:
    """The connector decides about the rest; options have the last word."""
    given = _settings().sign_in()
    # Connector 5 warns until it is told.
    assert not given.pop("enable_server_session_keep_alive_auto_detection", False)
    assert given == {
        "account": "acme",
        "user": "loader",
        "database": "WINE",
        "password": PASSWORD,
    }
    options = {"proxy_host": "proxy", "protocol": "http"}
    assert _settings(options=options).sign_in().items() >= options.items()


@pytest.mark.parametrize("major", [4, 5, 6])
def test_every_wait_of_the_connector_is_bounded(major: int) -> None:
    """Its own defaults would let one hung answer cost minutes."""
    limits = _settings(
        login_timeout=timedelta(seconds=7), request_timeout=timedelta(milliseconds=10)
    ).time_limits(major)
    names = {
        4: {"login_timeout", "network_timeout", "socket_timeout"},
        5: {"login_timeout", "query_timeout", "retry_timeout", "request_timeout"},
    }[min(major, 5)]
    assert limits == dict.fromkeys(names, 1) | {"login_timeout": 7}


def test_a_session_keeps_the_protocols_rules() -> None:
    """UTC, abort on error, limits for locks and statements, and no DDL by binding."""
    settings = _settings(lock_timeout=timedelta(seconds=15))
    parameters = settings.session_parameters("tag")
    assert (
        parameters.items()
        >= {
            "TIMEZONE": "UTC",
            "TRANSACTION_ABORT_ON_ERROR": True,
            "LOCK_TIMEOUT": 15,
            "STATEMENT_TIMEOUT_IN_SECONDS": 100,
            "ABORT_DETACHED_QUERY": True,
            "QUERY_TAG": "tag",
            "CLIENT_STAGE_ARRAY_BINDING_THRESHOLD": 0,
        }.items()
    )
    parameters["AUTOCOMMIT"] = True  # as the connector does with what it is given
    assert "AUTOCOMMIT" not in settings.session_parameters("tag")


def test_settings_of_a_connectors_arguments() -> None:
    """Known names become settings, session parameters ours, the rest options."""
    given = {
        "account": "local",
        "user": "winestream",
        "password": PASSWORD,
        "host": "127.0.0.1",
        "port": 8080,
        "protocol": "http",
        "database": "ELSEWHERE",
        "schema": "PUBLIC",
        "session_parameters": {"AUTOCOMMIT": True},
        "ocsp_fail_open": True,
    }
    settings = ConnectionSettings.of(given, database="WINE")
    assert settings == ConnectionSettings(
        account="local",
        user="winestream",
        password=PASSWORD,
        host="127.0.0.1",
        port=8080,
        protocol="http",
        database="WINE",
        options={"ocsp_fail_open": True},
    )
