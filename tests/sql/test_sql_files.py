"""What every SQL file must keep to, without a warehouse."""

import re

import pytest
import sqlglot
from sql_files import SQL, STREAMS, VARIABLES, SqlFile, files, streams_of, task_bodies
from sqlfluff.core import FluffConfig, Linter
from sqlglot import exp

from winestream.operations.statements import Statement

FILES = tuple(files())
LINTER = Linter(config=FluffConfig.from_path(str(SQL.parent)))
BODIES = task_bodies()
DESIGN = {
    "LOAD_STAGING_ORDERS": ({"RAW.ORDER_STREAM"}, "STAGING.STAGING_ORDERS"),
    "LOAD_STAGING_ORDER_LINES": (
        {"RAW.ORDER_LINE_STREAM"},
        "STAGING.STAGING_ORDER_LINES",
    ),
    "LOAD_STAGING_INVENTORY": ({"RAW.INVENTORY_STREAM"}, "STAGING.STAGING_INVENTORY"),
    "LOAD_PROD_ORDERS": (
        {"STAGING.STAGED_ORDERS_FOR_ORDERS", "STAGING.STAGED_LINES_FOR_ORDERS"},
        "PRODUCTION.PROD_ORDERS",
    ),
    "LOAD_PROD_ORDER_LINES": (
        {"STAGING.STAGED_LINES_FOR_LINES"},
        "PRODUCTION.PROD_ORDER_LINES",
    ),
    "LOAD_PROD_INVENTORY": (
        {"STAGING.STAGED_INVENTORY_FOR_STOCK"},
        "PRODUCTION.PROD_INVENTORY",
    ),
    "REFRESH_ANALYTICS": (
        {"STAGING.STAGED_ORDERS_FOR_KPIS", "STAGING.STAGED_INVENTORY_FOR_KPIS"},
        "ANALYTICS.KPI_HISTORY",
    ),
}
"""Task → the streams it consumes and its target: the table of the design."""

# What sqlglot does not know and takes for an opaque Command. Each is held to its whole
# shape instead, so that nothing hides in it.
_NAME = r"(?:RAW|OPS|STAGING|PRODUCTION|ANALYTICS)\.\w+"
_WHEN = (
    r"SYSTEM\$STREAM_HAS_DATA\('[\w.]+'\)(?: OR SYSTEM\$STREAM_HAS_DATA\('[\w.]+'\))*"
)
_WHERE = r"WAREHOUSE = \w+(?: SCHEDULE = '[\w ]+')?"
_KIND = r"APPEND_ONLY = TRUE(?: SHOW_INITIAL_ROWS = TRUE)?"
_ROLE = r"TO ROLE \w+(?: COPY CURRENT GRANTS)?"
SHAPES = [
    rf"CREATE STREAM IF NOT EXISTS {_NAME} ON TABLE {_NAME} {_KIND}",
    rf"ALTER TASK IF EXISTS {_NAME} SUSPEND",
    rf"CREATE TASK IF NOT EXISTS {_NAME} {_WHERE} WHEN {_WHEN} AS SELECT 1",
    rf"ALTER TASK {_NAME} SET [A-Z_]+ = [\w' ]+",
    rf"ALTER TASK {_NAME} MODIFY WHEN {_WHEN}",
    r"CREATE ROLE IF NOT EXISTS \w+",
    rf"GRANT [A-Z, ]+ ON (?:ALL|FUTURE) [A-Z]+ IN (?:SCHEMA|DATABASE) \w+ {_ROLE}",
    rf"GRANT [A-Z, ]+ ON (?:DATABASE|WAREHOUSE|SCHEMA) \w+ {_ROLE}",
    rf"GRANT [A-Z, ]+ ON (?:TABLE|VIEW|STAGE|FILE FORMAT) {_NAME} {_ROLE}",
    rf"GRANT EXECUTE TASK ON ACCOUNT {_ROLE}",
    r"GRANT ROLE \w+ TO ROLE \w+",
    rf"CREATE MASKING POLICY IF NOT EXISTS {_NAME} ?AS ?\(\w+ \w+\) RETURNS \w+ -> .*",
    rf"ALTER MASKING POLICY {_NAME} SET BODY -> CASE .* END",
    rf"ALTER TABLE {_NAME} MODIFY COLUMN \w+ SET MASKING POLICY {_NAME} FORCE",
    rf"CREATE HYBRID TABLE IF NOT EXISTS {_NAME} \(.*\)",
    rf"DROP (?:TASK|STREAM) IF EXISTS {_NAME}",
]
_TASK_BODY = re.compile(rf"ALTER TASK {_NAME} MODIFY AS (.*)")


STATEMENTS = [
    pytest.param(part, id=f"{file.name}:{part.line}")
    for file in FILES
    for part in file.statements
]


def _every_file(folder: str = "") -> pytest.MarkDecorator:
    chosen = [file for file in FILES if file.name.startswith(folder)]
    return pytest.mark.parametrize("file", chosen, ids=lambda file: file.name)


@pytest.mark.parametrize("statement", STATEMENTS)
def test_every_statement_is_snowflake_sql(statement: Statement) -> None:
    """No opaque Command: a statement is parsed, or its whole shape is known."""
    body = _TASK_BODY.fullmatch(statement.normalised)
    text = body[1] if body else statement.normalised
    if any(re.fullmatch(shape, text) for shape in SHAPES):
        return
    parsed = sqlglot.parse(text, read="snowflake")
    assert len(parsed) == 1, "the splitter and sqlglot see different statements"
    assert parsed[0] is not None
    assert not list(parsed[0].find_all(exp.Command))


@pytest.mark.parametrize("folder", ["migrations", "repeatable", "options"])
def test_every_statement_can_run_again(folder: str) -> None:
    """OR REPLACE for views alone: a replaced table is empty, a stream starts anew."""
    for file in files(folder):
        for statement in file.statements:
            _check_repeatable(statement.normalised)


def _check_repeatable(text: str) -> None:
    if text.startswith("CREATE OR REPLACE"):
        assert re.match(rf"CREATE OR REPLACE VIEW {_NAME} COPY GRANTS AS ", text)
    elif text.startswith("CREATE"):
        kinds = (
            r"SCHEMA|(HYBRID )?TABLE|STAGE|FILE FORMAT|STREAM|TASK|ROLE|MASKING POLICY"
        )
        assert re.match(rf"CREATE ({kinds}) IF NOT EXISTS ", text)
    else:
        assert re.match(r"ALTER (TASK|MASKING POLICY|TABLE) |GRANT ", text)


@_every_file()
def test_nothing_but_a_view_is_replaced(file: SqlFile) -> None:
    """In no file and in no spelling."""
    for statement in file.statements:
        assert not re.search(r"OR REPLACE (?!VIEW )|TRUNCATE", statement.normalised)


@_every_file()
def test_every_name_is_in_a_schema_and_unquoted(file: SqlFile) -> None:
    """Files do not depend on the session's schema, and no name ever needs quotes."""
    for statement in file.statements:
        assert '"' not in statement.text
        created = re.match(
            r"CREATE (?:OR REPLACE )?(?:HYBRID )?(?:TABLE|VIEW|STREAM|TASK|STAGE"
            r"|FILE FORMAT|MASKING POLICY) (?:IF NOT EXISTS )?(\S+)",
            statement.normalised,
        )
        assert created is None or re.fullmatch(_NAME, created[1])


@_every_file("migrations")
def test_no_constraint_is_declared_that_snowflake_would_ignore(file: SqlFile) -> None:
    """A key that only the embedded warehouse enforces would hide a duplicate."""
    for statement in file.statements:
        assert not re.search(r"PRIMARY KEY|UNIQUE|REFERENCES", statement.normalised)


@_every_file()
def test_every_file_says_what_it_is_for(file: SqlFile) -> None:
    """Purpose, layer, owner role and the way back head each file, in this order."""
    header = file.text.split("\n\n")[0]
    words = re.findall(
        r"^-- (Purpose|Layer|Owner role|Undo): +\S", header, re.MULTILINE
    )
    assert words == ["Purpose", "Layer", "Owner role", "Undo"]


@pytest.mark.parametrize(
    "file",
    # A backfill's statement is its task's: seconds for nothing. `make lint` has all.
    [file for file in FILES if not file.name.startswith("backfill")],
    ids=lambda file: file.name,
)
def test_every_file_is_clean_under_sqlfluff(file: SqlFile) -> None:
    """The linter's Snowflake dialect parses each file and finds nothing."""
    raw = file.path.read_text(encoding="utf-8")
    linted = LINTER.lint_string(raw, fname=file.name)
    assert [str(each) for each in linted.get_violations()] == []


def test_the_linter_knows_every_variable() -> None:
    """And every variable a file uses is described in sql/README.md."""
    described = (SQL / "README.md").read_text(encoding="utf-8")
    section = FluffConfig.from_path(str(SQL.parent)).get_section("templater")
    used = {
        name
        for file in FILES
        for name in re.findall(r"\$\{(\w+)\}", file.path.read_text(encoding="utf-8"))
    }
    assert used <= set(section["placeholder"])
    assert used <= set(VARIABLES)
    assert all(f"`{name}`" in described for name in VARIABLES)


def _target(tree: exp.Expr) -> str:
    table = tree.this.find(exp.Table, bfs=True)
    return f"{table.db}.{table.name}"


def test_the_tasks_are_those_of_the_design() -> None:
    """Each reads its streams and no others, and writes its one target."""
    found = {
        task: (streams_of(body), sqlglot.parse_one(body, read="snowflake"))
        for task, body in BODIES.items()
    }
    assert {
        task: (streams, _target(tree)) for task, (streams, tree) in found.items()
    } == DESIGN
    kinds = {type(tree) for _, tree in found.values()}
    assert kinds == {exp.Merge, exp.Insert}


def test_a_stream_has_one_reader() -> None:
    """A stream is consumed whole by one statement: a second reader would miss rows."""
    readers = [stream for body in BODIES.values() for stream in streams_of(body)]
    assert sorted(readers) == sorted(STREAMS)
    created = {
        text.split()[5]: text.split()[8]
        for file in files("migrations")
        for statement in file.statements
        if (text := statement.normalised).startswith("CREATE STREAM")
    }
    assert created == dict(STREAMS)


@pytest.mark.parametrize("task", BODIES)
def test_a_task_wakes_for_its_own_streams(task: str) -> None:
    """WHEN names them all, at creation and after; only the refresh has a schedule."""
    (file,) = [each for each in FILES if f"CREATE TASK IF NOT EXISTS OPS.{task}\n" in
               each.text]  # fmt: skip
    whens = [
        set(re.findall(r"HAS_DATA\('([\w.]+)'\)", statement.text))
        for statement in file.statements
        if "WHEN" in statement.normalised.replace("WHEN MATCHED", "")
        and "HAS_DATA" in statement.text
    ]
    assert whens == [DESIGN[task][0]] * 2
    assert ("SCHEDULE" in file.text) == (task == "REFRESH_ANALYTICS")
    assert ("MINIMUM_TRIGGER" in file.text) == (task != "REFRESH_ANALYTICS")
    assert "USER_TASK_TIMEOUT_MS" in file.text


def test_both_loads_judge_an_order_alike() -> None:
    """What makes an order a reject stands twice, word by word the same."""
    judged = [
        re.search(r"IFF\(DOC IS NULL.*?AS FAULTS", BODIES[task], re.DOTALL)
        for task in ("LOAD_STAGING_ORDERS", "LOAD_STAGING_ORDER_LINES")
    ]
    first, second = (each[0] for each in judged if each)
    assert first == second


@_every_file("backfill")
def test_a_backfill_is_its_task_from_the_table(file: SqlFile) -> None:
    """The same statement, the table for the stream; and each stream is made anew."""
    task = f"LOAD_{file.path.stem.upper()}"
    *made, body = (statement.text for statement in file.statements)
    wanted = BODIES[task]
    for stream in streams_of(wanted):
        wanted = re.sub(rf"{re.escape(stream)}\b", STREAMS[stream], wanted)
        assert f"DROP STREAM IF EXISTS {stream}" in made
        assert any(each.startswith(f"CREATE STREAM IF NOT EXISTS {stream}\n")
                   for each in made)  # fmt: skip
    assert body == wanted


def test_the_core_knows_no_other_layer() -> None:
    """`deploy --core-only` makes these alone: nothing in them may need the rest."""
    core = [file for file in FILES if "\n-- Part:       core\n" in file.text]
    assert len(core) == 6
    for statement in (part for file in core for part in file.statements):
        assert not re.search(
            r"\b(STAGING|PRODUCTION|ANALYTICS|TASK|STREAM)\b", statement.normalised
        )


def test_a_role_gets_no_more_than_its_work_needs() -> None:
    """Who may change what, read from the grants themselves."""
    grants = [
        statement.normalised
        for file in files("repeatable")
        for statement in file.statements
        if statement.text.startswith("GRANT")
    ]
    writes = re.compile(r"INSERT|UPDATE|DELETE|WRITE|OWNERSHIP|TRUNCATE|ALL PRIV")

    def to(role: str) -> list[str]:
        ending = f"TO ROLE WINESTREAM_{role}"
        return [each.removesuffix(" COPY CURRENT GRANTS") for each in grants
                if ending in each]  # fmt: skip

    for role in ("READER", "AUDITOR"):
        assert not any(writes.search(each) for each in to(role))
    assert not any(re.search(r"RAW|OPS|STAGING", each) for each in to("READER"))
    loader = [each for each in to("LOADER") if " RAW.RAW_" in each]
    assert all(each.startswith("GRANT INSERT ON ") for each in loader)
    assert not any("DELETE" in each for each in to("LOADER"))
    transformer = [each for each in to("TRANSFORMER") if writes.search(each)]
    assert not any(re.search(r"\bRAW\b", each) for each in transformer)
