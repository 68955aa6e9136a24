"""Streams of the embedded warehouse, by the genuine connector."""

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import snowflake.connector
from snowflake.connector.errors import Error, ProgrammingError

from winestream.local import EmbeddedWarehouse

pytestmark = pytest.mark.timeout(60)

HAS_DATA = "select system$stream_has_data('s')"
CONSUME = "insert into target select id from s"


class Client:
    """A connection that answers with all rows."""

    def __init__(self, warehouse: EmbeddedWarehouse, **options: Any) -> None:
        given = {"database": "DB", "schema": "RAW", "autocommit": True, **options}
        self.connection = snowflake.connector.connect(**warehouse.connection, **given)

    def __call__(self, sql: str, *values: Any) -> list[Any]:
        """Return all rows that a statement answers."""
        return list(self.connection.cursor().execute(sql, *values).fetchall())

    def ids(self, sql: str) -> list[int]:
        """Sort the first column."""
        return sorted(row[0] for row in self(sql))


@pytest.fixture(scope="module")
def shared() -> Iterator[EmbeddedWarehouse]:
    """One warehouse for the module, whose tasks never run by themselves."""
    with EmbeddedWarehouse.start(time_factor=0) as started:
        yield started


@contextlib.contextmanager
def client(warehouse: EmbeddedWarehouse, **options: Any) -> Iterator[Client]:
    """Lend a client that is closed at the end."""
    opened = Client(warehouse, **options)
    try:
        yield opened
    finally:
        opened.connection.close()


def prepare(run: Client) -> None:
    """Make a base, a stream on it, and a table to consume into."""
    for table, columns in (("base", "id int, name varchar"), ("target", "id int")):
        run(f"create or replace table {table} ({columns})")
    run("create or replace stream s on table base append_only = true")


@pytest.fixture(scope="module")
def connected(shared: EmbeddedWarehouse) -> Iterator[Client]:
    """One client for the module."""
    with client(shared) as opened:
        yield opened


@pytest.fixture
def run(connected: Client) -> Client:
    """Offer the module's client with fresh tables and a fresh stream."""
    prepare(connected)
    return connected


def test_a_stream_shows_what_was_inserted_since(run: Client) -> None:
    """Rows of before do not show; later ones do, with three METADATA columns."""
    run("insert into base values (1, 'a')")
    run("create or replace stream s on table base append_only = true")
    assert run(HAS_DATA) == [(False,)]
    run("insert into base values (2, 'b'), (3, 'c')")
    assert run(HAS_DATA) == [(True,)]
    shown = run("select id, name, metadata$action, metadata$isupdate from s order by 1")
    assert shown == [(2, "b", "INSERT", False), (3, "c", "INSERT", False)]
    ids = {row[0] for row in run("select metadata$row_id from s")}
    assert len(ids) == 2
    assert len(run("select * from s")[0]) == 5


def test_show_initial_rows_shows_what_was_there(run: Client) -> None:
    """The first read has the base's rows; consumed once, they are gone."""
    run("insert into base values (1, 'a')")
    run(
        "create or replace stream s on table base append_only = true "
        "show_initial_rows = true comment = 'it''s'"
    )
    run("insert into base values (2, 'b')")
    assert run(CONSUME) == [(2,)]
    assert run(HAS_DATA) == [(False,)]


def test_replacing_a_stream_skips_what_was_not_consumed(run: Client) -> None:
    """As on an account; IF NOT EXISTS leaves it alone, a second CREATE is refused."""
    run("insert into base values (1, 'a')")
    run("create stream if not exists s on table base append_only = true")
    assert run(HAS_DATA) == [(True,)]
    with pytest.raises(ProgrammingError) as refused:
        run("create stream s on table base append_only = true")
    assert refused.value.errno == 2002
    run("create or replace stream s on table base append_only = true")
    assert run(HAS_DATA) == [(False,)]


def test_a_select_does_not_consume(run: Client) -> None:
    """Reading any number of times shows the same rows."""
    run("insert into base values (1, 'a')")
    assert [run.ids("select id from s") for _ in range(3)] == [[1]] * 3


@pytest.mark.parametrize(
    "consume",
    [
        "insert into target select id from s",
        "insert into target select x.id from DB.RAW.S as x where x.id < 0",
        "insert into target with q as (select * from raw.s) select id from q",
        "insert into target with s as (select * from s) select id from s",
        "insert into target select id from base where id in (select id from s)",
        "insert into target select raw.s.id from raw.s join base b on b.id = s.id",
        """merge into target t using (select id from s qualify row_number() over
        (partition by id order by name) = 1) q on t.id = q.id
        when not matched then insert (id) values (q.id)""",
        """merge into target t using s on t.id = s.id
        when not matched then insert (id) values (s.id)""",
        "update target set id = s.id from s where target.id = s.id",
        "delete from target using s where target.id = s.id",
        "create or replace table copied as select id from s",
    ],
)
def test_any_dml_that_reads_a_stream_consumes_it_whole(
    run: Client, consume: str
) -> None:
    """Wherever its name stands, and whatever is filtered away."""
    run("insert into base values (1, 'a'), (2, 'b')")
    run(consume)
    assert run(HAS_DATA) == [(False,)]
    run("insert into base values (3, 'c')")
    assert run.ids("select id from s") == [3]


def test_a_common_table_expression_hides_a_stream_of_its_name(run: Client) -> None:
    """A DML that names only the expression consumes nothing."""
    run("insert into base values (1, 'a')")
    run("insert into target with s as (select 7 as id) select id from s")
    assert run.ids("select * from target") == [7]
    assert run(HAS_DATA) == [(True,)]


def test_each_stream_of_a_table_has_its_own_place(run: Client) -> None:
    """Consuming one leaves the other; one statement may consume both."""
    run("create or replace stream s2 on table base append_only = true")
    run("insert into base values (1, 'a'), (2, 'b')")
    same = run(
        "select count(*) from s join s2 "
        "on s.metadata$row_id = s2.metadata$row_id and s.id = s2.id"
    )
    assert same == [(2,)]
    run(CONSUME)
    assert run.ids("select id from s2") == [1, 2]
    run("insert into base values (3, 'c')")
    run("insert into target select s2.id from s2 left join s on s.id = s2.id")
    assert run(HAS_DATA) == [(False,)]
    assert run("select system$stream_has_data('raw.s2')") == [(False,)]


def test_rollback_gives_a_stream_its_rows_back(run: Client) -> None:
    """Inside a transaction it shows the same rows until COMMIT, and after ROLLBACK."""
    run("insert into base values (1, 'a')")
    run("begin")
    run(CONSUME)
    assert run.ids("select id from s") == [1]
    assert run(CONSUME) == [(1,)]
    run("rollback")
    assert run.ids("select id from s") == [1]
    assert run("select count(*) from target") == [(0,)]
    run("begin")
    run(CONSUME)
    run("commit")
    assert run(HAS_DATA) == [(False,)]
    assert run.ids("select * from target") == [1]


def test_a_failed_statement_consumes_nothing(run: Client) -> None:
    """With autocommit the DML is its own transaction, all or nothing."""
    run("insert into base values (1, 'a')")
    run("create or replace table strict (id varchar(1), n int not null)")
    with pytest.raises(Error):
        run("insert into strict select id, null from s")
    assert run(HAS_DATA) == [(True,)]


def test_rows_of_an_open_transaction_are_in_no_stream(
    shared: EmbeddedWarehouse, run: Client
) -> None:
    """They show when it commits, to itself as well, and never after a ROLLBACK."""
    with client(shared, autocommit=False) as writer:
        writer("insert into base values (1, 'a')")
        assert writer(HAS_DATA) == [(False,)]
        assert run(HAS_DATA) == [(False,)]
        writer("rollback")
        writer("insert into base values (2, 'b')")
        writer("commit")
        assert run.ids("select id from s") == [2]


def test_what_is_committed_while_a_stream_is_consumed_comes_next(
    shared: EmbeddedWarehouse, run: Client
) -> None:
    """A consumer empties what it saw, and nothing that came meanwhile."""
    run("insert into base values (1, 'a')")
    with client(shared, autocommit=False) as slow:
        slow(CONSUME)
        run("insert into base values (2, 'b')")
        assert slow.ids("select id from s") == [1]
        slow("commit")
    assert run.ids("select id from s") == [2]


def test_rival_consumers_conflict(shared: EmbeddedWarehouse, run: Client) -> None:
    """The second one gets 000625, while the first is open and after it committed."""
    run("insert into base values (1, 'a')")
    with client(shared, autocommit=False) as first, client(shared) as second:
        first(CONSUME)
        with pytest.raises(ProgrammingError) as refused:
            second("insert into target select id from s")
        assert refused.value.errno == 625
        second("begin")
        second("select count(*) from base")
        first("commit")
        with pytest.raises(ProgrammingError) as late:
            second(CONSUME)
        assert late.value.errno == 625
        second("rollback")
    assert run.ids("select * from target") == [1]


def test_rivals_and_a_producer_lose_and_double_nothing(  # noqa: C901 - two threads
    shared: EmbeddedWarehouse, run: Client
) -> None:
    """Four consumers that retry at 625 share out every row exactly once."""
    rows, ended = 60, threading.Event()
    run("create or replace table target (id int)")
    failures: list[BaseException] = []

    def produce() -> None:
        with client(shared) as own:
            for number in range(rows):
                own(f"insert into base values ({number}, 'x')")
        ended.set()

    def consume() -> None:
        try:
            with client(shared) as own:
                while True:
                    last = ended.is_set()
                    try:
                        own(CONSUME)
                    except ProgrammingError as error:
                        if error.errno != 625:
                            raise
                        continue
                    if last:
                        return
        except BaseException as error:  # noqa: BLE001 - told by the test's own thread
            failures.append(error)

    threads = [threading.Thread(target=produce)]
    threads += [threading.Thread(target=consume) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert run.ids("select * from target") == list(range(rows))


def test_merge_inserts_show_and_updates_do_not(run: Client) -> None:
    """Of a MERGE, an UPDATE and a DELETE only inserted rows are an append."""
    merge = (
        "merge into base b using (select column1 id, column2 name from values "
        "(1, 'new'), (2, 'new')) q on b.id = q.id "
        "when matched then update set name = q.name, id = q.id "
        "when not matched then insert (id, name) values (q.id, q.name)"
    )
    run("insert into base values (1, 'old')")
    run(CONSUME)
    assert run(merge) == [(1, 1)]
    assert run("select id, name from s") == [(2, "new")]
    run("update base set name = 'again'")
    run("delete from base where id = 2")
    run("truncate table base")
    assert run("select id, name from s") == [(2, "new")]


def test_deleting_from_a_base_loses_no_later_row(run: Client) -> None:
    """Row ids that come again after a DELETE mean nothing to a stream."""
    for number in range(3):
        run(f"insert into base values ({number}, 'x')")
    run(CONSUME)
    run("delete from base")
    run("insert into base values (8, 'x'), (9, 'x')")
    assert run.ids("select id from s") == [8, 9]


def test_a_new_column_shows_in_a_stream(run: Client) -> None:
    """Rows of before have NULL there."""
    run("insert into base values (1, 'a')")
    run("alter table base add column extra varchar")
    run("insert into base values (2, 'b', 'e')")
    assert run("select id, extra from s order by id") == [(1, None), (2, "e")]
    run("alter table base rename to renamed_base")
    run("insert into renamed_base values (3, 'c', 'f')")
    assert run.ids("select id from s") == [1, 2, 3]
    run("drop table renamed_base")


def test_a_stream_does_not_follow_a_table_made_anew(run: Client) -> None:
    """It is stale, says so in SHOW STREAMS, and cannot be read."""
    run("create or replace table base (id int)")
    with pytest.raises(ProgrammingError, match="dropped, cannot read from stream"):
        run("select * from s")
    cursor = run.connection.cursor().execute("show streams like 'S' in schema raw")
    columns = [column.name for column in cursor.description]
    shown = dict(zip(columns, cursor.fetchall()[0], strict=True))
    assert (shown["name"], shown["stale"], shown["mode"]) == (
        "S",
        "true",
        "APPEND_ONLY",
    )


def test_show_and_describe_name_the_table(run: Client) -> None:
    """DESCRIBE is the stream's row of SHOW; a dropped one is in neither."""
    assert run("describe stream s") == run("show streams like 's'")
    assert run("show streams")[0][6] == "DB.RAW.BASE"
    run("drop stream s")
    run("drop stream if exists s")
    assert run("show streams like 's' in account") == []
    with pytest.raises(ProgrammingError):
        run("describe stream s")


@pytest.mark.parametrize(
    "sql",
    [
        "create stream t on table base",
        "create stream t on view base append_only = true",
        "create stream t on table nowhere append_only = true",
        "create stream t on table base append_only = true at (offset => -60)",
        "create view v as select * from s",
        "insert into s values (1)",
        "select system$stream_has_data('nowhere')",
        "drop stream nowhere",
    ],
)
def test_what_streams_cannot_do_here_is_refused(run: Client, sql: str) -> None:
    """An SQL error, at once, and the stream keeps its rows."""
    run("insert into base values (1, 'a')")
    with pytest.raises(ProgrammingError):
        run(sql)
    assert run(HAS_DATA) == [(True,)]


def test_a_kill_in_mid_flight_keeps_every_stream_exact(tmp_path: Path) -> None:
    """SIGKILL with a consumer open: what it read is there again, once."""
    with EmbeddedWarehouse.start(tmp_path, time_factor=0) as warehouse:
        with client(warehouse) as run:
            prepare(run)
            run("insert into base values (1, 'a')")
            run(CONSUME)
            run("insert into base values (2, 'b')")
        consumer = Client(warehouse, autocommit=False)
        consumer(CONSUME)
        writer = Client(warehouse, autocommit=False)
        writer("insert into base values (3, 'c')")
        warehouse.restart()
        for gone in (consumer, writer):
            with contextlib.suppress(Error):
                gone.connection.close()
        with client(warehouse) as run:
            assert run.ids("select * from target") == [1]
            assert run.ids("select id from s") == [2]
            run("insert into base values (4, 'd')")
            run(CONSUME)
            assert run.ids("select * from target") == [1, 2, 4]
            assert run(HAS_DATA) == [(False,)]
