"""What each code of the connector means for a write."""

import pytest
from snowflake.connector.errors import (
    DatabaseError,
    Error,
    OperationalError,
    ProgrammingError,
)

from winestream.errors import FatalWriteError, RejectedWriteError, RetryableWriteError
from winestream.snowflake.faults import Kind, classify, translate

MARKER = "a-payload-or-a-password"

TABLE = [
    # the server gave up, and the session lives
    (625, "57014", Kind.RETRYABLE),  # lock waits
    (604, "57014", Kind.RETRYABLE),  # cancelled
    (630, "57014", Kind.RETRYABLE),  # statement timeout
    (999999, "57014", Kind.RETRYABLE),
    # nobody knows
    (4, None, Kind.TRANSPORT),  # retries exhausted
    (14, "HYT00", Kind.TRANSPORT),  # connector 5 ran out of time
    (250001, "08001", Kind.TRANSPORT),  # refused, or the session is gone
    (250002, "08003", Kind.TRANSPORT),  # closed
    (253003, None, Kind.TRANSPORT),  # an upload failed
    (-1, None, Kind.TRANSPORT),
    (None, None, Kind.TRANSPORT),
    # unforeseen: again, in a new session
    (390111, "08001", Kind.TRANSPORT),  # session gone
    (390114, None, Kind.TRANSPORT),  # token expired
    (603, "XX000", Kind.TRANSPORT),  # internal error
    (1, "25P02", Kind.TRANSPORT),
    # values
    (100078, "22000", Kind.REJECTED),  # too long
    (100072, "22000", Kind.REJECTED),  # NULL where none may be
    (100038, "22018", Kind.REJECTED),  # no number
    # never as configured
    (390100, "08001", Kind.FATAL),
    (390144, "28000", Kind.FATAL),
    (390189, "08001", Kind.FATAL),
    (606, "57P03", Kind.FATAL),
    (2003, "02000", Kind.FATAL),
    (2003, "42S02", Kind.FATAL),
    (2043, "02000", Kind.FATAL),
    (3001, "42501", Kind.FATAL),
    (904, "42000", Kind.FATAL),
    (90105, "22000", Kind.FATAL),
    (1003, "42000", Kind.FATAL),  # a syntax error
    (2, "0A000", Kind.FATAL),  # not supported
]


def _error(errno: int | None, state: str | None) -> Error:
    error = ProgrammingError(MARKER, errno=-1, sqlstate=state, sfqid="01b2-query")
    error.errno = errno  # type: ignore[assignment]
    return error


@pytest.mark.parametrize(("errno", "state", "kind"), TABLE)
def test_a_code_is_classified(errno: int | None, state: str | None, kind: Kind) -> None:
    """Number and state decide, never the text and never the class."""
    assert classify(_error(errno, state)) is kind


@pytest.mark.parametrize("cls", [DatabaseError, OperationalError, ProgrammingError])
def test_the_class_does_not_matter(cls: type[Error]) -> None:
    """The connector's versions do not agree on classes."""
    assert classify(cls("", errno=625, sqlstate="57014")) is Kind.RETRYABLE


@pytest.mark.parametrize("error", [OSError(28, "full"), ValueError(), TimeoutError()])
def test_what_is_no_error_of_the_connectors_is_transport(error: Exception) -> None:
    """Sockets, files, and the connector's own bugs."""
    assert classify(error) is Kind.TRANSPORT


@pytest.mark.parametrize(("errno", "state", "kind"), TABLE)
@pytest.mark.parametrize("data", [True, False])
def test_a_translation_tells_codes_and_no_text(
    errno: int | None, state: str | None, kind: Kind, *, data: bool
) -> None:
    """The vendor's message may quote SQL and values; ours never does."""
    translated = translate(_error(errno, state), "COPY INTO", data=data)
    assert MARKER not in repr(translated)
    assert f"COPY INTO: {errno or 0:06d}" in str(translated)
    assert "01b2-query" in str(translated)
    wanted: type[Exception] = {
        Kind.RETRYABLE: RetryableWriteError,
        Kind.TRANSPORT: RetryableWriteError,
        Kind.FATAL: FatalWriteError,
        Kind.REJECTED: RejectedWriteError if data else FatalWriteError,
    }[kind]
    assert type(translated) is wanted


def test_a_refused_value_keeps_its_code() -> None:
    """It becomes the path of the dead letter."""
    rejected = translate(_error(100078, "22000"), "COPY INTO", data=True)
    assert isinstance(rejected, RejectedWriteError)
    assert rejected.code == "100078 (22000)"
    assert rejected.offenders == ()


@pytest.mark.parametrize("errno", [2003, 2043, 904])
def test_what_deploy_makes_is_told_by_name(errno: int) -> None:
    """A missing object says what to run."""
    fatal = translate(_error(errno, "02000"), "COPY INTO")
    assert "winestream deploy" in str(fatal)
    assert "schema ddl" not in str(fatal)


@pytest.mark.parametrize("errno", [2003, 2043])
def test_a_missing_table_of_the_users_own_is_made_otherwise(errno: int) -> None:
    """`deploy` alone does not make it: the way there is told whole."""
    fatal = str(translate(_error(errno, "42S02"), "COPY INTO RAW.RAW_X", data=True))
    for said in ("RAW.RAW_X", "winestream schema ddl", "--migrations", "grant INSERT"):
        assert said in fatal
