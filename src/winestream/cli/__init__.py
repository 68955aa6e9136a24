"""The command line: one file per command, each loaded only when it is asked for."""

import sys
from importlib.metadata import version

from cyclopts import App, CycloptsError

from winestream.errors import WinestreamError

# Here and not in the commands' docstrings: --help must not import what they need.
_RUN = """Start a consumer from settings alone.

It stops on SIGTERM or Ctrl-C, once what is held is written; a second signal ends it at
once. Serves /metrics, /health and /ready on http.address and http.port (127.0.0.1 and
8000), and logs JSON lines to stderr.

Exit codes: 0, stopped with all that was held written; 1, the settings are wrong; 2,
ended by what no restart mends (credentials, a missing table, a topic made again,
retention loss); 3, start it again: the broker or the warehouse did not answer, or the
stop's deadline passed. Nothing is lost in any of them."""
_CONFIG = """Show the effective settings, and where each came from.

Secrets are ***. What is wrong follows on stderr. With --check the exit code is 1 then,
and the routes' classes and the Kafka options are looked at as well; nothing is
connected."""
_REWIND = """Set a pipeline's cursors back, so that a part of the log is read again.

Shows what it would do, and does it with --yes: all cursors in one transaction, each
with a row in the ledger. Consumers may run; one notices at its next write. What is read
again lands in RAW again: STAGING knows it by its event id, the audit by its epoch."""

app = App(
    name="winestream",
    help="Typed events from Kafka or Redpanda into Snowflake, exactly once.",
    version=lambda: version("winestream"),
)
app.command(
    "winestream.cli.deploy:run",
    name="deploy",
    help="Build or extend the warehouse; --status shows how it is doing.",
)
app.command(
    "winestream.cli.run:run",
    name="run",
    help=_RUN,
)
app.command(
    "winestream.cli.config:run",
    name="config",
    help=_CONFIG,
)
app.command(
    "winestream.cli.schema:app",
    name="schema",
    help="Tables and views for your own event classes.",
)
app.command(
    "winestream.cli.audit:run",
    name="audit",
    help="Prove what a pipeline delivered, or name what is off. Exit code 1, 2.",
)
app.command(
    "winestream.cli.rewind:run",
    name="rewind",
    help=_REWIND,
)
app.command(
    "winestream.cli.local:app", name="local", help="A warehouse on this machine."
)


def main() -> None:
    """Run the command in `sys.argv`. Exit code 1 when it could not do its work.

    An option that is wrong or missing is exit code 2.
    """
    try:
        app(exit_on_error=False)
    except CycloptsError:  # it has been printed
        sys.exit(2)
    except WinestreamError as error:
        sys.stderr.write(f"winestream: {error}\n")
        sys.exit(1)
