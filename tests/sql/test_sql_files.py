"""What every SQL file must keep to, without a warehouse."""

import re
from pathlib import Path

import pytest
import sqlglot
from sqlfluff.core import FluffConfig, Linter
from sqlglot import exp

from winestream.operations.migrations import Migration, packaged_migrations
from winestream.operations.statements import Statement

ROOT = Path(__file__).parents[2]
MIGRATIONS = packaged_migrations()
STATEMENTS = [
    pytest.param(part, id=f"{each.name}:{part.line}")
    for each in MIGRATIONS
    for part in each.statements
]


def _each_migration() -> pytest.MarkDecorator:
    return pytest.mark.parametrize("migration", MIGRATIONS, ids=lambda each: each.name)


@pytest.mark.parametrize("statement", STATEMENTS)
def test_every_statement_is_snowflake_sql(statement: Statement) -> None:
    """No statement is so odd that sqlglot falls back to an opaque Command."""
    parsed = sqlglot.parse(statement.text, read="snowflake")
    assert len(parsed) == 1, "the splitter and sqlglot see different statements"
    assert isinstance(parsed[0], exp.Create)
    assert not list(parsed[0].find_all(exp.Command))


@pytest.mark.parametrize("statement", STATEMENTS)
def test_every_statement_can_run_again(statement: Statement) -> None:
    """IF NOT EXISTS, and never OR REPLACE: a replaced table is an empty one."""
    assert re.match(
        r"CREATE (SCHEMA|TABLE|STAGE|FILE FORMAT) IF NOT EXISTS ", statement.normalised
    )


@pytest.mark.parametrize("statement", STATEMENTS)
def test_every_name_is_in_a_schema_and_unquoted(statement: Statement) -> None:
    """Files do not depend on the session's schema, and no name ever needs quotes."""
    assert '"' not in statement.text
    name = statement.normalised.split("EXISTS ")[1].split()[0]
    if "SCHEMA" not in statement.normalised.split(" IF ")[0]:
        assert re.fullmatch(r"(RAW|OPS)\.[A-Z_]+", name)


@pytest.mark.parametrize("statement", STATEMENTS)
def test_no_constraint_is_declared_that_snowflake_would_ignore(
    statement: Statement,
) -> None:
    """A key that only the embedded warehouse enforces would hide a duplicate."""
    assert not re.search(r"PRIMARY KEY|UNIQUE|REFERENCES", statement.normalised)


@_each_migration()
def test_every_file_says_what_it_is_for(migration: Migration) -> None:
    """Purpose, layer, owner role and the way back head each file, in this order."""
    header = migration.text.split("\n\n")[0]
    words = re.findall(
        r"^-- (Purpose|Layer|Owner role|Undo): +\S", header, re.MULTILINE
    )
    assert words == ["Purpose", "Layer", "Owner role", "Undo"]


@_each_migration()
def test_every_file_is_clean_under_sqlfluff(migration: Migration) -> None:
    """The linter's Snowflake dialect parses each file and finds nothing."""
    config = FluffConfig.from_path(str(ROOT))
    linted = Linter(config=config).lint_string(migration.text, fname=migration.name)
    assert [str(each) for each in linted.get_violations()] == []
