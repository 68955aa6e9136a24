import pytest
import sqlglot
from sqlglot import expressions

from full_stack.dashboard.queries import ALL, Query


@pytest.mark.parametrize("query", ALL, ids=lambda query: query.name)
def test_a_question_is_one_select_of_snowflakes_with_its_parameters(
    query: Query,
) -> None:
    """It parses as Snowflake's SQL, only reads, and binds exactly what it takes."""
    (statement,) = sqlglot.parse(query.sql, dialect="snowflake")
    assert isinstance(statement, expressions.Query)
    assert not list(statement.find_all(expressions.DML, expressions.Command))
    assert len(list(statement.find_all(expressions.Placeholder))) == len(query.takes)


@pytest.mark.parametrize("query", ALL, ids=lambda query: query.name)
def test_a_question_names_tables_with_their_schema_and_no_address(
    query: Query,
) -> None:
    """Nobody's e-mail is asked for, and no session's current schema counts."""
    tree = sqlglot.parse_one(query.sql, dialect="snowflake")
    shadows = {each.alias_or_name for each in tree.find_all(expressions.CTE)}
    tables = [t for t in tree.find_all(expressions.Table) if t.name not in shadows]
    assert tables
    assert {t.db for t in tables} <= {
        "RAW",
        "STAGING",
        "PRODUCTION",
        "ANALYTICS",
        "OPS",
    }
    assert "EMAIL" not in query.sql
    assert "PAYLOAD" not in query.sql.replace("PAYLOAD_MD5", "")


def test_names_are_keys() -> None:
    """Answers are remembered by their question's name."""
    assert len({query.name for query in ALL}) == len(ALL) > 20
