"""What is bounded and what is refused before any statement is sent."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from winestream.errors import ConfigurationError
from winestream.records import LogPartition, Segment, Slice, Want
from winestream.snowflake import ConnectionSettings, SnowflakeWriter
from winestream.snowflake.columns import LEDGER_COLUMNS
from winestream.snowflake.cursors import CHUNK, claim
from winestream.snowflake.ledger import ledger_rows
from winestream.snowflake.session import Session
from winestream.snowflake.staging import Staging
from winestream.snowflake.takeover import transaction_name
from winestream.snowflake.transaction import insert_ledger

MOST_EXPRESSIONS = 16_384  # of one VALUES list, by Snowflake's documentation

SETTINGS = ConnectionSettings(account="a", user="u", database="d", password="p")  # noqa: S106 — none


class _Connection:
    """Notes how many values each statement binds; every answer is empty."""

    description = ()

    def __init__(self) -> None:
        self.bound: list[tuple[str, int]] = []

    def cursor(self) -> "_Connection":
        return self

    def execute(self, sql: str, values: Sequence[Any] | None) -> None:
        assert sql.count("?") == len(values or ())
        self.bound.append((sql.split(maxsplit=1)[0], len(values or ())))

    def fetchall(self) -> list[tuple[Any, ...]]:
        """Return a count of 0, and no rows of a query."""
        return [] if self.bound[-1][0] == "SELECT" else [(0,)]


def _partitions(count: int) -> list[LogPartition]:
    return [LogPartition("c", "t", "topic", n) for n in range(count)]


def test_no_number_of_partitions_makes_too_long_a_ledger_insert() -> None:
    """More than a thousand rows go in several statements of the one transaction."""
    partitions = _partitions(2 * CHUNK + 1)
    piece = Slice("me/1", tuple(Segment(p, 0, 1) for p in partitions))
    rows = ledger_rows(piece, "p", dict.fromkeys(partitions, 1), fingerprints=False)
    connection = _Connection()
    insert_ledger(Session(connection), rows)
    counts = [count for _, count in connection.bound]
    assert counts == [CHUNK * len(LEDGER_COLUMNS)] * 2 + [len(LEDGER_COLUMNS)]
    assert max(counts) <= MOST_EXPRESSIONS


def test_no_number_of_partitions_makes_too_long_a_claim() -> None:
    """The MERGE is cut the same way."""
    wants = {p: Want(0, keep_epoch=1) for p in _partitions(CHUNK + 1)}
    connection = _Connection()
    assert claim(Session(connection), "p", "me", wants, "t") == {}
    merges = [count for word, count in connection.bound if word == "MERGE"]
    assert merges == [CHUNK * 6 + 2, 6 + 2]


@pytest.mark.parametrize(
    "name", ["", "1st", "a b", "a/b", "a'b", "../x", "é", "a" * 64]
)
def test_a_pipeline_name_is_refused_that_could_mean_more(name: str) -> None:
    """It stands in paths of the stage and in names, unquoted."""
    with pytest.raises(ConfigurationError, match="pipeline"):
        SnowflakeWriter(SETTINGS, pipeline=name)


@pytest.mark.parametrize("folder", ["a'b", "a*b", "a?b", "a[1]", "a\\b"])
def test_a_folder_is_refused_that_put_would_misread(folder: str) -> None:
    """PUT takes wildcards, and quotes would end its path; the message names TMPDIR."""
    with pytest.raises(ConfigurationError, match="TMPDIR"):
        Staging("p", Path("/tmp") / folder)  # noqa: S108 — never made


def test_a_transaction_name_is_one_plain_word() -> None:
    """Whatever the owner is called, it needs no quotes and has a valid length."""
    name = transaction_name("caves-albert", "host.example-1/ä; DROP" + "x" * 300)
    assert name.startswith("winestream_caves_albert__host_example_1__")
    assert len(name) == 255
    assert name.isascii()
    assert name.replace("_", "").isalnum()


def test_a_writer_that_was_not_opened_says_so() -> None:
    """And closing it is harmless."""
    writer = SnowflakeWriter(SETTINGS, pipeline="p")
    for use in (
        lambda: writer.write(Slice("me/1", ()), {}),
        lambda: writer.claim("me", {}),
        lambda: writer.read([]),
    ):
        with pytest.raises(RuntimeError, match="open"):
            use()
    writer.close()
    writer.close()
