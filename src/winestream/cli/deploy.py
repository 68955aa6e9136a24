"""`winestream deploy`: build what a pipeline needs in the warehouse."""

import json
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from winestream.cli.connection import DEFAULTS, ConnectionOptions
from winestream.errors import ConfigurationError
from winestream.operations.deploy import DeployReport, deploy, register_tables
from winestream.operations.migrations import read_migrations
from winestream.operations.status import status as look
from winestream.operations.user_migrations import (
    DEFAULT_SCOPE,
    deploy_user_migrations,
)
from winestream.operations.variables import assignments

if TYPE_CHECKING:
    from snowflake.connector import SnowflakeConnection


def run(  # noqa: PLR0913 — a parameter per option
    options: ConnectionOptions = DEFAULTS,
    *,
    pipeline: str | None = None,
    table: Annotated[list[str] | None, Parameter(negative=())] = None,
    var: Annotated[list[str] | None, Parameter(negative=())] = None,
    core_only: Annotated[bool, Parameter(negative=())] = False,
    dry_run: Annotated[bool, Parameter(negative=())] = False,
    migrations: Path | None = None,
    scope: str | None = None,
    status: Annotated[bool, Parameter(negative=())] = False,
    as_json: Annotated[bool, Parameter("--json", negative=())] = False,
) -> None:
    """Build or extend the warehouse and resume its tasks; again it changes nothing.

    Parameters
    ----------
    pipeline
        Note the tables of this pipeline for the audit.
    table
        A RAW table the pipeline writes; once for each.
    var
        A variable of the SQL files, name=value; once for each. See sql/README.md. The
        tasks' warehouse is the sign-in's, unless --var warehouse=… names another.
    dry_run
        Print the statements that would run and change nothing.
    core_only
        Only what a service of your own needs: RAW, OPS and the loader's role, without
        the wine merchant's layers, views and tasks.
    migrations
        A folder with your own migrations, NNNN_name.sql; they run after winestream's.
    scope
        Whose migrations they are, where several services share a database.
    status
        Only show tasks, streams, the lag of each layer and the last failures.
    as_json
        With --status: one JSON object.
    """
    if bool(pipeline) != bool(table):
        raise ConfigurationError("--pipeline and --table go together.")
    if as_json and not status:
        raise ConfigurationError("--json goes with --status.")
    with closing(options.connect()) as connection:
        if status:
            seen = look(connection)
            if as_json:
                _say(json.dumps(seen.as_json()))
            else:
                from winestream.cli.status_table import show  # noqa: PLC0415 — loads rich

                show(seen)
            return
        report = deploy(
            connection,
            variables=_variables(options, var or []),
            dry_run=dry_run,
            on_apply=lambda name: _say(f"applying {name}"),
            core_only=core_only,
        )
        own = _deploy_own(connection, migrations, scope, dry_run=dry_run)
        if dry_run:
            for statement in (*report.statements, *own):
                _say(f"{statement};\n")
        elif pipeline and table:
            for name in register_tables(connection, pipeline, table):
                _say(f"registered {name} for {pipeline}")
    _sum_up(report, options.settings().database or "its database")


def _variables(options: ConnectionOptions, var: list[str]) -> dict[str, str]:
    """Return what was given; tasks run on the sign-in's warehouse unless told."""
    warehouse = options.settings().warehouse
    return ({"warehouse": warehouse} if warehouse else {}) | assignments(var)


def _sum_up(report: DeployReport, database: str) -> None:
    done = "would be applied" if report.dry_run else "applied"
    if report.resumed:
        _say(f"resumed {', '.join(report.resumed)}")
    if report.repeated or report.same:
        _say(
            f"repeatable files: {len(report.repeated)} {done}, {len(report.same)} same"
        )
    _say(
        f"{database}: {len(report.applied)} migrations {done}, "
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
