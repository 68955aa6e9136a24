"""What the page is told by its environment, read once at its start."""

import json
import os
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final, Self

import attrs

from full_stack.wiring import BOOTSTRAP, DATABASE
from winestream.cli.connection import ConnectionOptions
from winestream.errors import ConfigurationError
from winestream.snowflake import ConnectionSettings
from winestream.snowflake.settings import connector_major

EMBEDDED: Final = "WINESTREAM_EMBEDDED_WAREHOUSE"
"""Arguments of `snowflake.connector.connect`, as JSON. Without it: a real account, by
the WINESTREAM_SNOWFLAKE_… variables, as every command signs in."""
PROMETHEUS: Final = "WINESTREAM_PROMETHEUS_URL"
METRICS: Final = "WINESTREAM_METRICS_URLS"
"""Metrics pages of consumer, producer and broker, with commas between; asked where
there is no Prometheus, or while it does not answer."""
BREAK: Final = "WINESTREAM_BREAK_URL"
"""The control of a demo that may be broken, see `breaking.py`."""
REFRESH: Final = "WINESTREAM_DASHBOARD_REFRESH_SECONDS"

_EMBEDDED_REFRESH: Final = 5.0
_ACCOUNT_REFRESH: Final = 60.0
"""Each look wakes the virtual warehouse, and a minute of it is billed at least."""
_AUDIT_EVERY: Final = 3
"""An audit counts everything there is: it is made at every third look."""

# A page that waits shows nothing: it gives up early and tries again.
_EMBEDDED_LOGIN: Final = timedelta(seconds=3)
_EMBEDDED_REQUEST: Final = timedelta(seconds=8)


@attrs.frozen(kw_only=True)
class Settings:
    """Where the figures come from, and how often they are asked for."""

    warehouse: ConnectionSettings
    refresh: timedelta = timedelta(seconds=_EMBEDDED_REFRESH)
    prometheus: str | None = None
    metrics: tuple[str, ...] = ()
    bootstrap: str | None = None
    break_url: str | None = None

    @classmethod
    def read(cls, environ: Mapping[str, str] | None = None) -> Self:
        """Read the environment. Raises `ConfigurationError`."""
        environ = os.environ if environ is None else environ
        embedded = environ.get(EMBEDDED)
        default = _EMBEDDED_REFRESH if embedded else _ACCOUNT_REFRESH
        return cls(
            warehouse=_embedded(embedded) if embedded else _account(environ),
            refresh=timedelta(seconds=_seconds(environ.get(REFRESH), default)),
            prometheus=_address(environ.get(PROMETHEUS)),
            metrics=tuple(filter(None, map(str.strip, _listed(environ.get(METRICS))))),
            bootstrap=environ.get(BOOTSTRAP) or None,
            break_url=_address(environ.get(BREAK)),
        )

    @property
    def audit_every(self) -> timedelta:
        """How old an audit may get before another one is made."""
        return self.refresh * _AUDIT_EVERY

    @property
    def place(self) -> tuple[str, int] | None:
        """Host and port to knock at before asking; None for an account's own."""
        host, port = self.warehouse.host, self.warehouse.port
        return (host, port) if host and port else None

    def arguments(self) -> dict[str, Any]:
        """Return the arguments of `snowflake.connector.connect`, a fresh dict."""
        return {
            **self.warehouse.sign_in(),
            **self.warehouse.time_limits(connector_major()),
            "autocommit": True,
            "paramstyle": "qmark",
            "session_parameters": {
                "TIMEZONE": "UTC",
                "QUERY_TAG": "winestream-dashboard",
                "CLIENT_TELEMETRY_ENABLED": False,
            },
        }


def _embedded(text: str) -> ConnectionSettings:
    os.environ.setdefault("SNOWFLAKE_DISABLE_PLATFORM_DETECTION", "true")
    try:
        connection = json.loads(text)
    except ValueError as error:
        raise ConfigurationError(f"{EMBEDDED} is not JSON") from error
    return attrs.evolve(
        ConnectionSettings.of(connection, database=DATABASE),
        login_timeout=_EMBEDDED_LOGIN,
        request_timeout=_EMBEDDED_REQUEST,
    )


def _account(environ: Mapping[str, str]) -> ConnectionSettings:
    """As every command signs in: WINESTREAM_SNOWFLAKE_… or a file of settings."""
    named = "WINESTREAM_SNOWFLAKE_DATABASE"
    return ConnectionOptions(database=environ.get(named) or DATABASE).settings()


def _listed(text: str | None) -> list[str]:
    return (text or "").split(",")


def _address(text: str | None) -> str | None:
    return text.rstrip("/") if text else None


def _seconds(text: str | None, default: float) -> float:
    try:
        seconds = float(text) if text else default
    except ValueError as error:
        raise ConfigurationError(f"{REFRESH} is not a number") from error
    if seconds < 1:
        raise ConfigurationError(f"{REFRESH} is at least 1")
    return seconds
