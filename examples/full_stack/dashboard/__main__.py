"""Starts the page: `python -m full_stack.dashboard --port 8501`.

Streamlit runs in this process. Everything that a visitor should not get is switched
off here, whatever a configuration file of the user's says.
"""

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from full_stack.child import watch_parent

APP: Final = Path(__file__).with_name("app.py")
PORT: Final = 8501
LOOPBACK: Final = "127.0.0.1"


def arguments(
    port: int, address: str = LOOPBACK, hosts: Iterable[str] = ()
) -> list[str]:
    """Return Streamlit's. `hosts` are names a browser may ask for the page by."""
    flags = {
        "server.address": address,
        "server.port": str(port),
        "server.headless": "true",
        "server.showEmailPrompt": "false",
        "server.fileWatcherType": "none",
        "server.enableCORS": "true",
        "server.enableXsrfProtection": "true",
        "browser.gatherUsageStats": "false",
        "client.showErrorDetails": "none",
        "client.showErrorLinks": "false",
        "client.toolbarMode": "minimal",
    }
    allowed = dict.fromkeys(("localhost", LOOPBACK, *hosts))
    return [
        "run",
        str(APP),
        *(f"--{name}={value}" for name, value in flags.items()),
        # Any other name in a request's Host is a page elsewhere that rebinds its own.
        *(f"--server.allowedHosts={host}" for host in allowed),
    ]


def main() -> None:
    """Serve until SIGTERM, or until the demo ends. Variables: see `settings.py`."""
    parser = argparse.ArgumentParser(prog="python -m full_stack.dashboard")
    parser.add_argument("--port", type=int, default=PORT)
    parser.add_argument("--address", default=LOOPBACK, help="where to listen")
    parser.add_argument(
        "--allow-host",
        action="append",
        default=[],
        help="a name, besides localhost, that a browser may ask for the page by",
    )
    given = parser.parse_args()
    watch_parent(patience=5.0)  # a signal within its start is lost on Streamlit
    from streamlit.web import cli  # noqa: PLC0415 — slow, and not for --help

    sys.argv = ["streamlit", *arguments(given.port, given.address, given.allow_host)]
    cli.main()


if __name__ == "__main__":
    main()
