"""How to sign in and what every session is set to. Secrets never show in a `repr`."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import attrs

from winestream.errors import ConfigurationError

_KEY_PAIR = "SNOWFLAKE_JWT"


@attrs.frozen(kw_only=True)
class ConnectionSettings:
    """Where the account is and who signs in; give a key file or a password.

    `login_timeout` bounds a sign-in, `request_timeout` one HTTP request with all of the
    connector's own retries, `statement_timeout` a statement on the server. Without
    them one hung answer costs five minutes. Connector 5 counts the whole statement
    into `request_timeout`, so give it more than the longest COPY takes. `lock_timeout`
    is how long a statement waits for the cursor's lock: 10 to 30 s are good, and the
    server's default is 12 hours. `options` go to the connector as they are.
    """

    account: str
    user: str
    database: str
    password: str | None = attrs.field(default=None, repr=False)
    private_key_file: Path | None = None
    private_key_passphrase: str | None = attrs.field(default=None, repr=False)
    warehouse: str | None = None
    role: str | None = None
    host: str | None = None
    port: int | None = None
    protocol: str = "https"
    login_timeout: timedelta = timedelta(seconds=20)
    request_timeout: timedelta = timedelta(minutes=2)
    # Shorter, so that the server's own word arrives before the client gives up.
    statement_timeout: timedelta = timedelta(seconds=100)
    lock_timeout: timedelta = timedelta(seconds=20)
    options: Mapping[str, Any] = attrs.field(factory=dict, repr=False)

    def __attrs_post_init__(self) -> None:
        if (self.password is None) == (self.private_key_file is None):
            raise ConfigurationError(
                "sign in with private_key_file or with password: give exactly one"
            )
        key = self.private_key_file
        if key is not None and not key.is_file():
            raise ConfigurationError(f"private_key_file {key} does not exist")

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
        """Return the connector's arguments that say who and where."""
        chosen: dict[str, Any] = {
            "account": self.account,
            "user": self.user,
            "password": self.password,
            "authenticator": None if self.private_key_file is None else _KEY_PAIR,
            "private_key_file": None
            if self.private_key_file is None
            else str(self.private_key_file),
            "private_key_file_pwd": self.private_key_passphrase,
            "warehouse": self.warehouse,
            "role": self.role,
            "host": self.host,
            "port": self.port,
            "database": self.database,
        }
        given = {key: value for key, value in chosen.items() if value is not None}
        return {**given, "protocol": self.protocol, **self.options}

    def time_limits(self, major_version: int) -> dict[str, int]:
        """Return the connector's time limits, in seconds, by its major version."""
        login = {"login_timeout": _seconds(self.login_timeout)}
        request = _seconds(self.request_timeout)
        if major_version < 5:  # noqa: PLR2004 — the Rust core renamed them
            return login | {"network_timeout": request, "socket_timeout": request}
        names = ("query_timeout", "retry_timeout", "request_timeout")
        return login | dict.fromkeys(names, request)


def _seconds(value: timedelta) -> int:
    return max(1, round(value.total_seconds()))
