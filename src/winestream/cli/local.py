"""`winestream local`: a warehouse on this machine."""

from pathlib import Path

from cyclopts import App

from winestream import local

app = App(name="local", help="Serve a warehouse on this machine, for looking at it.")


@app.command
def serve(*, data: Path, port: int | None = None) -> None:
    """Serve the databases of a finished run until Ctrl-C; prints how to connect.

    Parameters
    ----------
    data
        The folder that holds the databases.
    port
        The port of 127.0.0.1 to listen on; any free one otherwise.
    """
    local.serve(data, port)
