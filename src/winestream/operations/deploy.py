"""Builds what a pipeline needs in the warehouse, once, and says what it did.

Knows no vendor: it takes any DB-API connection whose session has a current database.
Snowflake commits each DDL statement by itself, so a file is not atomic. It can be run
again instead, and is noted in OPS.DEPLOY_HISTORY or OPS.DEPLOY_REPEATABLES only when
all of it ran.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence

import attrs

from winestream.errors import ConfigurationError
from winestream.operations.migrations import (
    Migration,
    in_order,
    is_core,
    packaged_migrations,
)
from winestream.operations.repeatables import (
    Repeatable,
    Template,
    Templates,
    packaged_templates,
)
from winestream.operations.resuming import resume_tasks
from winestream.operations.session import Connection, Session, sql_text
from winestream.operations.statements import Statement
from winestream.operations.variables import fill, values
from winestream.snowflake.identifiers import identifier

_HISTORY = (
    "CREATE SCHEMA IF NOT EXISTS OPS",
    """CREATE TABLE IF NOT EXISTS OPS.DEPLOY_HISTORY (
    VERSION NUMBER(10, 0) NOT NULL,
    NAME VARCHAR NOT NULL,
    CHECKSUM VARCHAR NOT NULL,
    APPLIED_AT TIMESTAMP_NTZ(6) NOT NULL DEFAULT SYSDATE(),
    APPLIED_BY VARCHAR
)""",
)
_REPEATABLES = """CREATE TABLE IF NOT EXISTS OPS.DEPLOY_REPEATABLES (
    NAME VARCHAR NOT NULL,
    CHECKSUM VARCHAR NOT NULL,
    APPLIED_AT TIMESTAMP_NTZ(6) NOT NULL DEFAULT SYSDATE(),
    APPLIED_BY VARCHAR
)"""
_TASKS = "OPS"  # the schema of all tasks


@attrs.frozen
class DeployReport:
    """What a deploy did, or with `dry_run` would do.

    `applied` and `unchanged` are migrations by file name, `repeated` and `same` the
    repeatable files, `statements` the SQL of the applied ones, `resumed` tasks.
    """

    applied: tuple[str, ...]
    unchanged: tuple[str, ...]
    statements: tuple[str, ...]
    dry_run: bool = False
    repeated: tuple[str, ...] = ()
    same: tuple[str, ...] = ()
    resumed: tuple[str, ...] = ()


def deploy(  # noqa: PLR0913 — each is a choice of its own
    connection: Connection,
    *,
    migrations: Iterable[Migration] | None = None,
    templates: Templates | None = None,
    variables: Mapping[str, str] | None = None,
    core_only: bool = False,
    dry_run: bool = False,
    resume: bool = True,
    on_apply: Callable[[str], None] | None = None,
) -> DeployReport:
    """Apply what is missing or has changed in the session's current database.

    `migrations` and `templates` (the repeatable files) default to winestream's own;
    with migrations of a caller's there are no others than the caller's templates. A
    caller's migrations must hold all that were ever deployed there. `variables` are
    the values of `${…}` that differ from the defaults; see `variables.py`. With
    `core_only` there are only the files that every sink needs, RAW, OPS and the
    loader's role, and no task; a later deploy without it adds the rest. `on_apply`
    is told each file's name before it runs. At the end suspended tasks are resumed,
    unless `resume` is false or it is the core only. Run again it changes nothing. A dry
    run changes nothing either and needs no more than the right to read; it reports the
    statements it would run.

    Raises `ConfigurationError` when there is no current database, when a deployed
    migration was edited or is missing here, the numbers are not 1, 2, 3 …, a variable
    or its value is none, or a file replaces anything but a view; and `DeployError`
    when the warehouse refuses a statement.
    """
    if templates is None:
        templates = packaged_templates() if migrations is None else Templates()
    wanted = in_order(packaged_migrations() if migrations is None else migrations)
    if core_only:
        templates = templates.core()
    planned = [statement for each in wanted for statement in each.statements]
    if not planned:
        raise ConfigurationError("there is no migration to deploy.")
    session = Session(connection)
    database = session.current_database()
    filling = values(variables or {}, database)
    before, after = (
        _filled(templates.before, filling),
        _filled(templates.after, filling),
    )
    repeated = (*before, *after)
    done, applied = _history(session), _checksums(session) if repeated else {}
    _check(wanted, done, database)
    missing = [
        _ready(each, filling)
        for each in wanted
        if each.version not in done and (not core_only or is_core(each.text))
    ]
    changed = {e.name for e in repeated if applied.get(e.name) != e.checksum}
    first = [each for each in before if each.name in changed]
    last = [each for each in after if each.name in changed]
    files: list[_Filled | Repeatable] = [*first, *missing, *last]
    if files and not dry_run:
        _prepare(session, repeatables=bool(changed))
        for file in files:
            if on_apply is not None:
                on_apply(file.name)
            _apply(session, file)
    resumed: tuple[str, ...] = ()
    if templates.after and resume and not (dry_run or core_only):
        resumed = resume_tasks(session, _TASKS)
    return DeployReport(
        applied=tuple(each.name for each in missing),
        unchanged=tuple(each.name for each in wanted if each.version in done),
        statements=tuple(part.text for each in files for part in each.statements),
        dry_run=dry_run,
        repeated=tuple(each.name for each in (*first, *last)),
        same=tuple(each.name for each in repeated if each.name not in changed),
        resumed=resumed,
    )


def register_tables(
    connection: Connection, pipeline: str, tables: Iterable[str]
) -> tuple[str, ...]:
    """Note in OPS.INGEST_TABLES which RAW tables a pipeline writes: the audit's scope.

    Tables that are noted already stay, so a table that once got rows stays in the
    audit. Read it as a set: two deploys at the same moment may both note a table.
    Returns the names that were new, in upper case. Needs a deployed database.
    Raises `ConfigurationError` for a name that is none and for new tables of which one
    does not exist, and notes none of them then; `DeployError` when refused.
    """
    names = sorted({identifier(table)[1:-1] for table in tables})
    if not pipeline.strip():
        raise ConfigurationError("a pipeline's name must not be empty.")
    session, owner = Session(connection), sql_text(pipeline)
    where = "OPS.INGEST_TABLES"
    known = {
        str(name)
        for (name,) in session.rows(
            f"SELECT TABLE_NAME FROM OPS.INGEST_TABLES WHERE PIPELINE = {owner}",  # noqa: S608 — a quoted literal
            where,
        )
    }
    new = tuple(name for name in names if name not in known)
    if new:
        _check_there(session, new)
        values = ", ".join(f"({owner}, {sql_text(name)})" for name in new)
        session.run(
            f"INSERT INTO OPS.INGEST_TABLES (PIPELINE, TABLE_NAME) VALUES {values}",  # noqa: S608 — quoted literals
            where,
        )
        session.commit(where)
    return new


def _check_there(session: Session, names: Iterable[str]) -> None:
    """Raise `ConfigurationError` for RAW tables that are not there to be audited."""
    listed = ", ".join(map(sql_text, names))
    there = {
        str(name)
        for (name,) in session.rows(
            "SELECT TABLE_NAME FROM INFORMATION_SCHEMA.TABLES "  # noqa: S608 — quoted literals
            f"WHERE TABLE_SCHEMA = 'RAW' AND TABLE_NAME IN ({listed})",
            "the tables of RAW",
        )
    }
    missing = [f"RAW.{name}" for name in names if name not in there]
    if missing:
        raise ConfigurationError(
            f"{' and '.join(missing)} cannot be noted for the audit: this role sees no "
            "such table. Look at the name, or make the table first: `winestream schema "
            "ddl` prints one and `winestream deploy --migrations` makes it."
        )


def _filled(
    templates: Iterable[Template], filling: Mapping[str, str]
) -> list[Repeatable]:
    filled = [template.filled(filling) for template in templates]
    return [each for each in filled if each is not None]


def _ready(migration: Migration, filling: Mapping[str, str]) -> "_Filled":
    text = fill(migration.text, filling, migration.name)
    return _Filled(migration, Migration(migration.version, migration.name, text))


@attrs.frozen
class _Filled:
    """A migration with its variables put in; it is known by the text without them."""

    migration: Migration
    filled: Migration

    @property
    def name(self) -> str:
        return self.migration.name

    @property
    def statements(self) -> tuple[Statement, ...]:
        return self.filled.statements


def _prepare(session: Session, *, repeatables: bool) -> None:
    for statement in _HISTORY:
        session.run(statement, "OPS.DEPLOY_HISTORY")
    if repeatables:
        session.run(_REPEATABLES, "OPS.DEPLOY_REPEATABLES")


def _is_there(session: Session, table: str) -> bool:
    return bool(
        session.rows(
            "SELECT TABLE_NAME FROM INFORMATION_SCHEMA.TABLES "  # noqa: S608 — a constant
            f"WHERE TABLE_SCHEMA = 'OPS' AND TABLE_NAME = '{table}'",
            f"OPS.{table}",
        )
    )


def _checksums(session: Session) -> Mapping[str, str]:
    """Return repeatable file → the checksum it was last applied with."""
    where = "OPS.DEPLOY_REPEATABLES"
    if not _is_there(session, "DEPLOY_REPEATABLES"):
        return {}
    rows = session.rows(
        "SELECT NAME, CHECKSUM FROM OPS.DEPLOY_REPEATABLES ORDER BY APPLIED_AT", where
    )
    return {str(name): str(checksum) for name, checksum in rows}


def _history(session: Session) -> Mapping[int, tuple[str, str]]:
    """Return version → (name, checksum) of what was deployed; empty on a new one."""
    where = "OPS.DEPLOY_HISTORY"
    if not _is_there(session, "DEPLOY_HISTORY"):
        return {}
    rows = session.rows("SELECT VERSION, NAME, CHECKSUM FROM OPS.DEPLOY_HISTORY", where)
    return {int(version): (str(name), str(sum_)) for version, name, sum_ in rows}


def _check(
    wanted: Sequence[Migration], done: Mapping[int, tuple[str, str]], database: str
) -> None:
    here = {each.version: each for each in wanted}
    for version, (name, checksum) in sorted(done.items()):
        migration = here.get(version)
        if migration is None:
            raise ConfigurationError(
                f"{database} has migration {name}, which this winestream does not "
                "know: it was deployed by a newer one. Upgrade winestream here."
            )
        if migration.checksum != checksum:
            raise ConfigurationError(
                f"{migration.name} was deployed to {database} and edited since. Put "
                "its old text back and write the change as a new migration, "
                f"{len(wanted) + 1:04}_….sql."
            )


def _apply(session: Session, file: _Filled | Repeatable) -> None:
    total = len(file.statements)
    for number, statement in enumerate(file.statements, start=1):
        session.run(statement.text, _place(file.name, statement, number, total))
    if isinstance(file, Repeatable):
        name, checksum = sql_text(file.name), sql_text(file.checksum)
        session.run(
            "INSERT INTO OPS.DEPLOY_REPEATABLES (NAME, CHECKSUM, APPLIED_BY) "
            f"SELECT {name}, {checksum}, CURRENT_USER()",
            f"{file.name}, its line in OPS.DEPLOY_REPEATABLES",
        )
    else:
        name, checksum = sql_text(file.name), sql_text(file.migration.checksum)
        session.run(
            "INSERT INTO OPS.DEPLOY_HISTORY (VERSION, NAME, CHECKSUM, APPLIED_BY) "
            f"SELECT {file.migration.version}, {name}, {checksum}, CURRENT_USER()",
            f"{file.name}, its line in OPS.DEPLOY_HISTORY",
        )
    session.commit(file.name)


def _place(name: str, statement: Statement, number: int, total: int) -> str:
    first_line = statement.text.partition("\n")[0]
    return (
        f"{name}, line {statement.line}, statement {number} of {total} ({first_line})"
    )
