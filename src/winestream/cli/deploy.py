"""`winestream deploy`: build what a pipeline needs in the warehouse."""

import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from winestream.cli.connection import DEFAULTS, ConnectionOptions
from winestream.errors import ConfigurationError
from winestream.operations.deploy import deploy, register_tables
from winestream.operations.migrations import read_migrations
from winestream.operations.user_migrations import (
    DEFAULT_SCOPE,
    deploy_user_migrations,
)

if TYPE_CHECKING:
    from snowflake.connector import SnowflakeConnection


def run(
    options: ConnectionOptions = DEFAULTS,
    *,
    pipeline: str | None = None,
    table: Annotated[list[str] | None, Parameter(negative=())] = None,
    dry_run: Annotated[bool, Parameter(negative=())] = False,
    migrations: Path | None = None,
    scope: str | None = None,
) -> None:
    """Create or extend the schemas RAW and OPS; run again it changes nothing.

    Parameters
    ----------
    pipeline
        Note the tables of this pipeline for the audit.
    table
        A RAW table the pipeline writes; once for each.
    dry_run
        Print the statements that would run and change nothing.
    migrations
        A folder with your own migrations, NNNN_name.sql; they run after winestream's.
    scope
        Whose migrations they are, where several services share a database.
    """
    if bool(pipeline) != bool(table):
        raise ConfigurationError("--pipeline and --table go together.")
    with closing(options.connect()) as connection:
        report = deploy(
            connection,
            dry_run=dry_run,
            on_apply=lambda name: _say(f"applying {name}"),
        )
        own = _deploy_own(connection, migrations, scope, dry_run=dry_run)
        if dry_run:
            for statement in (*report.statements, *own):
                _say(f"{statement};\n")
        elif pipeline and table:
            for name in register_tables(connection, pipeline, table):
                _say(f"registered {name} for {pipeline}")
    done = "would be applied" if dry_run else "applied"
    _say(
        f"{options.settings().database}: {len(report.applied)} migrations {done}, "
        f"{len(report.unchanged)} there already"
    )


def _deploy_own(
    connection: "SnowflakeConnection",
    folder: Path | None,
    scope: str | None,
    *,
    dry_run: bool,
) -> tuple[str, ...]:
    """Deploy the user's migrations; return the statements that ran or would run."""
    if folder is None:
        return ()
    report = deploy_user_migrations(
        connection,
        read_migrations(folder),
        scope=scope or DEFAULT_SCOPE,
        dry_run=dry_run,
        on_apply=lambda name: _say(f"applying {folder / name}"),
    )
    done = "would be applied" if dry_run else "applied"
    _say(f"{folder}: {len(report.applied)} {done}, {len(report.unchanged)} there")
    return report.statements


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
