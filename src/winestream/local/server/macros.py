"""SQL functions of our own in every database, and repairs of fakesnow's.

Each says what fakesnow, or DuckDB, does instead; delete one when that has changed
(tests/twin/test_local_upstream.py tells).
"""

from string import Template

from fakesnow import macros

# fakesnow numbers the elements by row_number() OVER (), which DuckDB does not order:
# in a large array an index belongs to another element. And what is neither array nor
# object raises, where FLATTEN answers no rows.
_FLATTEN = Template(
    """
CREATE OR REPLACE MACRO ${catalog}._fs_flatten(input) AS TABLE
    SELECT
        hash(e.j)::UBIGINT AS SEQ,
        e.k AS KEY,
        COALESCE(e.k, '[' || e.i || ']') AS PATH,
        CASE WHEN e.k IS NOT NULL THEN NULL ELSE e.i END AS INDEX,
        e.v AS VALUE,
        e.j AS THIS
    FROM (
        SELECT j, UNNEST(
            CASE json_type(j)
                WHEN 'OBJECT' THEN list_transform(
                    json_keys(j),
                    lambda x, i: struct_pack(
                        k := x, i := (i - 1)::BIGINT, v := CAST(j -> x AS JSON)
                    )
                )
                WHEN 'ARRAY' THEN list_transform(
                    CAST(j AS JSON[]),
                    lambda x, i: struct_pack(
                        k := NULL::VARCHAR, i := (i - 1)::BIGINT, v := x
                    )
                )
            END, recursive := true
        )
        FROM (SELECT TO_JSON(input) AS j)
    ) AS e(j, k, i, v)
"""
)

# DuckDB's JSON takes a key twice in one object; PARSE_JSON does not, at any depth.
_UNIQUE_KEYS = Template(
    """
CREATE OR REPLACE MACRO ${catalog}._ws_json_text(input) AS (
    CASE WHEN input IS NULL OR (
        SELECT count(*) = count(DISTINCT fullkey)
        FROM json_tree(CASE WHEN json_valid(input) THEN input END)
    ) THEN input
    ELSE error('Error parsing JSON: duplicate object attribute') END
);
CREATE OR REPLACE MACRO ${catalog}._ws_json_text_or_null(input) AS (
    CASE WHEN json_valid(input) AND (
        SELECT count(*) = count(DISTINCT fullkey)
        FROM json_tree(CASE WHEN json_valid(input) THEN input END)
    ) THEN input END
);
"""
)

# fakesnow turns TRY_CAST(… AS TIMESTAMP) into a cast that raises. A whole number in
# a text counts seconds, or thousandths and so on, by its size.
_TRY_TIMESTAMP = Template(
    """
CREATE OR REPLACE MACRO ${catalog}._ws_try_timestamp(input) AS (
    CASE
        WHEN try_cast(input AS BIGINT) IS NULL THEN try_cast(input AS TIMESTAMP)
        WHEN abs(try_cast(input AS BIGINT)) < 31536000000
            THEN make_timestamp(try_cast(input AS BIGINT) * 1000000)
        WHEN abs(try_cast(input AS BIGINT)) < 31536000000000
            THEN make_timestamp(try_cast(input AS BIGINT) * 1000)
        WHEN abs(try_cast(input AS BIGINT)) < 31536000000000000
            THEN make_timestamp(try_cast(input AS BIGINT))
        ELSE make_timestamp(try_cast(input AS BIGINT) // 1000)
    END
);
"""
)

# TRY_CAST and the digests would take what an account refuses to give them. A cast that
# cannot succeed says so: DuckDB's error() is volatile, and no window may be over it.
_TYPES = Template(
    """
CREATE OR REPLACE MACRO ${catalog}._ws_text_only(input, what) AS (
    CASE WHEN CAST(
        CASE WHEN typeof(input) = 'JSON'
        THEN what || ' cannot be used with arguments of type VARIANT' END AS BOOLEAN
    ) IS NULL THEN input END
);
CREATE OR REPLACE MACRO ${catalog}._ws_no_binary(input, what) AS (
    CASE WHEN CAST(
        CASE WHEN typeof(input) = 'BLOB'
        THEN 'Invalid argument types for function ' || what || ': (BINARY)' END
        AS BOOLEAN
    ) IS NULL THEN input END
);
"""
)

_OURS = (_FLATTEN, _UNIQUE_KEYS, _TRY_TIMESTAMP, _TYPES)
_of_fakesnow = macros.creation_sql


def creation_sql(catalog: str) -> str:
    """All macros of a database; those of ours replace fakesnow's."""
    ours = ";".join(template.substitute(catalog=catalog) for template in _OURS)
    return f"{_of_fakesnow(catalog)};{ours}"


def install() -> None:
    """Let fakesnow create them wherever it creates its own."""
    macros.creation_sql = creation_sql
