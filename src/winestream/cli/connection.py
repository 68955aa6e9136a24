"""The flags by which commands sign in to Snowflake, or to the embedded warehouse.

What they mean is `ConnectionSettings`' business, for a consumer as for these commands.
"""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import attrs
from cyclopts import Parameter

from winestream.errors import ConfigurationError

if TYPE_CHECKING:
    from snowflake.connector import SnowflakeConnection

    from winestream.snowflake import ConnectionSettings

_SECTION = "snowflake"


def _env(name: str) -> Parameter:
    return Parameter(env_var=f"WINESTREAM_SNOWFLAKE_{name}")


@Parameter(name="*")
@attrs.frozen(kw_only=True)
class ConnectionOptions:
    """How to sign in: the [snowflake] section of --config, environment, then flags.

    Every setting of the section may be a variable, WINESTREAM_SNOWFLAKE_… (USER,
    PRIVATE_KEY, TOKEN, PROXY_HOST and so on). Secrets are never flags: give
    WINESTREAM_SNOWFLAKE_PASSWORD, _PRIVATE_KEY, _PRIVATE_KEY_PASSPHRASE or _TOKEN, or
    a file.

    Parameters
    ----------
    database
        The database to work in; it must exist.
    connection_name
        A connection of Snowflake's connections.toml; other options override it.
    account
        The account identifier.
    user
        The user to sign in as.
    role
        The role to use; the user's default otherwise.
    warehouse
        The virtual warehouse to use; the user's default otherwise.
    private_key_file
        An RSA private key, PEM or DER, for a service user.
    password_file
        A file with the password, instead of the environment variable.
    token_file
        A file with an OAuth token.
    host
        The host to connect to instead of the account's: private link, or 127.0.0.1.
    port
        The port of --host.
    protocol
        http for the embedded warehouse.
    config
        A TOML file with settings.
    """

    database: Annotated[str | None, _env("DATABASE")] = None
    connection_name: str | None = None
    account: str | None = None
    user: str | None = None
    role: str | None = None
    warehouse: str | None = None
    private_key_file: Path | None = None
    password_file: Path | None = None
    token_file: Path | None = None
    host: str | None = None
    port: int | None = None
    protocol: str | None = None
    config: Annotated[Path | None, Parameter(env_var="WINESTREAM_CONFIG")] = None

    def settings(self) -> "ConnectionSettings":
        """Return the sign-in. Raises `ConfigurationError` with every problem."""
        # Not at the top: loads the connector, and --help must not.
        from winestream.operations.settings import (  # noqa: PLC0415
            from_environment,
            from_flag,
            from_toml,
            resolve,
        )
        from winestream.snowflake import ConnectionSettings  # noqa: PLC0415

        entries = list(from_toml(self.config)) if self.config else []
        entries += from_environment(os.environ)
        for field in attrs.fields(ConnectionOptions):
            value = getattr(self, field.name)
            if value is not None and field.name != "config":
                flag = "--" + field.name.replace("_", "-")
                key = f"{_SECTION}.{field.name}"
                entries.append(from_flag(key, _plain(value), flag))
        return resolve(ConnectionSettings, entries, under=(_SECTION,)).require()

    def arguments(self) -> dict[str, Any]:
        """Return the arguments of `snowflake.connector.connect`, a fresh dict.

        Each statement commits by itself; a session is in UTC. Raises
        `ConfigurationError`.
        """
        from winestream.snowflake.settings import connector_major  # noqa: PLC0415

        settings = self.settings()
        return {
            **settings.sign_in(),
            **settings.time_limits(connector_major()),
            "autocommit": True,
            "session_parameters": {
                "TIMEZONE": "UTC",
                "QUERY_TAG": "winestream",
                "CLIENT_TELEMETRY_ENABLED": False,
            },
        }

    def connect(self) -> "SnowflakeConnection":
        """Sign in. Raises `ConfigurationError` with the connector's reason."""
        import snowflake.connector  # noqa: PLC0415 — slow, and not for --help

        from winestream.snowflake.session import hush_connector  # noqa: PLC0415

        arguments = self.arguments()
        hush_connector()
        try:
            return snowflake.connector.connect(**arguments)
        except snowflake.connector.Error as error:
            raise ConfigurationError(f"cannot sign in: {error}") from error


def _plain(value: object) -> object:
    return str(value) if isinstance(value, Path) else value


DEFAULTS = ConnectionOptions()
"""For a command's signature: everything may come from elsewhere."""
