"""Repeatable files and variables, without a warehouse."""

from pathlib import Path

import pytest

from winestream.errors import ConfigurationError
from winestream.operations.repeatables import (
    Repeatable,
    Template,
    packaged_templates,
    read_templates,
)
from winestream.operations.variables import VARIABLES, assignments, fill, values

DEFAULTS = values({}, "WINE")


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE OR REPLACE TABLE A (X NUMBER)",
        "create or replace stream s on table t append_only = true",
        "/* a comment */ CREATE\nOR  REPLACE TASK T AS SELECT 1",
        "CREATE OR REPLACE MASKING POLICY P AS (V VARCHAR) RETURNS VARCHAR -> V",
    ],
)
def test_only_views_may_be_replaced(sql: str) -> None:
    """The refusal names the file, the line and the statement."""
    file = Repeatable("31_x.sql", f"SELECT 1;\n{sql};")
    with pytest.raises(ConfigurationError, match=r"31_x\.sql, line 2 .*only views"):
        _ = file.statements


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE OR REPLACE VIEW V AS SELECT 1 AS A",
        "create or replace secure view v copy grants as select 1 as a",
        "CREATE TASK IF NOT EXISTS T AS INSERT INTO A SELECT 'CREATE OR REPLACE TABLE'",
    ],
)
def test_views_are_replaced(sql: str) -> None:
    """And nobody reads what is inside a text."""
    assert len(Repeatable("31_x.sql", sql).statements) == 1


def test_a_checksum_knows_values_and_not_layout() -> None:
    """Comments and spaces change nothing, the value of a variable does."""
    text = "-- one\nALTER TASK T SET WAREHOUSE = ${warehouse};"
    template = Template("10_t.sql", text)
    same = Template("10_t.sql", "ALTER  TASK T SET\nWAREHOUSE = ${warehouse}")
    other = values({"warehouse": "OTHER"}, "WINE")
    plain, spaced, changed = (
        template.filled(DEFAULTS),
        same.filled(DEFAULTS),
        template.filled(other),
    )
    assert plain is not None
    assert spaced is not None
    assert changed is not None
    assert plain.checksum == spaced.checksum != changed.checksum
    assert changed.statements[0].text.endswith("= OTHER")


def test_a_when_line_leaves_a_file_out() -> None:
    """It counts only in the head of the file."""
    file = Template("60_p.sql", "-- When:       masking = policy\n\nSELECT 1;")
    assert file.filled(DEFAULTS) is None
    assert file.filled(values({"masking": "policy"}, "WINE")) is not None
    late = Template("60_p.sql", "-- Purpose: x\n\n-- When: masking = policy\nSELECT 1;")
    assert late.filled(DEFAULTS) is not None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("warehouse", "W; DROP DATABASE WINE"),
        ("warehouse", "W'"),
        ("warehouse", ""),
        ("warehouse", "1W"),
        ("reader_role", "R-1"),
        ("minimum_trigger_seconds", "9"),
        ("minimum_trigger_seconds", "ten"),
        ("kpi_schedule", "5 MINUTES'"),
        ("kpi_schedule", "soon"),
        ("kpi_schedule", "USING CRON * * * * UTC"),
        ("masking", "a bit"),
        ("cursor_table", "HYBRID"),
        ("database", 'W"'),
    ],
)
def test_a_value_that_is_none_is_refused(name: str, value: str) -> None:
    """The error names the variable and what it has to be."""
    with pytest.raises(ConfigurationError, match=f"variable {name}=.* must be"):
        values({name: value}, "WINE")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("kpi_schedule", "1 HOUR"),
        ("kpi_schedule", "USING CRON 0 9-17 * * MON-FRI Europe/Paris"),
        ("warehouse", "small_wh"),
        ("masking", "views"),
        ("database", "OTHER"),
    ],
)
def test_a_good_value_is_taken(name: str, value: str) -> None:
    """As it is written."""
    assert values({name: value}, "WINE")[name] == value


def test_variables_have_one_place() -> None:
    """An unknown name is refused wherever it stands; the session's database counts."""
    assert DEFAULTS["database"] == "WINE"
    assert DEFAULTS.keys() == VARIABLES.keys()
    with pytest.raises(ConfigurationError, match="no variable nonsense"):
        values({"nonsense": "1"}, "WINE")
    with pytest.raises(ConfigurationError, match=r"a\.sql, line 2: .*nonsense"):
        fill("SELECT 1;\nSELECT ${nonsense}", DEFAULTS, "a.sql")
    odd = values({}, "odd name")
    with pytest.raises(ConfigurationError, match="no plain name"):
        fill("USE ${database}", odd, "a.sql")


def test_assignments_are_read_from_a_command_line() -> None:
    """`name=value`, the first `=` counts."""
    assert assignments(["a=1", "b = x=y"]) == {"a": "1", "b": "x=y"}
    with pytest.raises(ConfigurationError, match="name=value"):
        assignments(["a"])


def test_files_are_read_in_order(tmp_path: Path) -> None:
    """Only names that sort as they are meant to; no folder is no file."""
    for name in ("20_b.sql", "10_a.sql"):
        (tmp_path / name).write_text("SELECT 1;")
    assert [each.name for each in read_templates(tmp_path)] == ["10_a.sql", "20_b.sql"]
    assert read_templates(tmp_path / "nowhere") == ()
    (tmp_path / "Not One.sql").touch()
    with pytest.raises(ConfigurationError, match="no repeatable file's name"):
        read_templates(tmp_path)


def test_our_own_files_fill_with_every_value() -> None:
    """Whatever `masking` and `cursor_table` are, each file is whole and allowed."""
    ours = packaged_templates()
    assert ours.after
    for masking in ("none", "views", "policy"):
        for cursor in ("standard", "hybrid"):
            given = values({"masking": masking, "cursor_table": cursor}, "WINE")
            for template in (*ours.before, *ours.after):
                file = template.filled(given)
                if file is not None:
                    assert file.statements
                    assert "${" not in file.text
