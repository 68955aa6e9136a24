"""The sign-in flags: one class with a consumer's, whatever the command."""

import os
from pathlib import Path

import pytest

from winestream.cli.connection import ConnectionOptions
from winestream.errors import ConfigurationError


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take every winestream setting out of the environment."""
    for name in [name for name in os.environ if name.startswith("WINESTREAM_")]:
        monkeypatch.delenv(name)


def test_variables_are_weaker_than_flags(monkeypatch: pytest.MonkeyPatch) -> None:
    """A container needs no flags; a flag wins where both are given."""
    monkeypatch.setenv("WINESTREAM_SNOWFLAKE_ACCOUNT", "acc")
    monkeypatch.setenv("WINESTREAM_SNOWFLAKE_USER", "loader")
    monkeypatch.setenv("WINESTREAM_SNOWFLAKE__PASSWORD", "local")
    monkeypatch.setenv("WINESTREAM_SNOWFLAKE_PORT", "443")
    options = ConnectionOptions(database="WINE", user="deployer")
    arguments = options.arguments()
    wanted = {"account": "acc", "user": "deployer", "password": "local", "port": 443}
    assert wanted.items() <= arguments.items()
    assert arguments["database"] == "WINE"


def test_the_section_of_a_settings_file_is_enough(tmp_path: Path) -> None:
    """The consumer's own file serves the deployer; other sections are not looked at."""
    secret = tmp_path / "secret"
    secret.write_text("local")
    file = tmp_path / "winestream.toml"
    file.write_text(
        'nonsense = 1\n[snowflake]\naccount = "acc"\nuser = "u"\ndatabase = "WINE"\n'
        'password_file = "secret"\nlogin_timeout = "7s"\n'
    )
    arguments = ConnectionOptions(config=file).arguments()
    assert arguments["password"] == "local"  # noqa: S105 — an example
    assert arguments["login_timeout"] == 7


def test_a_named_connection_is_enough() -> None:
    """What connections.toml says is not overridden by options nobody gave."""
    arguments = ConnectionOptions(connection_name="prod").arguments()
    assert arguments["connection_name"] == "prod"
    assert {"account", "user", "host", "password", "protocol"}.isdisjoint(arguments)


def test_every_session_is_in_utc_and_its_own() -> None:
    """The connector changes what it is given, so nothing is shared between calls."""
    options = ConnectionOptions(connection_name="prod")
    options.arguments()["session_parameters"]["AUTOCOMMIT"] = False
    session = options.arguments()["session_parameters"]
    assert session["TIMEZONE"] == "UTC"
    assert "AUTOCOMMIT" not in session


def test_a_misspelt_variable_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A setting that nobody reads would be found out at the worst time."""
    monkeypatch.setenv("WINESTREAM_SNOWFLAKE_PASWORD", "local")
    options = ConnectionOptions(database="WINE", account="a", user="u")
    with pytest.raises(ConfigurationError) as caught:
        options.settings()
    said = str(caught.value)
    assert "WINESTREAM_SNOWFLAKE_PASWORD is no setting" in said
    assert "did you mean WINESTREAM_SNOWFLAKE__PASSWORD" in said
