"""`winestream deploy`: build what a pipeline needs in the warehouse."""

import sys
from contextlib import closing
from typing import Annotated

from cyclopts import Parameter

from winestream.cli.connection import ConnectionOptions
from winestream.errors import ConfigurationError
from winestream.operations.deploy import deploy, register_tables


def run(
    options: ConnectionOptions,
    *,
    pipeline: str | None = None,
    table: Annotated[list[str] | None, Parameter(negative=())] = None,
    dry_run: Annotated[bool, Parameter(negative=())] = False,
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
    """
    if bool(pipeline) != bool(table):
        raise ConfigurationError("--pipeline and --table go together.")
    with closing(options.connect()) as connection:
        report = deploy(
            connection,
            dry_run=dry_run,
            on_apply=lambda name: _say(f"applying {name}"),
        )
        if dry_run:
            for statement in report.statements:
                _say(f"{statement};\n")
        elif pipeline and table:
            for name in register_tables(connection, pipeline, table):
                _say(f"registered {name} for {pipeline}")
    done = "would be applied" if dry_run else "applied"
    _say(
        f"{options.database}: {len(report.applied)} migrations {done}, "
        f"{len(report.unchanged)} there already"
    )


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
