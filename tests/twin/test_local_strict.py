"""Where fakesnow is kinder than Snowflake, or answers otherwise: the twin does not."""

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import snowflake.connector
from snowflake.connector.errors import Error

from winestream.local import EmbeddedWarehouse

pytestmark = pytest.mark.timeout(60)


@pytest.fixture(scope="module")
def cursor() -> Iterator[Any]:
    """Lend a cursor on a warehouse with a table `t` of one row."""
    with EmbeddedWarehouse.start(time_factor=0) as warehouse:
        connection = snowflake.connector.connect(
            **warehouse.connection,
            database="DB",
            schema="RAW",
            autocommit=True,
            paramstyle="qmark",
        )
        cursor = connection.cursor()
        cursor.execute("create table t (v variant, b binary, d date, s varchar)")
        cursor.execute(
            """insert into t select parse_json('{"a": "5", "n": [1, 2]}'),
            to_binary('ab', 'hex'), '2026-03-04', 'nothing of the kind'"""
        )
        yield cursor
        connection.close()


def one(cursor: Any, expression: str, *values: Any) -> Any:
    """Return what an expression over `t` is."""
    return cursor.execute(f"select {expression} from t", *values).fetchall()[0][0]


@pytest.mark.parametrize(
    "expression",
    [
        "try_cast(v:a as number)",
        "try_cast(v['a'] as number(10, 2))",
        "try_cast(v as number)",
        """parse_json('{"a": 1, "a": 2}')""",
        """parse_json('{"o": [{"a": 1, "a": 2}]}')""",
        "parse_json('{')",
        "md5(b)",
        "md5_hex(b)",
        "md5_number_lower64(b)",
        "sha2(b)",
    ],
)
def test_what_an_account_refuses_is_refused(cursor: Any, expression: str) -> None:
    """TRY_CAST of a VARIANT, a key twice in one object, a digest of BINARY."""
    with pytest.raises(Error):
        one(cursor, expression)


@pytest.mark.parametrize(
    "expression",
    [
        "try_to_timestamp(s)",
        "try_to_timestamp_ntz(s)",
        "try_to_timestamp_tz(s)",
        "try_to_date(s)",
        "try_to_date(s, 'DD/MM/YYYY')",
        "try_to_time(s)",
        "try_to_number(s)",
        "try_to_boolean(s)",
        "try_to_double(s)",
        "try_cast(s as timestamp_ntz)",
        "try_cast(s as date)",
        "try_cast(s as number(12, 2))",
        """try_parse_json('{"a": 1, "a": 2}')""",
        """try_parse_json('{"o": {"a": 1, "a": 2}}')""",
        "try_parse_json(s)",
        "try_parse_json(null)",
        "try_parse_json(s):a::varchar",
    ],
)
def test_whatever_begins_with_try_never_raises(cursor: Any, expression: str) -> None:
    """It answers NULL for what cannot be read."""
    assert one(cursor, expression) is None


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("try_cast(v:a::varchar as number(10, 2))", Decimal("5.00")),
        ("try_to_timestamp('2026-01-02 03:04:05')", dt.datetime(2026, 1, 2, 3, 4, 5)),  # noqa: DTZ001
        ("try_to_timestamp('1700000000')", dt.datetime(2023, 11, 14, 22, 13, 20)),  # noqa: DTZ001
        ("try_to_timestamp('1700000000000')", dt.datetime(2023, 11, 14, 22, 13, 20)),  # noqa: DTZ001
        ("try_to_date('2026-01-02')", dt.date(2026, 1, 2)),
        ("""parse_json('[{"a": 1}, {"a": 2}]')[1]:a::int""", 2),
        ("md5('x')", "9dd4e461268c8034f5c8564e155c67a6"),
        ("to_char(d, 'YYYY-MM')", "2026-03"),
        ("to_varchar(d, 'DD.MM.YY')", "04.03.26"),
        ("to_char(5)", "5"),
        ("rtrim('ab, ,', ', ')", "ab"),
        ("ltrim('xxab', 'x')", "ab"),
        ("trim('xabx', 'x')", "ab"),
        ("is_role_in_session('ANYBODY')", True),
    ],
)
def test_what_an_account_answers_is_answered(
    cursor: Any, expression: str, value: Any
) -> None:
    """Formats, second arguments and texts in VARIANT count."""
    assert one(cursor, expression) == value


def test_a_window_may_be_over_what_is_checked(cursor: Any) -> None:
    """The checks of types are no reason for DuckDB to refuse a PARTITION BY."""
    cursor.execute(
        "select row_number() over (partition by md5(s), try_cast(s as number) "
        "order by sha2(s)) from t"
    )
    assert cursor.fetchall() == [(1,)]


def test_count_if_over_nothing_is_zero(cursor: Any) -> None:
    """Not NULL."""
    cursor.execute("select count_if(s = 'x'), count_if(s is null) n from t where false")
    assert cursor.fetchall() == [(0, 0)]


def test_flatten_keeps_the_order_and_answers_no_rows_for_a_scalar(cursor: Any) -> None:
    """INDEX belongs to its element however long the array; a number has none."""
    numbers = "[" + ",".join(str(number) for number in range(3000)) + "]"
    cursor.execute(
        "select count(*), count_if(f.index = f.value::int) from t, "
        "lateral flatten(input => parse_json(?)) f",
        (numbers,),
    )
    assert cursor.fetchall() == [(3000, 3000)]
    cursor.execute("select f.value from t, lateral flatten(input => v:a) f")
    assert cursor.fetchall() == []


def test_a_text_of_parquet_stays_a_text_in_variant(cursor: Any, tmp_path: Path) -> None:
    """COPY does not parse it: a path into it is NULL, as on an account."""
    file = tmp_path / "texts.parquet"
    pq.write_table(pa.table({"K": [1, 2], "V": ['{"a": 1}', None]}), file)
    cursor.execute("create table loaded (k int, v variant)")
    cursor.execute("create stage texts")
    cursor.execute(f"put file://{file} @texts auto_compress=false")
    cursor.execute("create file format f type = parquet")
    cursor.execute(
        "copy into loaded from @texts/texts.parquet file_format = (format_name = 'f') "
        "match_by_column_name = case_insensitive"
    )
    cursor.execute("select v is null, v:a from loaded order by k")
    assert cursor.fetchall() == [(False, None), (True, None)]


def test_every_mark_of_a_statement_keeps_its_value(cursor: Any) -> None:
    """Marks in USING, ON, SET and VALUES; doubled by a translation; with a cast."""
    cursor.execute("create or replace table m (k int, n varchar, v variant)")
    cursor.execute("insert into m (k, n) values (1, 'a'), (2, 'b')")
    merge = """
        merge into m using (
            select column1 k, iff(column2 = ?, ?, column2) n
            from values (?, ?), (?, ?)
        ) s on m.k = s.k and m.k > ?
        when matched and m.n <> ? then update set n = s.n || ?
        when not matched then insert (k, n) values (s.k + ?, ?::varchar)"""
    values = ("x", "y", 2, "x", 9, "z", 0, "zz", "!", 10, "new")
    assert cursor.execute(merge, values).fetchall() == [(1, 1)]
    cursor.execute("insert into m select ?, ?, try_parse_json(?)", (3, "c", '{"p": 1}'))
    where = "where k = ? or n <> ? order by k"
    cursor.execute(f"select k, n, v:p::int from m {where}", (1, ""))
    assert cursor.fetchall() == [
        (1, "a", None),
        (2, "y!", None),
        (3, "c", 1),
        (19, "new", None),
    ]


def test_a_repeated_statement_sees_new_tables_and_values(cursor: Any) -> None:
    """Translations are remembered by text and place; what they find is looked up."""
    for number in (1, 2):
        cursor.execute("create or replace table again (n int)")
        cursor.execute("insert into again values (?)", (number,))
        cursor.execute("select n, ? from again", (number * 10,))
        assert cursor.fetchall() == [(number, number * 10)]
        cursor.execute(f"create or replace schema place_{number}")
        cursor.execute("create table here as select current_schema() s")
        cursor.execute("select s from here")
        assert cursor.fetchall() == [(f"PLACE_{number}",)]
        cursor.execute("use schema raw")
