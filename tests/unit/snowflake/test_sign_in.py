"""`ConnectionSettings`: exactly one way to sign in, as the connector takes it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import snowflake.connector
from snowflake.connector.errors import Error

from winestream.errors import ConfigurationError
from winestream.operations.settings import from_environment, resolve
from winestream.snowflake import ConnectionSettings
from winestream.snowflake.settings import METHODS, connector_major

WHO: dict[str, Any] = {"account": "acc", "user": "loader", "database": "WINE"}
SECRET = "hunter2-canary"  # noqa: S105 — an example


def _sign_in(settings: ConnectionSettings) -> None:
    """Sign in as a session does, with the genuine connector."""
    try:
        snowflake.connector.connect(
            **settings.sign_in(),
            **settings.time_limits(connector_major()),
            session_parameters=settings.session_parameters("test"),
            autocommit=False,
            paramstyle="qmark",
        ).close()
    except Error as error:  # pragma: no cover — shown when the endpoint is wrong
        pytest.fail(str(error))


def _here(port: int) -> dict[str, Any]:
    return WHO | {"host": "127.0.0.1", "port": port, "protocol": "http"}


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SNOWFLAKE_DISABLE_PLATFORM_DETECTION", "true")


def test_each_method_reaches_the_server_as_itself(
    logins: Any, pem: str, tmp_path: Path
) -> None:
    """Password, token and key pair: the login request says which, with its secret."""
    place = _here(logins.port)
    file = tmp_path / "secret"
    file.write_text(SECRET + "\n")
    for settings in (
        ConnectionSettings(**place, password=SECRET),
        ConnectionSettings(**place, password_file=file),
        ConnectionSettings(**place, token=SECRET),
        ConnectionSettings(**place, token_file=file),
        ConnectionSettings(**place, private_key=pem.replace("\n", "\\n")),
    ):
        _sign_in(settings)
    sent = [data for _, _, data in logins.seen]
    assert [data.get("PASSWORD") for data in sent] == [SECRET, SECRET, None, None, None]
    assert [data.get("AUTHENTICATOR", "").upper() for data in sent][2:] == [
        "OAUTH",
        "OAUTH",
        "SNOWFLAKE_JWT",
    ]
    assert [data["TOKEN"] for data in sent[2:4]] == [SECRET, SECRET]
    assert sent[4]["TOKEN"].count(".") == 2
    assert {data["LOGIN_NAME"] for data in sent} == {"loader"}


def test_an_entry_of_connections_toml_is_used_by_name(
    logins: Any, tmp_path: Path
) -> None:
    """The entry says where and how; what is given beside it overrides the entry."""
    file = tmp_path / "connections.toml"
    file.write_text(
        f'[prod]\naccount = "acc"\nuser = "other"\npassword = "{SECRET}"\n'
        f'host = "127.0.0.1"\nport = {logins.port}\nprotocol = "http"\n'
    )
    file.chmod(0o600)
    _sign_in(
        ConnectionSettings(connection_name="prod", connections_file=file, user="loader")
    )
    _, _, data = logins.seen[0]
    assert (data["LOGIN_NAME"], data["PASSWORD"]) == ("loader", SECRET)


def test_a_proxy_is_asked_for_the_private_link_host(logins: Any) -> None:
    """The proxy gets the whole address and its own password."""
    _sign_in(
        ConnectionSettings(
            **WHO,
            password="local",  # noqa: S106 — an example
            host="acc.privatelink.snowflakecomputing.com",
            port=80,
            protocol="http",
            proxy_host="127.0.0.1",
            proxy_port=logins.port,
            proxy_user="out",
            proxy_password="pp",  # noqa: S106 — an example
        )
    )
    path, authorization, _ = logins.seen[0]
    assert path.startswith("http://acc.privatelink.snowflakecomputing.com")
    assert authorization == "Basic b3V0OnBw"


@pytest.mark.parametrize("written", [lambda p: p, lambda p: p.replace("\n", "\\n")])
def test_a_key_comes_in_an_environment_variable(
    written: Callable[[str], str], locked_pem: str, der: bytes, tmp_path: Path
) -> None:
    """With or without its line breaks; the passphrase beside it or in a file."""
    (tmp_path / "passphrase").write_text("open sesame\n")
    base = {f"WINESTREAM_SNOWFLAKE_{k.upper()}": v for k, v in WHO.items()}
    base["WINESTREAM_SNOWFLAKE_PRIVATE_KEY"] = written(locked_pem)
    phrase = "WINESTREAM_SNOWFLAKE_PRIVATE_KEY_PASSPHRASE"
    beside = {phrase: "open sesame"}
    in_file = {f"{phrase}_FILE": str(tmp_path / "passphrase")}
    for more in (beside, in_file):
        entries = from_environment(base | more)
        settings = resolve(ConnectionSettings, entries, under=("snowflake",)).require()
        assert settings.sign_in()["private_key"] == der
    problems = resolve(
        ConnectionSettings, from_environment(base), under=("snowflake",)
    ).problems
    assert problems[0].startswith("WINESTREAM_SNOWFLAKE_PRIVATE_KEY: private_key is en")


def test_a_renewed_secret_is_taken_up(tmp_path: Path) -> None:
    """Tokens and keys are read again at each sign-in: they are rotated in place."""
    file = tmp_path / "token"
    file.write_text("first")
    settings = ConnectionSettings(**WHO, token_file=file)
    assert settings.sign_in()["token"] == "first"  # noqa: S105 — an example
    file.write_text("second")
    assert settings.sign_in()["token"] == "second"  # noqa: S105 — an example


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({}, "say where to sign in: connection_name, or account and user"),
        (WHO, f"exactly one of {', '.join(METHODS)}"),
        (WHO, "no flags but variables, WINESTREAM_SNOWFLAKE_PASSWORD"),
        ({"account": "a", "user": "u", "password": "p"}, "database is missing"),
        (WHO | {"password": "p", "token": "t"}, "token and password are 2 ways"),
        (WHO | {"connection_name": "x", "password": "p"}, "are 2 ways to sign in"),
        (WHO | {"connections_file": Path("x"), "password": "p"}, "which of its entr"),
        (WHO | {"password": "p", "private_key_passphrase": "x"}, "belongs to a key"),
        (WHO | {"password_file": Path("/nowhere/s")}, "password_file /nowhere/s: No"),
        (WHO | {"private_key_file": Path("/nowhere/k")}, "k does not exist"),
        (WHO | {"password": "p", "proxy_host": "h"}, "go together"),
        (WHO | {"password": "p", "proxy_user": "u"}, "proxy_user needs proxy_host"),
        (
            WHO
            | {"password": "p", "proxy_host": "h", "proxy_port": 1}
            | {"proxy_password": "p"},
            "proxy_password needs proxy_user",
        ),
    ],
)
def test_what_contradicts_is_refused_at_construction(
    given: dict[str, Any], says: str
) -> None:
    """Not at the first sign-in, which may be in the middle of a takeover."""
    with pytest.raises(ConfigurationError, match=says):
        ConnectionSettings(**given)


def test_no_secret_shows(pem: str, tmp_path: Path) -> None:
    """Neither in a repr nor in an error about an empty or unreadable file."""
    settings = ConnectionSettings(
        **WHO,
        password=SECRET,
        proxy_host="h",
        proxy_port=1,
        proxy_user="u",
        proxy_password=SECRET,
    )
    keyed = ConnectionSettings(**WHO, private_key=pem)
    assert SECRET not in repr(settings)
    assert pem[40:60] not in repr(keyed)
    assert (settings.method, keyed.method) == ("password", "private_key")
    empty = tmp_path / "empty"
    empty.touch()
    with pytest.raises(ConfigurationError, match="empty is empty"):
        ConnectionSettings(**WHO, token_file=empty)
    empty.write_bytes(b"\xff\xff")
    with pytest.raises(ConfigurationError, match="empty is no text"):
        ConnectionSettings(**WHO, token_file=empty)
