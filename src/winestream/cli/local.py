"""`winestream local`: a warehouse on this machine."""

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from winestream import local

app = App(name="local", help="Serve a warehouse on this machine, for looking at it.")


@app.command
def serve(
    *,
    data: Path,
    port: int | None = None,
    address: str = "127.0.0.1",
    create: Annotated[bool, Parameter(negative=())] = False,
) -> None:
    """Serve the databases of a finished run until Ctrl-C; prints how to connect.

    Parameters
    ----------
    data
        The folder that holds the databases.
    port
        The port to listen on; any free one otherwise.
    address
        The IPv4 address to listen on. Nobody is asked for a password, so anything
        but loopback belongs in a network of its own, as between containers.
    create
        Begin with an empty folder, instead of refusing one.
    """
    local.serve(data, port, address=address, create=create)
