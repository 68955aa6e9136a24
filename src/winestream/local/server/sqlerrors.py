"""What a statement answers when it fails: a number, a state and a message.

Every exception of a vendor (DuckDB, sqlglot, fakesnow) becomes a `SqlError` here.
Anything else would leave as HTTP 500, which the connector retries for seconds.
"""

import duckdb
import snowflake.connector.errors as connector
from sqlglot.errors import ParseError

# Snowflake's numbers, where it has one for the case.
GENERIC, UNSUPPORTED, SYNTAX = 1, 2, 1003
CANCELED = 604
LOCKED = 625
TOO_LONG = 100078
NULL_NOT_ALLOWED, DUPLICATE_KEY = 100072, 200001
NONDETERMINISTIC_MERGE = 100090


class SqlError(Exception):
    """A statement failed; the message may quote SQL, so it is never logged."""

    def __init__(self, errno: int, sqlstate: str, message: str) -> None:
        self.errno, self.sqlstate, self.message = errno, sqlstate, message
        super().__init__(message)


def locked(detail: str) -> SqlError:
    """Two transactions write the same rows; the caller rolls back and tries again."""
    return SqlError(LOCKED, "57014", f"Statement was aborted: {detail}")


def translate(error: Exception) -> SqlError:
    """Any exception as the SQL error that a client understands."""
    if isinstance(error, SqlError):
        return error
    if isinstance(error, connector.Error):
        # fakesnow already maps what it expects to the connector's own classes.
        return SqlError(
            error.errno or GENERIC,
            error.sqlstate or "42000",
            error.raw_msg if hasattr(error, "raw_msg") else str(error.msg),
        )
    if isinstance(error, ParseError):
        return SqlError(SYNTAX, "42000", f"SQL compilation error: {error}")
    if isinstance(error, duckdb.Error):
        return _from_duckdb(error)
    name = type(error).__name__
    return SqlError(UNSUPPORTED, "0A000", f"embedded warehouse: {name}: {error}")


def _from_duckdb(  # noqa: PLR0911 - one return a class
    error: duckdb.Error,
) -> SqlError:
    message = str(error)
    first_line = message.split("\n", 1)[0]
    if isinstance(error, duckdb.InterruptException):
        return SqlError(CANCELED, "57014", "SQL execution canceled")
    if isinstance(error, duckdb.ConstraintException):
        errno = NULL_NOT_ALLOWED if "NOT NULL" in message else DUPLICATE_KEY
        return SqlError(errno, "22000", first_line)
    if isinstance(error, duckdb.TransactionException):
        # DuckDB never waits for a lock, it refuses at once. Its text is the only
        # thing that tells a conflict from a misuse.
        if any(word in message for word in ("onflict", "altered", "Failed to commit")):
            return locked(first_line)
        return SqlError(GENERIC, "25000", first_line)
    if "same target row more than once" in message:
        return SqlError(
            NONDETERMINISTIC_MERGE, "42P18", "Duplicate row detected during DML action"
        )
    if isinstance(error, duckdb.CatalogException):
        return SqlError(2003, "42S02", first_line)
    if isinstance(error, duckdb.BinderException):
        return SqlError(2043, "02000", message)
    if isinstance(error, duckdb.ParserException):
        return SqlError(SYNTAX, "42000", message)
    if isinstance(error, duckdb.ConversionException):
        return SqlError(100038, "22018", first_line)
    return SqlError(UNSUPPORTED, "0A000", f"{type(error).__name__}: {first_line}")
