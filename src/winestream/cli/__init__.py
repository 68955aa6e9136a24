"""The command line: one file per command, each loaded only when it is asked for."""

import sys
from importlib.metadata import version

from cyclopts import App

from winestream.errors import WinestreamError

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
    "winestream.cli.local:app", name="local", help="A warehouse on this machine."
)


def main() -> None:
    """Run the command in `sys.argv`. Exit code 1 when it could not do its work."""
    try:
        app()
    except WinestreamError as error:
        sys.stderr.write(f"winestream: {error}\n")
        sys.exit(1)
