"""Transactions of the embedded warehouse, as the delivery protocol leans on them."""

import contextlib
import datetime as dt
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import snowflake.connector
from snowflake.connector.errors import ProgrammingError

from winestream.local import EmbeddedWarehouse

ADDING = Path(__file__).with_name("adding_process.py")

pytestmark = pytest.mark.timeout(60)

CURSOR = """
    create table if not exists db.ops.ingest_cursor (
      pipeline varchar, topic varchar, "PARTITION" int,
      first_offset int, next_offset int, epoch int, owner varchar
    )"""
LEDGER = """
    create table if not exists db.ops.ingest_ledger (
      slice_id varchar, topic varchar, "PARTITION" int,
      from_offset int, to_offset int, epoch int
    )"""
ORDERS = """
    create table if not exists db.raw.raw_orders (
      event_id varchar, occurred_at timestamp_tz, payload varchar,
      "PARTITION" int, "OFFSET" int, kafka_timestamp timestamp_ntz,
      message_key binary, slice_id varchar,
      loaded_at timestamp_ntz default current_timestamp()
    )"""
FORMAT = """
    create file format if not exists db.raw.ingest_parquet
    type = parquet use_logical_type = true binary_as_text = false"""
TAKE = """
    merge into db.ops.ingest_cursor c
    using (select 'wine' pipeline, 'orders' topic, 0 part, 10 initial
           union all select 'wine', 'orders', 1, 20) w
    on c.pipeline = w.pipeline and c.topic = w.topic and c."PARTITION" = w.part
    when matched then update set epoch = c.epoch + 1, owner = '{owner}'
    when not matched then insert
      (pipeline, topic, "PARTITION", first_offset, next_offset, epoch, owner)
      values (w.pipeline, w.topic, w.part, w.initial, w.initial, 1, '{owner}')"""
LOCK = """update db.ops.ingest_cursor set owner = owner where "PARTITION" = 0"""
SET = """
    update db.ops.ingest_cursor c set next_offset = l.to_offset
    from db.ops.ingest_ledger l
    where l.slice_id = %s and c.topic = l.topic and c."PARTITION" = l."PARTITION"
      and c.epoch = l.epoch and c.next_offset = l.from_offset"""
COPY = """
    copy into db.raw.raw_orders from @db.raw.ingest/wine/{name}
    file_format = (format_name = 'db.raw.ingest_parquet')
    match_by_column_name = case_insensitive on_error = abort_statement"""


class Client:
    """A connection with autocommit off that answers with all rows."""

    def __init__(self, warehouse: EmbeddedWarehouse, **options: Any) -> None:
        given = {"database": "DB", "schema": "RAW", "autocommit": False, **options}
        self.connection = snowflake.connector.connect(**warehouse.connection, **given)
        self.cursor = self.connection.cursor()

    def __call__(self, sql: str, *values: Any) -> list[Any]:
        rows: list[Any] = self.cursor.execute(sql, *values).fetchall()
        return rows

    def fails(self, sql: str) -> ProgrammingError:
        with pytest.raises(ProgrammingError) as refused:
            self.cursor.execute(sql)
        error: ProgrammingError = refused.value
        return error

    def columns(self) -> list[str]:
        return [column[0] for column in self.cursor.description]


@contextlib.contextmanager
def clients(
    warehouse: EmbeddedWarehouse, count: int = 1, **options: Any
) -> Iterator[Any]:
    """Lend connections that are closed at the end."""
    made = [Client(warehouse, **options) for _ in range(count)]
    try:
        yield made[0] if count == 1 else made
    finally:
        for client in made:
            client.connection.close()


@pytest.fixture(scope="module")
def shared() -> Iterator[EmbeddedWarehouse]:
    """One warehouse for the module."""
    with EmbeddedWarehouse.start() as started:
        yield started


@pytest.fixture
def warehouse(shared: EmbeddedWarehouse) -> EmbeddedWarehouse:
    """Offer the module's warehouse with empty tables and an empty stage."""
    with clients(shared, autocommit=True) as client:
        for sql in (
            "create schema if not exists db.ops",
            CURSOR,
            LEDGER,
            ORDERS,
            "create stage if not exists db.raw.ingest",
            FORMAT,
            "truncate table db.ops.ingest_cursor",
            "truncate table db.ops.ingest_ledger",
            "truncate table db.raw.raw_orders",
            "remove @db.raw.ingest",
        ):
            client(sql)
    return shared


def parquet(path: Path, count: int = 50) -> Path:
    """Write a file as the writer does, for offsets from 10 on."""
    moment = dt.datetime(2026, 11, 23, 7, 0, 0, 123456, tzinfo=dt.UTC)
    table = pa.table(
        {
            "event_id": [f"e{i}" for i in range(count)],
            "occurred_at": pa.array([moment] * count, pa.timestamp("us", "UTC")),
            "payload": ['{"order_id": "é", "n": 1.10}'] * count,
            "partition": pa.array([0] * count, pa.int32()),
            "offset": pa.array(range(10, 10 + count), pa.int64()),
            "kafka_timestamp": pa.array(
                [moment.replace(tzinfo=None)] * count, pa.timestamp("us")
            ),
            "message_key": pa.array([b"\x00\xff"] * count, pa.binary()),
            "slice_id": ["s1"] * count,
        }
    )
    pq.write_table(table, path, compression="zstd")
    return path


def test_a_claim_and_a_write_go_through(
    warehouse: EmbeddedWarehouse, tmp_path: Path
) -> None:
    """Take, ledger, COPY, lock, compare-and-set: every statement of the protocol."""
    with clients(warehouse) as client:
        client("rollback")  # outside a transaction it is fine
        client("begin transaction name wine_claim")
        assert client(LOCK) == [(0, 0)]
        assert client(TAKE.format(owner="me")) == [(2, 0)]
        assert client.columns() == ["number of rows inserted", "number of rows updated"]
        client("commit")
        client("begin name wine_again")
        assert client(TAKE.format(owner="me")) == [(0, 2)]
        client("commit")

        file = parquet(tmp_path / "s1.parquet")
        put = f"put file://{file} @db.raw.ingest/wine auto_compress=false"
        assert client(put)[0][6] == "UPLOADED"
        client("begin")
        client("insert into db.ops.ingest_ledger values ('s1', 'orders', 0, 10, 60, 2)")
        client(COPY.format(name="s1.parquet"))
        loaded = client.columns().index("rows_loaded")
        client("rollback")

        client("begin")
        client("insert into db.ops.ingest_ledger values ('s1', 'orders', 0, 10, 60, 2)")
        assert client(COPY.format(name="s1.parquet"))[0][loaded] == 50
        assert client(LOCK) == [(1, 0)]
        assert client(SET, ("s1",))[0][0] == 1
        assert client(SET, ("s1",))[0][0] == 0  # next_offset has moved on
        client("commit")
        assert client(
            'select count(*), min("OFFSET"), max("OFFSET"), min(payload),'
            " max(occurred_at), max(kafka_timestamp), max(message_key)"
            " from db.raw.raw_orders"
        ) == [
            (
                50,
                10,
                59,
                '{"order_id": "é", "n": 1.10}',
                dt.datetime(2026, 11, 23, 7, 0, 0, 123456, tzinfo=dt.UTC),
                dt.datetime(2026, 11, 23, 7, 0, 0, 123456),  # noqa: DTZ001 - NTZ
                b"\x00\xff",
            )
        ]
        name = "ingest/wine/s1.parquet"
        assert [row[0] for row in client("list @db.raw.ingest/wi")] == [name]
        client("begin")
        assert client("remove @db.raw.ingest/wine/s1") == [(name, "removed")]
        client("commit")
        assert client("list @db.raw.ingest") == []


def test_a_copy_rolls_back_with_its_load_history(
    warehouse: EmbeddedWarehouse, tmp_path: Path
) -> None:
    """A file whose COPY was rolled back can be loaded; one committed cannot twice."""
    file = parquet(tmp_path / "once.parquet", 3)
    # Neither a current database nor a schema: everything is named in full.
    with clients(warehouse, database=None, schema=None) as client:
        client(f"put file://{file} @db.raw.ingest/wine auto_compress=false")
        client("begin")
        client(COPY.format(name="once.parquet"))
        client("rollback")
        client("begin")
        assert client(COPY.format(name="once.parquet"))[0][3] == 3
        client("commit")
        assert client(COPY.format(name="once.parquet"))[0][1] == "LOAD_SKIPPED"
        client("rollback")
        assert client("select count(*) from db.raw.raw_orders") == [(3,)]


def test_autocommit_off_is_honoured(warehouse: EmbeddedWarehouse) -> None:
    """A DML opens a transaction by itself, and nobody sees it before COMMIT."""
    with clients(warehouse, 2) as (mine, other):
        count = "select count(*) from raw_orders"
        mine("insert into raw_orders (event_id) values ('a')")
        assert mine("select current_transaction()") != [(None,)]
        assert (mine(count), other(count)) == ([(1,)], [(0,)])
        mine("commit")
        assert other(count) == [(1,)]
        mine("insert into raw_orders (event_id) values ('b')")
        mine("rollback")
        assert other(count) == [(1,)]
        mine("alter session set autocommit = true")
        mine("insert into raw_orders (event_id) values ('c')")
        assert other(count) == [(2,)]


def test_closing_a_connection_rolls_back(warehouse: EmbeddedWarehouse) -> None:
    """What was open when its session signed out is gone, its locks included."""
    with clients(warehouse) as client:
        client(TAKE.format(owner="me"))
    with clients(warehouse) as client:
        assert client("show transactions") == []
        assert client("select count(*) from db.ops.ingest_cursor") == [(0,)]


def test_begin_inside_a_transaction_is_ignored(warehouse: EmbeddedWarehouse) -> None:
    """The second BEGIN changes nothing; the transaction goes on."""
    with clients(warehouse) as client:
        client("begin name first")
        client("insert into raw_orders (event_id) values ('a')")
        number = client("select current_transaction()")
        client("begin name second")
        assert client("select current_transaction()") == number
        client("rollback")
        assert client("select count(*) from raw_orders") == [(0,)]


def test_ddl_commits(warehouse: EmbeddedWarehouse) -> None:
    """CREATE, and a GRANT that does nothing else, end the open transaction."""
    with clients(warehouse, 2) as (mine, other):
        for number, sql in enumerate(
            ("create table if not exists extra (n int)", "grant role a to role b"), 1
        ):
            mine("begin")
            mine("insert into raw_orders (event_id) values ('a')")
            mine(sql)
            assert other("select count(*) from raw_orders") == [(number,)]
            mine("rollback")


@pytest.mark.parametrize(
    "wrong",
    [
        "selec",  # sqlglot refuses it
        "copy into raw_orders from @db.raw.ingest files = ('x.csv')",  # fakesnow does
        "select * from db.raw.nowhere",  # DuckDB does
        "insert into raw_orders (event_id) values ('a', 'b')",
    ],
)
def test_any_error_aborts_the_transaction(
    warehouse: EmbeddedWarehouse, wrong: str
) -> None:
    """Whoever refuses a statement, nothing of its transaction can be committed."""
    with clients(warehouse) as client:
        client("begin")
        client("insert into raw_orders (event_id) values ('a')")
        client.fails(wrong)
        assert client.fails("select 1").sqlstate == "25P02"
        assert client.fails("commit").sqlstate == "25P02"
        client("commit")  # the failed one ended it
        assert client("select count(*) from raw_orders") == [(0,)]
        client("begin")
        client("insert into raw_orders (event_id) values ('b')")
        client.fails(wrong)
        client("rollback")
        client("begin")
        client("insert into raw_orders (event_id) values ('c')")
        client("commit")
        assert client("select event_id from raw_orders") == [("c",)]


def test_a_failed_statement_of_its_own_leaves_no_transaction(
    warehouse: EmbeddedWarehouse,
) -> None:
    """With autocommit on an error undoes one statement and that is all."""
    with clients(warehouse, autocommit=True) as client:
        client.fails("insert into raw_orders (event_id) values ('a', 'b')")
        assert client("select current_transaction()") == [(None,)]
        client("insert into raw_orders (event_id) values ('a')")
        assert client("select count(*) from raw_orders") == [(1,)]


def test_overlapping_writes_answer_625_at_once(warehouse: EmbeddedWarehouse) -> None:
    """The second updater of a row is refused; after the first's COMMIT it goes on.

    Although the first one's UPDATE changes no value, which DuckDB notices.
    """
    with clients(warehouse, 2) as (first, second):
        first(TAKE.format(owner="first"))
        first("commit")
        first("begin")
        first(LOCK)
        second("begin")
        began = time.monotonic()
        refused = second.fails(LOCK)
        assert time.monotonic() - began < 2
        assert (refused.errno, refused.sqlstate) == (625, "57014")
        second("rollback")
        # So is a compare-and-set that joins the ledger, and a DELETE.
        second("insert into db.ops.ingest_ledger values ('s1', 'orders', 0, 10, 60, 1)")
        second("commit")
        for sql in (SET.replace("%s", "'s1'"), "delete from db.ops.ingest_cursor"):
            assert second.fails(sql).errno == 625
            second("rollback")
        first("commit")
        second("begin")
        assert second(LOCK) == [(1, 0)]
        second("commit")


def test_a_snapshot_older_than_the_other_commit_answers_625(
    warehouse: EmbeddedWarehouse,
) -> None:
    """An update that would rest on a state meanwhile replaced is refused, not done."""
    with clients(warehouse, 2) as (first, second):
        first(TAKE.format(owner="first"))
        first("commit")
        second("begin")
        second("select count(*) from db.ops.ingest_cursor")
        first(TAKE.format(owner="again"))
        first("commit")
        assert second.fails(LOCK).errno == 625


def test_two_claims_never_give_birth_to_one_cursor_twice(
    warehouse: EmbeddedWarehouse,
) -> None:
    """MERGEs that insert the same key exclude each other, open or just committed."""
    with clients(warehouse, 3) as (first, second, third):
        third("begin")
        third("select 1")
        first("begin")
        first(TAKE.format(owner="first"))
        assert second.fails(TAKE.format(owner="second")).errno == 625
        second("rollback")
        first("commit")
        assert third.fails(TAKE.format(owner="third")).errno == 625
        third("rollback")
        assert third(TAKE.format(owner="third")) == [(0, 2)]
        third("commit")
        assert third("select count(*) from db.ops.ingest_cursor") == [(2,)]


def test_disjoint_partitions_do_not_disturb_each_other(
    warehouse: EmbeddedWarehouse,
) -> None:
    """Two writers of different cursor rows both commit."""
    with clients(warehouse, 2) as (first, second):
        first(TAKE.format(owner="first"))
        first("commit")
        first(LOCK)
        second(LOCK.replace("= 0", "= 1"))
        first("commit")
        second("commit")


def test_transactions_and_locks_can_be_shown(warehouse: EmbeddedWarehouse) -> None:
    """SHOW names who holds the cursor's table, in Snowflake's columns."""
    with clients(warehouse, 3) as (owner, sibling, looking):
        owner(TAKE.format(owner="owner"))
        owner("commit")
        owner("begin transaction name wine_owner_1")
        owner(LOCK)
        sibling("begin name wine_busy_2")
        sibling("insert into raw_orders (event_id) values ('a')")
        shown = looking("show transactions")
        assert looking.columns() == [
            "id",
            "user",
            "session",
            "name",
            "started_on",
            "state",
            "scope",
        ]
        assert [row[3] for row in shown] == ["wine_owner_1", "wine_busy_2"]
        locks = looking("show locks in account")
        assert looking.columns() == [
            "resource",
            "type",
            "transaction",
            "transaction_started_on",
            "status",
            "acquired_on",
            "query_id",
        ]
        # The sibling's INSERT holds no lock that keeps anybody waiting.
        assert [(row[0], row[2]) for row in locks] == [
            ("DB.OPS.INGEST_CURSOR", shown[0][0])
        ]
        assert locks[0][5].tzinfo is not None
        assert owner("select current_transaction()") == [(str(shown[0][0]),)]
        assert owner("select current_session()") == [(str(shown[0][2]),)]
        assert looking("show locks") == locks


def test_other_users_transactions_show_only_in_account(
    warehouse: EmbeddedWarehouse,
) -> None:
    """SHOW TRANSACTIONS lists one's own user's sessions unless asked for all."""
    with clients(warehouse) as mine:
        mine("begin")
        mine("insert into raw_orders (event_id) values ('a')")
        stranger = snowflake.connector.connect(
            **(warehouse.connection | {"user": "somebody"})
        )
        with contextlib.closing(stranger):
            asked = stranger.cursor()
            assert asked.execute("show transactions").fetchall() == []
            assert len(asked.execute("show transactions in account").fetchall()) == 1


def test_a_transaction_ended_under_a_living_session(
    warehouse: EmbeddedWarehouse,
) -> None:
    """After SYSTEM$ABORT_TRANSACTION the victim notices nothing, and COMMIT lies.

    Its next DML opens another transaction: without the ledger in the same
    transaction a compare-and-set would succeed without its rows.
    """
    with clients(warehouse, 2) as (victim, other):
        victim(TAKE.format(owner="victim"))
        victim("commit")
        victim("begin name victim")
        victim("insert into db.ops.ingest_ledger values ('s1', 'orders', 0, 10, 60, 1)")
        victim("insert into raw_orders (event_id) values ('lost')")
        (number,) = [row[0] for row in other("show transactions")]
        answer = other(f"select system$abort_transaction({number})")
        assert answer == [(f"Aborted transaction id: {number}.",)]
        assert other("show transactions") == []

        assert victim(LOCK) == [(1, 0)]  # silently a transaction of its own
        assert victim("select current_transaction()") != [(str(number),)]
        assert victim(SET, ("s1",))[0][0] == 0  # its ledger row went with the first
        victim("commit")
        assert other("select count(*) from raw_orders") == [(0,)]
        assert other("select count(*) from db.ops.ingest_ledger") == [(0,)]

        refused = other.fails(f"select system$abort_transaction({number})")
        assert "not running" in str(refused)


def test_an_aborted_transaction_lets_go_of_its_lock(
    warehouse: EmbeddedWarehouse,
) -> None:
    """Takeover: the dead owner's lock goes with its transaction."""
    with clients(warehouse, 2) as (dead, heir):
        dead(TAKE.format(owner="dead"))
        dead("commit")
        dead("begin name dead")
        dead(LOCK)
        assert heir.fails(LOCK).errno == 625
        heir("rollback")
        (lock,) = heir("show locks")
        heir(f"select system$abort_transaction({lock[2]})")
        heir("begin")
        assert heir(LOCK) == [(1, 0)]
        assert heir(TAKE.format(owner="heir")) == [(0, 2)]
        heir("commit")


def test_a_running_statement_is_interrupted_by_an_abort(
    warehouse: EmbeddedWarehouse,
) -> None:
    """The victim's statement fails, and its session can go on at once."""
    with clients(warehouse, 2) as (victim, other):
        values = ", ".join(f"('e{i}')" for i in range(1000))
        victim(f"insert into raw_orders (event_id) values {values}")
        victim("commit")
        victim("begin")
        victim("insert into raw_orders (event_id) values ('lost')")
        long = (
            "insert into raw_orders (event_id) select count(*) from raw_orders a, "
            "raw_orders b, raw_orders c, raw_orders d "
            "where a.event_id || b.event_id < c.event_id || d.event_id"
        )
        failures: list[BaseException] = []

        def run() -> None:
            try:
                victim(long)
            except ProgrammingError as error:
                failures.append(error)

        thread = threading.Thread(target=run)
        thread.start()
        time.sleep(0.5)
        (number,) = [row[0] for row in other("show transactions")]
        other(f"select system$abort_transaction({number})")
        thread.join(10)
        assert not thread.is_alive()
        assert len(failures) == 1
        victim("insert into raw_orders (event_id) values ('b')")
        victim("commit")
        found = "select count(*) from raw_orders where event_id in ('lost', 'b')"
        assert other(found) == [(1,)]


def test_many_writers_lose_no_update(warehouse: EmbeddedWarehouse) -> None:
    """Sessions that retry at 625 add up to exactly what they committed."""
    with clients(warehouse) as client:
        client(TAKE.format(owner="start"))
        client("commit")
    options = json.dumps({**warehouse.connection, "database": "DB", "schema": "RAW"})
    writers = [
        subprocess.Popen(
            [sys.executable, str(ADDING), options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    for writer in writers:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
    said = []
    for writer in writers:
        assert writer.stdin is not None
        print(file=writer.stdin, flush=True)
    for writer in writers:
        said.append(writer.communicate(timeout=40)[0])
        assert writer.returncode == 0
    assert sum(map(int, said)) > 0, "they never met"
    with clients(warehouse) as client:
        found = """select epoch from db.ops.ingest_cursor where "PARTITION" = 0"""
        assert client(found) == [(41,)]
