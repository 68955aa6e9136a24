"""The command line: one file per command, each loaded only when it is asked for."""

import sys
from importlib.metadata import version

from cyclopts import App, CycloptsError, UnknownCommandError

from winestream.errors import WinestreamError

_HELP = """Typed events from Kafka or Redpanda into Snowflake, exactly once.

A command that could not do its work, or has a wrong or missing option, ends with exit
code 1 unless its own help gives it another; a command that there is none of, with 64.
"""
# Here and not in the commands' docstrings: --help must not import what they need.
_RUN = """Start a consumer from settings alone.

It stops on SIGTERM or Ctrl-C, once what is held is written; a second signal ends it at
once. Serves /metrics, /health and /ready on http.address and http.port (127.0.0.1 and
8000), and logs JSON lines to stderr.

Exit codes: 0, stopped with all that was held written; 1, the settings are wrong; 2,
ended by what no restart mends (credentials, a missing table, a topic made again,
retention loss); 3, start it again: the warehouse did not answer at the start or, with
retry.on_exhausted = "stop", later, or the stop's deadline passed. A broker that does
not answer ends nothing: it is waited for. Nothing is lost in any of them."""
_CONFIG = """Show the effective settings, and where each came from.

Secrets are ***. What is wrong follows on stderr. With --check the exit code is 1 then,
and the routes' classes and the Kafka options are looked at as well; nothing is
connected."""
_AUDIT = """Prove what a pipeline delivered, or name what is off.

Exit codes: 0, nothing is off; 1, something is, and its coordinates are printed; 2, the
audit could not be made. With --every it goes on until SIGTERM or Ctrl-C, and the exit
code is the latest audit's."""
_REWIND = """Set a pipeline's cursors back, so that a part of the log is read again.

Shows what it would do, and does it with --yes: all cursors in one transaction, each
with a row in the ledger. Consumers may run; one notices at its next write. What is read
again lands in RAW again: STAGING knows it by its event id, the audit by its epoch."""

app = App(
    name="winestream",
    help=_HELP,
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
    help=_AUDIT,
)
app.command(
    "winestream.cli.rewind:run",
    name="rewind",
    help=_REWIND,
)
app.command(
    "winestream.cli.local:app", name="local", help="A warehouse on this machine."
)


_FAILED = 1
_NO_SUCH_COMMAND = 64  # EX_USAGE: no command gives it a meaning of its own
_WHERE_1_SAYS_SOMETHING_ELSE = {("audit",): 2, ("schema", "diff"): 3}


def main() -> None:
    """Run the command in `sys.argv`. Exit code 1 when it could not do its work.

    An option that is wrong or missing is such a case, too: no command may end with a
    code that says what was found or what became of a consumer. Where 1 is such a code,
    it is the command's own one for what could not be done.
    """
    try:
        app(sys.argv[1:], exit_on_error=False)
    except CycloptsError as error:  # it has been printed
        sys.exit(_usage_code(error))
    except WinestreamError as error:
        sys.stderr.write(f"winestream: {error}\n")
        sys.exit(_FAILED)


def _usage_code(error: CycloptsError) -> int:
    command = tuple(error.command_chain or ())
    if isinstance(error, UnknownCommandError) or not command:
        return _NO_SUCH_COMMAND
    return _WHERE_1_SAYS_SOMETHING_ELSE.get(command, _FAILED)
