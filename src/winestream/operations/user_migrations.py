"""Your own numbered SQL files, beside winestream's: own folder, numbers, history.

The rules are the same: NNNN_name.sql from 0001 without a hole, never edited once
deployed. `OPS.USER_DEPLOY_HISTORY` keeps what ran, by scope, so that several services
can share a database.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from winestream.errors import ConfigurationError
from winestream.operations.deploy import DeployReport
from winestream.operations.migrations import Migration, in_order
from winestream.operations.session import Connection, Session, sql_text
from winestream.snowflake.identifiers import pipeline_name

DEFAULT_SCOPE: Final = "user"

_TABLE: Final = "OPS.USER_DEPLOY_HISTORY"
_CREATE: Final = f"""CREATE TABLE IF NOT EXISTS {_TABLE} (
    SCOPE VARCHAR NOT NULL,
    VERSION NUMBER(10, 0) NOT NULL,
    NAME VARCHAR NOT NULL,
    CHECKSUM VARCHAR NOT NULL,
    APPLIED_AT TIMESTAMP_NTZ(6) NOT NULL DEFAULT SYSDATE(),
    APPLIED_BY VARCHAR
)"""


def deploy_user_migrations(
    connection: Connection,
    migrations: Iterable[Migration],
    *,
    scope: str = DEFAULT_SCOPE,
    dry_run: bool = False,
    on_apply: Callable[[str], None] | None = None,
) -> DeployReport:
    """Apply the migrations of `scope` that are missing in the current database.

    `winestream.operations.deploy.deploy` comes first: it makes the schemas. `on_apply`
    is told each file's name before it runs. Run again it changes nothing; a dry run
    changes nothing and needs no more than the right to read.

    Raises `ConfigurationError` when a deployed migration was edited or is missing here,
    or the numbers are not 1, 2, 3 …; `DeployError` when a statement is refused.
    """
    scope = pipeline_name(scope)
    wanted = in_order(migrations)
    session = Session(connection)
    database = session.current_database()
    done = _history(session, scope)
    _check(wanted, done, f"{database}, scope {scope}")
    missing = [each for each in wanted if each.version not in done]
    if missing and not dry_run:
        session.run(_CREATE, _TABLE)
        for migration in missing:
            if on_apply is not None:
                on_apply(migration.name)
            _apply(session, migration, scope)
    return DeployReport(
        applied=tuple(each.name for each in missing),
        unchanged=tuple(each.name for each in wanted if each.version in done),
        statements=tuple(part.text for each in missing for part in each.statements),
        dry_run=dry_run,
    )


def _history(session: Session, scope: str) -> Mapping[int, tuple[str, str]]:
    """Return version → (name, checksum) of what was deployed; empty on a new one."""
    present = session.rows(
        "SELECT TABLE_NAME FROM INFORMATION_SCHEMA.TABLES "
        "WHERE TABLE_SCHEMA = 'OPS' AND TABLE_NAME = 'USER_DEPLOY_HISTORY'",
        _TABLE,
    )
    if not present:
        return {}
    rows = session.rows(
        f"SELECT VERSION, NAME, CHECKSUM FROM {_TABLE} "  # noqa: S608 — a quoted literal
        f"WHERE SCOPE = {sql_text(scope)}",
        _TABLE,
    )
    return {int(version): (str(name), str(sum_)) for version, name, sum_ in rows}


def _check(
    wanted: Sequence[Migration], done: Mapping[int, tuple[str, str]], where: str
) -> None:
    here = {each.version: each for each in wanted}
    for version, (name, checksum) in sorted(done.items()):
        migration = here.get(version)
        if migration is None:
            raise ConfigurationError(
                f"{where} has migration {name}, which is not in this folder: it was "
                "deployed from another one or a newer version of it. Two services need "
                "two scopes (--scope)."
            )
        if migration.checksum != checksum:
            raise ConfigurationError(
                f"{migration.name} was deployed to {where} and edited since. Put its "
                "old text back and write the change as a new migration, "
                f"{len(wanted) + 1:04}_….sql."
            )


def _apply(session: Session, migration: Migration, scope: str) -> None:
    for statement in migration.statements:
        session.run(statement.text, f"{migration.name}, line {statement.line}")
    values = ", ".join(map(sql_text, (scope, migration.name, migration.checksum)))
    session.run(
        f"INSERT INTO {_TABLE} (SCOPE, NAME, CHECKSUM, VERSION, APPLIED_BY) "
        f"SELECT {values}, {migration.version}, CURRENT_USER()",
        f"{migration.name}, its line in {_TABLE}",
    )
    session.commit(migration.name)
