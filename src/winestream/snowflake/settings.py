"""How to sign in and what every session is set to. Secrets never show in a `repr`."""

from collections.abc import Mapping
from datetime import timedelta
from importlib.metadata import version
from os import PathLike
from pathlib import Path
from typing import Any, Final

import attrs

from winestream.errors import ConfigurationError
from winestream.snowflake.keys import read_key_file, read_key_text

METHODS: Final = (
    "connection_name",
    "private_key_file",
    "private_key",
    "token",
    "token_file",
    "password",
    "password_file",
)
"""The settings of which exactly one says how to sign in."""

_COMPILED = 5
"""Connector 5 has a compiled core and other names for some arguments."""


def connector_major() -> int:
    """Return the installed connector's major version, without importing it."""
    return int(version("snowflake-connector-python").partition(".")[0])


def _secret() -> Any:  # noqa: ANN401 — as attrs.field
    return attrs.field(default=None, repr=False, metadata={"secret": True})


def _path(value: "str | PathLike[str] | None") -> Path | None:
    return None if value is None else Path(value)


def _option_secret(name: str) -> bool:
    return any(word in name.lower() for word in ("pass", "secret", "token", "key"))


@attrs.frozen(kw_only=True)
class ConnectionSettings:
    """Where the account is and who signs in, by exactly one method.

    The methods: a key pair (`private_key_file`, or `private_key` with the PEM's text,
    line breaks or not; `private_key_passphrase` where it is encrypted), an OAuth token
    (`token`, `token_file`), a password (`password`, `password_file`), or
    `connection_name`: an entry of Snowflake's connections.toml (`connections_file`
    where it is not in its usual place), which then holds the secret; account, role and
    the like given here override the entry's. A file is read again at each sign-in, so
    that a renewed token or key is taken up; its path may be given as a string.

    `host` is for private link and for embedded warehouses, `proxy_host` and
    `proxy_port` for a way out over HTTP.

    `login_timeout` bounds a sign-in, `request_timeout` one HTTP request with all of the
    connector's own retries, `statement_timeout` a statement on the server. Without
    them one hung answer costs five minutes. Connector 5 counts the whole statement
    into `request_timeout`, so give it more than the longest COPY takes. `lock_timeout`
    is how long a statement waits for the cursor's lock: 10 to 30 s are good, and the
    server's default is 12 hours. `options` go to the connector as they are.

    Keys and files are looked at here, not at the first sign-in. Raises
    `ConfigurationError`, whose message holds no secret.
    """

    account: str | None = None
    user: str | None = None
    database: str | None = None
    connection_name: str | None = None
    connections_file: Path | None = attrs.field(default=None, converter=_path)
    password: str | None = _secret()
    password_file: Path | None = attrs.field(default=None, converter=_path)
    private_key: str | None = _secret()
    private_key_file: Path | None = attrs.field(default=None, converter=_path)
    private_key_passphrase: str | None = _secret()
    token: str | None = _secret()
    token_file: Path | None = attrs.field(default=None, converter=_path)
    warehouse: str | None = None
    role: str | None = None
    host: str | None = None
    port: int | None = None
    protocol: str | None = None
    proxy_host: str | None = None
    proxy_port: int | None = None
    proxy_user: str | None = None
    proxy_password: str | None = _secret()
    login_timeout: timedelta = timedelta(seconds=20)
    request_timeout: timedelta = timedelta(minutes=2)
    # Shorter, so that the server's own word arrives before the client gives up.
    statement_timeout: timedelta = timedelta(seconds=100)
    lock_timeout: timedelta = timedelta(seconds=20)
    options: Mapping[str, Any] = attrs.field(
        factory=dict, repr=False, metadata={"secret_key": _option_secret}
    )

    def __attrs_post_init__(self) -> None:
        self._check_place()
        self._check_method()
        self._check_proxy()
        self._credentials()  # reads keys and files: better now than at the sign-in

    @classmethod
    def of(
        cls, connection: Mapping[str, Any], *, database: str
    ) -> "ConnectionSettings":
        """Make settings from arguments of `snowflake.connector.connect`.

        `EmbeddedWarehouse.connection` is meant. Names that are no setting become
        `options`; session parameters are set here and left out.
        """
        known = {field.name for field in attrs.fields(cls)} - {"options", "database"}
        settings = {key: connection[key] for key in connection.keys() & known}
        ignored = {"session_parameters", "database", "schema"}
        options = {key: connection[key] for key in connection.keys() - known - ignored}
        return cls(database=database, options=options, **settings)

    @property
    def method(self) -> str:
        """The setting that says how to sign in, one of `METHODS`."""
        return self._methods_given()[0]

    @property
    def place(self) -> str:
        """Who signs in where, for people: no secret, and only what was given."""
        account = self.account or f"connection {self.connection_name}"
        address = ":".join(str(part) for part in (self.host, self.port) if part)
        proxy = f"{self.proxy_host}:{self.proxy_port}" if self.proxy_host else ""
        return (
            (f"{self.user} to " if self.user else "")
            + account
            + (f" at {address}" if address else "")
            + (f" through the proxy {proxy}" if proxy else "")
        )

    def session_parameters(self, query_tag: str) -> dict[str, Any]:
        """Return what every session is set to; a fresh dict, the connector keeps it."""
        return {
            "TIMEZONE": "UTC",
            "TRANSACTION_ABORT_ON_ERROR": True,
            "LOCK_TIMEOUT": _seconds(self.lock_timeout),
            "STATEMENT_TIMEOUT_IN_SECONDS": _seconds(self.statement_timeout),
            "ABORT_DETACHED_QUERY": True,
            "QUERY_TAG": query_tag,
            # Binding through a stage would run DDL, which commits.
            "CLIENT_STAGE_ARRAY_BINDING_THRESHOLD": 0,
            "CLIENT_TELEMETRY_ENABLED": False,
        }

    def sign_in(self) -> dict[str, Any]:
        """Return the connector's arguments that say who and where; a fresh dict.

        The same names serve connector 4.8 and 5. Reads the files of secrets again.
        Raises `ConfigurationError`.
        """
        compiled = connector_major() >= _COMPILED
        port = self.proxy_port
        chosen: dict[str, Any] = {
            "connection_name": self.connection_name,
            "connections_file_path": self.connections_file,
            "account": self.account,
            "user": self.user,
            "warehouse": self.warehouse,
            "role": self.role,
            "host": self.host,
            "port": self.port,
            "protocol": self.protocol,
            "database": self.database,
            "proxy_host": self.proxy_host,
            # Connector 4 wants text, connector 5 a number.
            "proxy_port": port if compiled or port is None else str(port),
            "proxy_user": self.proxy_user,
            "proxy_password": self.proxy_password,
            # Connector 5 warns until it is told: sign out at close, ask nothing first.
            "enable_server_session_keep_alive_auto_detection": False
            if compiled
            else None,
        }
        given = {key: value for key, value in chosen.items() if value is not None}
        return {**given, **self._credentials(), **self.options}

    def time_limits(self, major_version: int) -> dict[str, int]:
        """Return the connector's time limits, in seconds, by its major version."""
        login = {"login_timeout": _seconds(self.login_timeout)}
        request = _seconds(self.request_timeout)
        if major_version < _COMPILED:
            return login | {"network_timeout": request, "socket_timeout": request}
        names = ("query_timeout", "retry_timeout", "request_timeout")
        return login | dict.fromkeys(names, request)

    # ------------------------------------------------------------------- privately

    def _methods_given(self) -> list[str]:
        return [name for name in METHODS if getattr(self, name) is not None]

    def _check_place(self) -> None:
        if self.connection_name is not None:
            return
        if self.connections_file is not None:
            raise ConfigurationError(
                "connections_file needs connection_name: which of its entries?"
            )
        if not (self.account and self.user):
            raise ConfigurationError(
                "say where to sign in: connection_name, or account and user"
            )
        if not self.database:
            raise ConfigurationError("database is missing: name an existing one")

    def _check_method(self) -> None:
        given = self._methods_given()
        if len(given) > 1:
            raise ConfigurationError(
                f"{' and '.join(given)} are {len(given)} ways to sign in: give exactly "
                "one"
            )
        if not given:
            raise ConfigurationError(
                f"say how to sign in: give exactly one of {', '.join(METHODS)}; to a "
                "command password, private_key and token are no flags but variables, "
                "WINESTREAM_SNOWFLAKE_PASSWORD and so on"
            )
        if self.private_key_passphrase is not None and "private_key" not in given[0]:
            raise ConfigurationError(
                "private_key_passphrase belongs to a key: give private_key_file or "
                "private_key, or leave it out"
            )

    def _check_proxy(self) -> None:
        if (self.proxy_host is None) != (self.proxy_port is None):
            raise ConfigurationError("proxy_host and proxy_port go together")
        if self.proxy_host is None and (self.proxy_user or self.proxy_password):
            raise ConfigurationError("proxy_user needs proxy_host and proxy_port")
        if self.proxy_password is not None and self.proxy_user is None:
            raise ConfigurationError("proxy_password needs proxy_user")

    def _credentials(self) -> dict[str, Any]:
        phrase = self.private_key_passphrase
        if self.private_key_file is not None:
            key = read_key_file(self.private_key_file, phrase, "private_key_file")
            return {"authenticator": "SNOWFLAKE_JWT", "private_key": key}
        if self.private_key is not None:
            key = read_key_text(self.private_key, phrase, "private_key")
            return {"authenticator": "SNOWFLAKE_JWT", "private_key": key}
        token = self.token or read_secret(self.token_file, "token_file")
        if token is not None:
            return {"authenticator": "OAUTH", "token": token}
        password = self.password or read_secret(self.password_file, "password_file")
        return {} if password is None else {"password": password}


def read_secret(path: Path | None, where: str) -> str | None:
    """Return a file's text without the line break at its end; None without a file.

    Raises `ConfigurationError`, naming `where`, when it cannot be read or is empty.
    """
    if path is None:
        return None
    try:
        text = path.read_text(encoding="utf-8").rstrip("\r\n")
    except OSError as error:
        raise ConfigurationError(f"{where} {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigurationError(f"{where} {path} is no text") from None
    if not text:
        raise ConfigurationError(f"{where} {path} is empty")
    return text


def _seconds(value: timedelta) -> int:
    return max(1, round(value.total_seconds()))
