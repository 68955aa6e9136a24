"""The command line: one file per command, each loaded only when it is asked for."""

import sys
from importlib.metadata import version

from cyclopts import App, CycloptsError

from winestream.errors import WinestreamError

app = App(
    name="winestream",
    help="Typed events from Kafka or Redpanda into Snowflake, exactly once.",
    version=lambda: version("winestream"),
)
app.command(
    "winestream.cli.deploy:run",
    name="deploy",
    help="Create or extend the schemas RAW and OPS; again it changes nothing.",
)
app.command(
    "winestream.cli.audit:run",
    name="audit",
    help="Prove what a pipeline delivered, or name what is off. Exit code 1, 2.",
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
