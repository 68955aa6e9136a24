"""Builds what a pipeline needs in the warehouse, once, and says what it did.

Knows no vendor: it takes any DB-API connection whose session has a current database.
Snowflake commits each DDL statement by itself, so a migration is not atomic. It is
repeatable instead, and noted in OPS.DEPLOY_HISTORY only when all of it ran.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence

import attrs

from winestream.errors import ConfigurationError
from winestream.operations.migrations import (
    Migration,
    in_order,
    packaged_migrations,
)
from winestream.operations.session import Connection, Session, sql_text
from winestream.operations.statements import Statement
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


@attrs.frozen
class DeployReport:
    """What a deploy did, or with `dry_run` would do.

    `applied` and `unchanged` are file names, `statements` the SQL of the applied ones.
    """

    applied: tuple[str, ...]
    unchanged: tuple[str, ...]
    statements: tuple[str, ...]
    dry_run: bool = False


def deploy(
    connection: Connection,
    *,
    migrations: Iterable[Migration] | None = None,
    dry_run: bool = False,
    on_apply: Callable[[str], None] | None = None,
) -> DeployReport:
    """Apply the migrations that are missing in the session's current database.

    `migrations` defaults to winestream's own; a caller's must hold all of them that
    were ever deployed there. `on_apply` is told each file's name before it runs. Run
    again it changes nothing. A dry run changes nothing either and needs no more than
    the right to read; it reports the statements it would run.

    Raises `ConfigurationError` when there is no current database, when a deployed
    migration was edited or is missing here, or the numbers are not 1, 2, 3 …; and
    `DeployError` when the warehouse refuses a statement.
    """
    wanted = in_order(packaged_migrations() if migrations is None else migrations)
    planned = [statement for each in wanted for statement in each.statements]
    if not planned:
        raise ConfigurationError("there is no migration to deploy.")
    session = Session(connection)
    database = session.current_database()
    done = _history(session)
    _check(wanted, done, database)
    missing = [each for each in wanted if each.version not in done]
    report = DeployReport(
        applied=tuple(each.name for each in missing),
        unchanged=tuple(each.name for each in wanted if each.version in done),
        statements=tuple(part.text for each in missing for part in each.statements),
        dry_run=dry_run,
    )
    if missing and not dry_run:
        for statement in _HISTORY:
            session.run(statement, "OPS.DEPLOY_HISTORY")
        for migration in missing:
            if on_apply is not None:
                on_apply(migration.name)
            _apply(session, migration)
    return report


def register_tables(
    connection: Connection, pipeline: str, tables: Iterable[str]
) -> tuple[str, ...]:
    """Note in OPS.INGEST_TABLES which RAW tables a pipeline writes: the audit's scope.

    Tables that are noted already stay, so a table that once got rows stays in the
    audit. Read it as a set: two deploys at the same moment may both note a table.
    Returns the names that were new, in upper case. Needs a deployed database.
    Raises `ConfigurationError` for a name that is none, `DeployError` when refused.
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
        values = ", ".join(f"({owner}, {sql_text(name)})" for name in new)
        session.run(
            f"INSERT INTO OPS.INGEST_TABLES (PIPELINE, TABLE_NAME) VALUES {values}",  # noqa: S608 — quoted literals
            where,
        )
        session.commit(where)
    return new


def _history(session: Session) -> Mapping[int, tuple[str, str]]:
    """Return version → (name, checksum) of what was deployed; empty on a new one."""
    where = "OPS.DEPLOY_HISTORY"
    present = session.rows(
        "SELECT TABLE_NAME FROM INFORMATION_SCHEMA.TABLES "
        "WHERE TABLE_SCHEMA = 'OPS' AND TABLE_NAME = 'DEPLOY_HISTORY'",
        where,
    )
    if not present:
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


def _apply(session: Session, migration: Migration) -> None:
    for number, statement in enumerate(migration.statements, start=1):
        total = len(migration.statements)
        session.run(statement.text, _place(migration, statement, number, total))
    name, checksum = sql_text(migration.name), sql_text(migration.checksum)
    session.run(
        "INSERT INTO OPS.DEPLOY_HISTORY (VERSION, NAME, CHECKSUM, APPLIED_BY) "
        f"SELECT {migration.version}, {name}, {checksum}, CURRENT_USER()",
        f"{migration.name}, its line in OPS.DEPLOY_HISTORY",
    )
    session.commit(migration.name)


def _place(migration: Migration, statement: Statement, number: int, total: int) -> str:
    first_line = statement.text.partition("\n")[0]
    return (
        f"{migration.name}, line {statement.line}, statement {number} of {total} "
        f"({first_line})"
    )
