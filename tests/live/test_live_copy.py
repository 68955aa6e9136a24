"""COPY inside a transaction: what a rollback takes back, and what stands beside it."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from live_account import Account, Scratch, segment, skip

from winestream.errors import WriteError
from winestream.records import Slice
from winestream.snowflake.session import Row, Session

ROWS = 3


@pytest.fixture
def copy(scratch: Scratch, tmp_path: Path) -> str:
    """Put one file of three rows on a stage; return the COPY that loads it."""
    local = tmp_path / "rows.parquet"
    pq.write_table(pa.table({"N": pa.array(range(ROWS), pa.int64())}), local)
    into = scratch.table("LANDED", "N NUMBER(19, 0)")
    scratch.run(f"CREATE STAGE {scratch.schema}.FILES")
    scratch.run(f"PUT 'file://{local}' @{scratch.schema}.FILES AUTO_COMPRESS=FALSE")
    return (
        f"COPY INTO {into} FROM @{scratch.schema}.FILES/rows.parquet "
        "FILE_FORMAT = (FORMAT_NAME = 'RAW.INGEST_PARQUET') "
        "MATCH_BY_COLUMN_NAME = CASE_INSENSITIVE ON_ERROR = ABORT_STATEMENT"
    )


def _loaded(answer: list[Row]) -> int:
    return sum(int(row[3]) for row in answer if len(row) > 3)


def _count(scratch: Scratch, table: str = "LANDED") -> int:
    return int(scratch.ask(f"SELECT COUNT(*) FROM {scratch.schema}.{table}")[0][0])


def test_copy_rolls_back_with_its_transaction_and_its_history(
    account: Account, scratch: Scratch, copy: str
) -> None:
    """Rolled back it left nothing; the same file loads again, and then never more."""
    session = account.session()
    session.rollback()
    session.run("BEGIN TRANSACTION NAME live_copy")
    assert _loaded(session.run(copy)) == ROWS
    session.rollback()
    assert _count(scratch) == 0
    with session.transaction("live_copy_again"):
        assert _loaded(session.run(copy)) == ROWS, "the history outlived the rollback"
    assert _count(scratch) == ROWS
    with session.transaction("live_copy_once_more"):
        assert _loaded(session.run(copy)) == 0, "there is no load history at all"
    assert _count(scratch) == ROWS


def _beside(session: Session, copy: str, scratch: Scratch) -> None:
    session.run(f"INSERT INTO {scratch.schema}.LEDGER VALUES (1)")
    assert _loaded(session.run(copy)) == ROWS
    moved = session.run(f"UPDATE {scratch.schema}.PLACES SET PLACE = 1 WHERE ID = 1")
    assert int(moved[0][0]) == 1


def test_copy_and_a_hybrid_cursor_share_a_transaction(
    account: Account, scratch: Scratch, copy: str
) -> None:
    """Rows, ledger and cursor are committed together or not at all."""
    columns = "ID NUMBER(19, 0) PRIMARY KEY, PLACE NUMBER(19, 0) NOT NULL"
    try:
        scratch.table("PLACES", columns, kind="HYBRID")
    except WriteError as error:
        skip(f"no hybrid tables here: {error}")
    scratch.table("LEDGER", "ID NUMBER(19, 0)")
    session = account.session()
    with session.transaction("live_hybrid_birth"):
        session.run(f"INSERT INTO {scratch.schema}.PLACES VALUES (1, 0)")
    session.run("BEGIN TRANSACTION NAME live_hybrid")
    _beside(session, copy, scratch)
    session.rollback()
    at = f"SELECT PLACE FROM {scratch.schema}.PLACES"
    assert (_count(scratch), _count(scratch, "LEDGER")) == (0, 0)
    assert int(scratch.ask(at)[0][0]) == 0
    with session.transaction("live_hybrid"):
        _beside(session, copy, scratch)
    assert (_count(scratch), _count(scratch, "LEDGER")) == (ROWS, 1)
    assert int(scratch.ask(at)[0][0]) == 1


def test_an_insert_brings_in_what_copy_brings_in(account: Account) -> None:
    """NULL beside bytes in one column, microseconds, umlauts: alike by both ways."""
    text = '{"name": "Gewürztraminer 🍷", "q": "it\'s \\"so\\" ?", "n": 1.10}'
    for number, below in enumerate((0, 100)):
        here = account.partition(number)
        writer, epochs = account.owned(here, insert_below=below)
        piece = Slice(f"me/{number}", (segment(here, 0, 4, payload=text),))
        writer.write(piece, epochs)
    copied, inserted = (
        account.session().run(
            "SELECT EVENT_ID, EVENT_TYPE, OCCURRED_AT, SCHEMA_VERSION, KAFKA_OFFSET, "
            "MESSAGE_KEY, MESSAGE_TIMESTAMP, PAYLOAD FROM RAW.RAW_EVENTS "
            "WHERE CLUSTER_ID = ? AND KAFKA_PARTITION = ? ORDER BY KAFKA_OFFSET",
            [account.cluster, number],
        )
        for number in (0, 1)
    )
    assert len(copied) == 4
    assert inserted == copied
    assert copied[0][2].isoformat() == "2026-01-31T16:20:00.123456"
