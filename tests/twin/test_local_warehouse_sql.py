"""SQL of the embedded warehouse: values, functions, no-ops, stages, definitions."""

import contextlib
import datetime as dt
import hashlib
import logging
from collections.abc import Iterator
from decimal import Decimal
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
import snowflake.connector
from snowflake.connector.errors import Error, ProgrammingError

from winestream.local import EmbeddedWarehouse

pytestmark = pytest.mark.timeout(60)

NAIVE = dt.datetime(2026, 1, 2, 3, 4, 5, 6)  # noqa: DTZ001 - a TIMESTAMP_NTZ
ZONED = dt.datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=dt.UTC)
EVERYTHING = """
    create or replace table everything (
      text varchar, bytes binary, naive timestamp_ntz, zoned timestamp_tz,
      money number(12, 2), flag boolean, whole int, real float, day date,
      "PARTITION" int, "OFFSET" int
    )"""
SHORT_MERGE = """
    merge into short s using (select 'abcd' n) w on s.name = w.n
    when not matched then insert (name) values (w.n)"""
MASK = """
    create or replace masking policy db.raw.mask as (v varchar) returns varchar
    -> case when current_role() = 'X' then v else '***' end"""
VALUES = (
    "é '%' \\ $x ; --",
    b"\x00\xff",
    NAIVE,
    ZONED,
    Decimal("19.99"),
    True,
    2**40,
    1.5,
    dt.date(2026, 1, 1),
    3,
    4,
)


@contextlib.contextmanager
def connected(warehouse: EmbeddedWarehouse, **options: Any) -> Iterator[Any]:
    """Lend a cursor of a connection that is closed at the end."""
    given = {"database": "DB", "schema": "RAW", "autocommit": True, **options}
    connection = snowflake.connector.connect(**warehouse.connection, **given)
    try:
        yield connection.cursor()
    finally:
        connection.close()


@pytest.fixture(scope="module")
def warehouse() -> Iterator[EmbeddedWarehouse]:
    """One warehouse for the module."""
    with EmbeddedWarehouse.start() as started:
        yield started


@pytest.fixture
def cursor(warehouse: EmbeddedWarehouse) -> Iterator[Any]:
    """Lend a cursor on the module's warehouse."""
    with connected(warehouse) as cursor:
        yield cursor


def rows(cursor: Any, sql: str, *values: Any) -> list[Any]:
    """All rows that a statement answers."""
    return cursor.execute(sql, *values).fetchall()


@pytest.mark.parametrize(("style", "mark"), [("qmark", "?"), ("pyformat", "%s")])
@pytest.mark.parametrize("values", [VALUES, (None,) * len(VALUES)], ids=["set", "null"])
def test_bound_values_come_back_unchanged(
    warehouse: EmbeddedWarehouse, style: str, mark: str, values: tuple[Any, ...]
) -> None:
    """INSERT … VALUES with binds of every type, NULL included, in both styles."""
    with connected(warehouse, paramstyle=style) as cursor:
        cursor.execute(EVERYTHING)
        bound = list(values)
        if style == "qmark" and bound[3] is not None:
            bound[3] = ("TIMESTAMP_TZ", bound[3])
        marks = ", ".join([mark] * len(values))
        cursor.execute(f"insert into everything values ({marks})", bound)
        assert rows(cursor, "select * from everything") == [values]
        where = f'select count(*) from everything where "PARTITION" = {mark}'
        assert rows(cursor, where, (3,)) == [(int(values[0] is not None),)]


def test_executemany_is_one_statement(warehouse: EmbeddedWarehouse) -> None:
    """An array binding lands whole or not at all, NULLs included, and counts."""
    with connected(warehouse, paramstyle="qmark") as cursor:
        cursor.execute("create or replace table many (n int not null, b binary)")
        insert = "insert into many values (?, ?)"
        cursor.executemany(insert, [(i, None if i % 2 else b"x") for i in range(300)])
        assert cursor.rowcount == 300
        with pytest.raises(Error) as refused:
            cursor.executemany(insert, [(1, b"x"), (None, b"x")])
        assert refused.value.errno == 100072
        assert rows(cursor, "select count(*), count(b) from many") == [(300, 150)]


def test_binds_keep_their_places(warehouse: EmbeddedWarehouse) -> None:
    """Values bound in SET, FROM, WHERE, USING and WHEN each reach their own mark."""
    with connected(warehouse, paramstyle="qmark", autocommit=False) as cursor:
        cursor.execute("create or replace table places (k int, v int)")
        cursor.execute("insert into places values (1, 10), (2, 20)")
        cursor.execute(
            "update places p set p.v = s.v + ? from (select k, v from places "
            "where v > ?) s where p.k = s.k and p.k <> ?",
            (5, 15, 1),
        )
        cursor.execute(
            "merge into places p using (select 2 k union all select ?) s on p.k = s.k "
            "and p.k > ? when matched then update set v = v + ? "
            "when not matched then insert (k, v) values (s.k, ?)",
            (3, 0, 100, 7),
        )
        assert cursor.fetchall() == [(1, 1)]
        cursor.execute("delete from places where k = ?", (1,))
        assert rows(cursor, "select * from places order by k") == [(2, 125), (3, 7)]


def test_a_refusal_is_found_in_a_large_load(cursor: Any) -> None:
    """One value that is too long among many fails all of them."""
    cursor.execute("create or replace table large (name varchar(6), n int)")
    digits = "(select column1 d from values (0),(1),(2),(3),(4),(5),(6),(7),(8),(9))"
    crossed = ", ".join(f"{digits} {name}" for name in "abcde")
    number = "a.d + 10 * b.d + 100 * c.d + 1000 * d.d + 10000 * e.d"
    insert = f"insert into large select '1' || ({number})::varchar, 1 from {crossed}"
    cursor.execute(insert)
    with pytest.raises(ProgrammingError) as refused:
        cursor.execute(insert.replace("'1' ||", "'10' ||"))
    assert refused.value.errno == 100078
    assert rows(cursor, "select count(*) from large") == [(100_000,)]


def test_varchar_lengths_are_enforced(cursor: Any) -> None:
    """A value longer than VARCHAR(n) fails INSERT, COPY's way in, and MERGE."""
    cursor.execute("create or replace table short (name varchar(3), other varchar)")
    cursor.execute("insert into short values ('abc', 'anything')")
    for sql in (
        "insert into short values ('abcd', '')",
        "insert into short select 'abcd', ''",
        SHORT_MERGE,
    ):
        with pytest.raises(ProgrammingError) as refused:
            cursor.execute(sql)
        assert refused.value.errno == 100078
    assert rows(cursor, "select name from short") == [("abc",)]


def test_sums_are_exact(cursor: Any) -> None:
    """SUM of money is a decimal; beyond 64 bits it still keeps each digit."""
    cursor.execute(
        "create or replace table money (amount number(12, 2), payload varchar)"
    )
    cursor.execute("insert into money values (0.10, 'a'), (0.20, 'é'), (0.30, 'c')")
    halves = [
        int.from_bytes(hashlib.md5(p.encode()).digest()[8:])  # noqa: S324 - as SQL does
        for p in ("a", "é", "c")
    ]
    assert rows(
        cursor,
        "select sum(amount), sum(md5_number_lower64(payload)), "
        "sum(octet_length(payload)), sum(length(payload)) from money",
    ) == [(Decimal("0.60"), sum(halves), 4, 3)]


def test_functions_of_the_session(cursor: Any) -> None:
    """CURRENT_SESSION, LAST_QUERY_ID and their like answer; so do text functions."""
    found = cursor.execute("select 1")
    query_id = found.sfqid
    assert rows(cursor, "select last_query_id()") == [(query_id,)]
    assert rows(cursor, "select current_transaction()") == [(None,)]
    assert rows(cursor, "select current_session()")[0][0].isdigit()
    assert rows(cursor, "select octet_length('é'), md5_number_lower64('a')") == [
        (2, int.from_bytes(hashlib.md5(b"a").digest()[8:]))  # noqa: S324 - as SQL does
    ]
    cursor.execute("select octet_length('a'), current_session()")
    names = [column[0] for column in cursor.description]
    assert names == ["OCTET_LENGTH('a')", "CURRENT_SESSION()"]


def test_json_paths_over_text(cursor: Any) -> None:
    """TRY_PARSE_JSON(payload):x::varchar reads a text column, NULL where it cannot."""
    cursor.execute("create or replace table documents (n int, payload varchar)")
    cursor.execute(
        "insert into documents values (1, '{\"x\": \"é\"}'), (2, 'not json')"
    )
    found = "select try_parse_json(payload):x::varchar from documents order by n"
    assert rows(cursor, found) == [("é",), (None,)]


@pytest.mark.parametrize(
    "sql",
    [
        "alter session set lock_timeout = 20, query_tag = 'x y'",
        "alter session unset query_tag",
        "grant usage on schema db.raw to role loader",
        "grant role loader to user somebody",
        "revoke all on all tables in schema db.raw from role reader",
        "create warehouse if not exists ingest_wh warehouse_size = 'XSMALL'",
        "alter warehouse ingest_wh suspend",
        "create role if not exists loader",
        "use role loader",
        "use warehouse ingest_wh",
        "use secondary roles all",
        "create user if not exists loader type = service",
        MASK,
        "alter table plain modify column n set masking policy db.raw.mask",
        "alter table plain set change_tracking = true",
        "alter table plain cluster by (n)",
        "create tag if not exists cost",
        "comment on table plain is 'x'",
    ],
)
def test_an_accounts_affairs_are_accepted(cursor: Any, sql: str) -> None:
    """Grants, roles, warehouses, policies and parameters do nothing, quietly."""
    cursor.execute("create table if not exists plain (n int)")
    assert rows(cursor, sql) == [("Statement executed successfully.",)]


def test_definitions_can_be_repeated(cursor: Any) -> None:
    """CREATE … IF NOT EXISTS of every kind succeeds twice and replaces nothing."""
    for _ in range(2):
        for sql in (
            "create database if not exists db",
            "create schema if not exists db.again",
            'create table if not exists db.again.t ("PARTITION" int, "OFFSET" int)',
            'create view if not exists db.again.v as select "OFFSET" from db.again.t',
            "create stage if not exists db.again.s",
            "create file format if not exists db.again.f type = parquet",
        ):
            cursor.execute(sql)
        cursor.execute("insert into db.again.t values (1, 2)")
    assert rows(cursor, "select * from db.again.v") == [(2,), (2,)]


def test_stages_hold_files_by_prefix(cursor: Any, tmp_path: Path) -> None:
    """PUT into a folder, LIST and REMOVE by prefix; other files stay."""
    cursor.execute("create stage if not exists db.raw.files")
    for name in ("a1", "a2", "b1"):
        (tmp_path / f"{name}.parquet").write_bytes(name.encode())
        put = f"put file://{tmp_path}/{name}.parquet @db.raw.files/dir"
        assert rows(cursor, f"{put} auto_compress = false")[0][6] == "UPLOADED"
    found = rows(cursor, "list @db.raw.files/dir/a")
    assert [(row[0], row[1]) for row in found] == [
        ("files/dir/a1.parquet", 2),
        ("files/dir/a2.parquet", 2),
    ]
    assert found[0][2] == hashlib.md5(b"a1").hexdigest()  # noqa: S324 - as LIST does
    assert len(rows(cursor, "remove @db.raw.files/dir/a")) == 2
    assert [r[0] for r in rows(cursor, "list @files")] == ["files/dir/b1.parquet"]
    with pytest.raises(ProgrammingError, match="does not exist"):
        cursor.execute("list @db.raw.nowhere")


@pytest.mark.skipif(
    metadata.version("snowflake-connector-python") < "5",
    reason="connector 4 never looks whether the file is there already",
)
def test_put_overwrites_only_when_asked(cursor: Any, tmp_path: Path) -> None:
    """A second PUT of a name is skipped; with OVERWRITE it replaces the file."""
    cursor.execute("create stage if not exists db.raw.again")
    file = tmp_path / "x.parquet"
    outcome = []
    for content, overwrite in ((b"1", False), (b"22", False), (b"333", True)):
        file.write_bytes(content)
        put = f"put file://{file} @db.raw.again auto_compress = false"
        found = rows(cursor, f"{put} overwrite = {overwrite}")
        size = rows(cursor, "list @db.raw.again")[0][1]
        outcome.append((found[0][6], size))
    assert outcome == [("UPLOADED", 1), ("SKIPPED", 1), ("UPLOADED", 3)]


def test_put_compresses_as_asked(cursor: Any, tmp_path: Path) -> None:
    """Without AUTO_COMPRESS = FALSE a text file arrives gzipped under its new name."""
    cursor.execute("create stage if not exists db.raw.packed")
    (tmp_path / "x.csv").write_text("1\n")
    cursor.execute(f"put file://{tmp_path}/x.csv @db.raw.packed")
    assert [row[0] for row in rows(cursor, "list @packed")] == ["packed/x.csv.gz"]


def test_merge_refuses_an_ambiguous_source(cursor: Any) -> None:
    """Two source rows for one target row are an error, as on an account."""
    cursor.execute("create or replace table target (k int, v int)")
    cursor.execute("insert into target values (1, 0)")
    with pytest.raises(ProgrammingError) as refused:
        cursor.execute(
            "merge into target t using (select 1 k, 5 v union all select 1, 6) s "
            "on t.k = s.k when matched then update set v = s.v"
        )
    assert refused.value.errno == 100090
    assert rows(cursor, "select v from target") == [(0,)]


def test_merge_counts_each_action(cursor: Any) -> None:
    """The result names inserted, updated and deleted rows, those that can occur."""
    cursor.execute("create or replace table target (k int, v int)")
    cursor.execute("insert into target values (1, 0), (2, 0)")
    cursor.execute(
        "merge into target t using (select 1 k union all select 2 union all select 3)"
        " s on t.k = s.k when matched and s.k = 1 then delete "
        "when matched then update set t.v = s.k "
        "when not matched then insert (k, v) values (s.k, s.k)"
    )
    names = [column[0] for column in cursor.description]
    assert names == [f"number of rows {w}" for w in ("inserted", "updated", "deleted")]
    assert cursor.fetchall() == [(1, 1, 1)]
    assert rows(cursor, "select * from target order by k") == [(2, 2), (3, 3)]


def test_no_payload_reaches_a_log(
    warehouse: EmbeddedWarehouse, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither the client's log nor the holder's output shows a bound value."""
    canary = "canary-2f1c"
    with caplog.at_level(logging.INFO), connected(warehouse, paramstyle="qmark") as c:
        c.execute("create or replace table secret (v varchar not null)")
        c.execute("insert into secret values (?)", (canary,))
        with pytest.raises(ProgrammingError):
            c.execute(f"insert into secret values ('{canary}', 'too many')")
        with pytest.raises(ProgrammingError):
            c.execute(f"merge secret {canary}")
    assert canary not in caplog.text
    assert canary not in "".join(warehouse._holder._tail)
