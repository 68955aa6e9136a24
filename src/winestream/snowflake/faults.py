"""The seam where the connector's errors end: classified by code, never by text.

A message of the connector may quote SQL and values, so ours carry only the codes and
a sentence of our own; the original is not even chained into logs.
"""

from enum import Enum, auto

from snowflake.connector.errors import Error

from winestream.errors import (
    FatalWriteError,
    RejectedWriteError,
    RetryableWriteError,
    WriteError,
)


class Kind(Enum):
    """What an error of the connector means for a write."""

    TRANSPORT = auto()
    """Nobody knows what the server did, or whether the session is of any use still."""
    RETRYABLE = auto()
    """The server gave the statement up, and the session lives."""
    REJECTED = auto()
    FATAL = auto()


_DATA_ERRORS = range(100_000, 100_300)
"""Snowflake's numbers for values that do not fit their column."""

_GIVEN_UP = frozenset({604, 625, 630})
"""Cancelled, not given a lock, out of time."""
_CANCELLED = "57014"

_ADVICE = {
    390100: "user or password is wrong",
    390101: "this user may not sign in",
    390144: "the key pair is refused: compare the public key with DESC USER",
    390102: "the account is locked or the user is disabled",
    390189: "the role does not exist or is not granted to the user",
    390422: "a network policy keeps this address out",
    390201: "the account, database or warehouse of the settings does not exist",
    606: "no warehouse is running: set `warehouse` and grant USAGE on it",
    2003: "a table, stage or schema is missing or not granted: run `winestream deploy`",
    2043: "an object is missing or not granted: run `winestream deploy`",
    90105: "the session has no database: check `database` and grant USAGE on it",
    3001: "the role lacks a privilege: see the grants in sql/",
    904: "a column is missing: run `winestream deploy` and compare with sql/",
}
_MISSING = frozenset({2003, 2043})
_OWN_TABLE = (
    "; for a table of your own print it with `winestream schema ddl`, keep it in your "
    "own migrations, run `winestream deploy --migrations` and grant INSERT on it to "
    "the role that signs in"
)
_FATAL_STATES = ("28", "42", "0A", "57P03")
"""Sign-in, syntax and access, not supported, no warehouse."""


def classify(error: BaseException) -> Kind:
    """Say what a vendor's error means.

    Anything unforeseen may be tried again, but in a new session: a code that is not
    listed may well say that this one is gone.
    """
    if not isinstance(error, Error):
        return Kind.TRANSPORT  # sockets, files, the connector's own bugs
    errno, state = error.errno or 0, error.sqlstate or ""
    if errno in _DATA_ERRORS:
        return Kind.REJECTED
    if errno in _ADVICE or state.startswith(_FATAL_STATES):
        return Kind.FATAL
    if errno in _GIVEN_UP or state == _CANCELLED:
        return Kind.RETRYABLE
    return Kind.TRANSPORT


def translate(error: BaseException, doing: str, *, data: bool = False) -> WriteError:
    """Return our error for the vendor's, for a statement that is not a COMMIT.

    A refused value is `RejectedWriteError` only if the statement brings events in
    (`data`); the library's own bookkeeping cannot be mended by blaming a row.
    """
    errno = getattr(error, "errno", None) or 0
    state = getattr(error, "sqlstate", None) or "-----"
    code = f"{errno:06d} ({state})"
    query = getattr(error, "sfqid", None)
    where = f", query {query}" if query else ""
    kind = classify(error)
    if kind is Kind.REJECTED and not data:
        return FatalWriteError(
            f"{doing}: {code}, a value of the library's own is refused: the table does "
            f"not fit, compare it with sql/{where}"
        )
    if kind is Kind.REJECTED:
        return RejectedWriteError(
            f"{doing}: {code}, a value was refused{where}", code=code
        )
    if kind is Kind.FATAL:
        advice = _ADVICE.get(errno, "look the code up in Snowflake's documentation")
        if data and errno in _MISSING:
            advice += _OWN_TABLE  # which deploy alone does not make
        return FatalWriteError(f"{doing}: {code}, {advice}{where}")
    name = type(error).__name__
    return RetryableWriteError(f"{doing}: {code} {name}{where}")
