"""A session's own rules, on a connection that is a few lines of test."""

import logging
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from snowflake.connector.errors import ProgrammingError

from winestream.errors import (
    FatalWriteError,
    RejectedWriteError,
    RetryableWriteError,
    UnknownOutcomeError,
)
from winestream.snowflake.session import Session, hush_connector

Outcome = Exception | None


class _Connection:
    """Notes statements; fails those that begin with a key of `outcomes`."""

    description = (("ID",), ("Name",))

    def __init__(self, **outcomes: Outcome) -> None:
        self.outcomes = outcomes
        self.seen: list[str] = []
        self.closed = 0

    def cursor(self) -> "_Connection":
        return self

    def execute(self, sql: str, values: Sequence[Any] | None) -> None:
        del values
        word = sql.split(maxsplit=1)[0]
        self.seen.append(word)
        outcome = self.outcomes.get(word.lower())
        if outcome is not None:
            raise outcome

    def fetchall(self) -> list[tuple[Any, ...]]:
        return [(1, "one")]

    def close(self) -> None:
        self.closed += 1
        raise ConnectionError


def _error(errno: int, state: str) -> ProgrammingError:
    return ProgrammingError("secret", errno=errno, sqlstate=state)


LOCKED = _error(625, "57014")
CUT = _error(250001, "08001")


def test_a_transaction_rolls_back_before_and_commits_after() -> None:
    """BEGIN inside a transaction would join it, so whatever is open ends first."""
    connection = _Connection()
    session = Session(connection)
    with session.transaction("t"):
        session.run("INSERT INTO x")
    assert connection.seen == ["ROLLBACK", "BEGIN", "INSERT", "COMMIT"]


def test_any_error_inside_ends_the_transaction() -> None:
    """Even one that has nothing to do with the warehouse."""
    connection = _Connection()
    with pytest.raises(KeyError), Session(connection).transaction("t"):
        raise KeyError
    assert connection.seen == ["ROLLBACK", "BEGIN", "ROLLBACK"]


def test_a_refused_statement_keeps_the_session() -> None:
    """A lock wait is answered by the server: the session is sound."""
    connection = _Connection(update=LOCKED)
    session = Session(connection)
    with pytest.raises(RetryableWriteError), session.transaction("t"):
        session.run("UPDATE x")
    assert not session.broken
    assert connection.seen[-1] == "ROLLBACK"


def test_after_a_cut_nothing_more_is_asked_of_the_session() -> None:
    """Its close ends the transaction; a ROLLBACK would only wait in vain."""
    connection = _Connection(update=CUT)
    session = Session(connection)
    with pytest.raises(RetryableWriteError), session.transaction("t"):
        session.run("UPDATE x")
    assert session.broken
    assert connection.seen[-1] == "UPDATE"


def test_a_session_that_cannot_roll_back_is_thrown_away() -> None:
    """It may still hold rows and locks, so nobody goes on in it."""
    connection = _Connection()
    session = Session(connection)

    def fail() -> None:
        connection.outcomes["rollback"] = LOCKED
        raise KeyError

    with pytest.raises(KeyError), session.transaction("t"):
        fail()
    assert session.broken


@pytest.mark.parametrize("error", [CUT, LOCKED, TimeoutError()])
def test_only_commit_has_an_unknown_outcome(error: Exception) -> None:
    """Whatever kept its answer away, the session is thrown away."""
    session = Session(_Connection(commit=error))
    with pytest.raises(UnknownOutcomeError) as caught, session.transaction("t"):
        session.run("INSERT INTO x")
    assert session.broken
    assert "secret" not in str(caught.value)
    assert caught.value.__suppress_context__


@pytest.mark.parametrize("verb", ["COPY INTO", "INSERT INTO"])
def test_a_refused_load_names_its_table(verb: str) -> None:
    """As a person writes it, without quotes; nothing behind it is quoted."""
    missing = _error(2003, "42S02")
    session = Session(_Connection(copy=missing, insert=missing))
    with pytest.raises(FatalWriteError, match=f"^{verb} RAW.RAW_CORKS: 002003") as it:
        session.run(f'{verb} "RAW"."RAW_CORKS" FROM @X VALUES (\'v\')', data=True)
    assert "'v'" not in str(it.value)


def test_a_begin_that_fails_writes_nothing() -> None:
    """The body does not run."""
    session = Session(_Connection(begin=CUT))
    with pytest.raises(RetryableWriteError), session.transaction("t"):
        raise AssertionError("never here")


def test_values_are_blamed_only_where_events_come_in() -> None:
    """The library's own statements cannot be mended by blaming a row."""
    session = Session(_Connection(copy=_error(100078, "22000")))
    with pytest.raises(RejectedWriteError):
        session.run("COPY INTO x", data=True)
    with pytest.raises(FatalWriteError):
        session.run("COPY INTO x")


def test_a_statement_is_named_without_its_values() -> None:
    """Paths, literals and placeholders stay out of the message."""
    session = Session(_Connection(put=LOCKED))
    with pytest.raises(RetryableWriteError) as caught:
        session.run("PUT 'file:///tmp/secret.parquet' @RAW.X")
    assert str(caught.value).startswith("PUT: 000625")


def test_closing_never_raises() -> None:
    """A dead connection is simply forgotten."""
    connection = _Connection()
    session = Session(connection)
    session.close()
    assert connection.closed == 1
    assert session.broken


def test_a_table_is_read_by_names() -> None:
    """SHOW's columns have no order to rely on."""
    assert Session(_Connection()).table("SHOW X") == [{"id": 1, "name": "one"}]


@pytest.fixture
def loggers() -> Iterator[list[logging.Logger]]:
    """Return the connector's loggers, whose levels are put back afterwards."""
    names = ["snowflake.connector", "snowflake.connector.test.deep"]
    found = [logging.getLogger(name) for name in names]
    levels = [logger.level for logger in found]
    yield found
    for logger, level in zip(found, levels, strict=True):
        logger.setLevel(level)


def test_the_connectors_loggers_stay_at_warning(loggers: list[logging.Logger]) -> None:
    """Also one that was set lower itself, and whatever the root is set to later."""
    top, deep = loggers
    top.setLevel(logging.NOTSET)
    deep.setLevel(logging.DEBUG)
    hush_connector()
    assert not top.isEnabledFor(logging.INFO)
    assert not deep.isEnabledFor(logging.INFO)
    top.setLevel(logging.ERROR)
    hush_connector()
    assert top.level == logging.ERROR, "quieter is fine"
