"""The options by which commands sign in to Snowflake, or to the embedded warehouse."""

import os
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import attrs
from cyclopts import Parameter

from winestream.errors import ConfigurationError

if TYPE_CHECKING:
    from snowflake.connector import SnowflakeConnection

_PREFIX = "WINESTREAM_SNOWFLAKE_"
_PASSWORD = _PREFIX + "PASSWORD"
_PASSPHRASE = _PREFIX + "PRIVATE_KEY_PASSPHRASE"
_LOGIN_SECONDS = 30


def _env(name: str) -> Parameter:
    return Parameter(env_var=_PREFIX + name)


@Parameter(name="*")
@attrs.frozen(kw_only=True)
class ConnectionOptions:
    """How to sign in.

    Secrets are never options: the password comes from WINESTREAM_SNOWFLAKE_PASSWORD
    or a file, a private key's passphrase from
    WINESTREAM_SNOWFLAKE_PRIVATE_KEY_PASSPHRASE.

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
        A PKCS#8 private key in PEM form, for a service user.
    password_file
        A file with the password, instead of the environment variable.
    host
        The host to connect to instead of the account's, e.g. 127.0.0.1.
    port
        The port of --host.
    protocol
        http for the embedded warehouse.
    """

    database: Annotated[str, _env("DATABASE")]
    connection_name: Annotated[str | None, _env("CONNECTION_NAME")] = None
    account: Annotated[str | None, _env("ACCOUNT")] = None
    user: Annotated[str | None, _env("USER")] = None
    role: Annotated[str | None, _env("ROLE")] = None
    warehouse: Annotated[str | None, _env("WAREHOUSE")] = None
    private_key_file: Annotated[Path | None, _env("PRIVATE_KEY_FILE")] = None
    password_file: Annotated[Path | None, _env("PASSWORD_FILE")] = None
    host: Annotated[str | None, _env("HOST")] = None
    port: Annotated[int | None, _env("PORT")] = None
    protocol: Annotated[str | None, _env("PROTOCOL")] = None

    def arguments(self) -> dict[str, Any]:
        """Return the arguments of `snowflake.connector.connect`, a fresh dict.

        Raises `ConfigurationError` when nothing says where to sign in, or a file of a
        secret cannot be read.
        """
        if not self.connection_name and not (self.account and self.user):
            raise ConfigurationError(
                "say where to sign in: --connection-name, or --account and --user."
            )
        given = {
            name: getattr(self, name)
            for name in (
                "connection_name",
                "account",
                "user",
                "role",
                "warehouse",
                "database",
                "host",
                "port",
                "protocol",
            )
        }
        arguments = {name: value for name, value in given.items() if value is not None}
        arguments |= self._secrets()
        arguments |= {
            "autocommit": True,
            "login_timeout": _LOGIN_SECONDS,
            "session_parameters": {
                "TIMEZONE": "UTC",
                "QUERY_TAG": "winestream",
                "CLIENT_TELEMETRY_ENABLED": False,
            },
        }
        if int(version("snowflake-connector-python").partition(".")[0]) >= 5:  # noqa: PLR2004 — a release
            # Connector 5 warns at close until it is told.
            arguments["enable_server_session_keep_alive_auto_detection"] = False
        return arguments

    def connect(self) -> "SnowflakeConnection":
        """Sign in. Raises `ConfigurationError` with the connector's reason."""
        import snowflake.connector  # noqa: PLC0415 — slow, and not for --help

        try:
            return snowflake.connector.connect(**self.arguments())
        except snowflake.connector.Error as error:
            raise ConfigurationError(f"cannot sign in: {error}") from error

    def _secrets(self) -> dict[str, Any]:
        if self.private_key_file is not None:
            if not self.private_key_file.is_file():
                raise ConfigurationError(
                    f"--private-key-file {self.private_key_file} is no file."
                )
            passphrase = os.environ.get(_PASSPHRASE)
            return {
                "authenticator": "SNOWFLAKE_JWT",
                "private_key_file": str(self.private_key_file),
            } | ({"private_key_file_pwd": passphrase} if passphrase else {})
        if self.password_file is not None:
            try:
                text = self.password_file.read_text(encoding="utf-8")
            except OSError as error:
                raise ConfigurationError(
                    f"--password-file {self.password_file}: {error.strerror}."
                ) from error
            return {"password": text.rstrip("\r\n")}
        password = os.environ.get(_PASSWORD)
        return {"password": password} if password else {}
