"""For processes that a demo starts: they end when it does, however it ended."""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import Final

CHILD = "WINESTREAM_DEMO_CHILD"
"""Set for processes whose standard input is the demo's pipe."""


PATIENCE_SECONDS: Final = 45.0
"""From SIGTERM to SIGKILL; a consumer's own stop takes at most 30 s."""


def watch_parent(
    on_line: Callable[[str], None] = lambda _line: None,
    *,
    patience: float = PATIENCE_SECONDS,
) -> None:
    """Hand lines of the demo's pipe to `on_line`; at its end send SIGTERM to ourselves.

    The pipe also ends when the demo was killed, which no signal would tell. Nobody is
    there then to insist, so after `patience` seconds we kill ourselves. Without the
    demo's variable this does nothing. `on_line` runs on a thread of its own.
    """
    if os.environ.get(CHILD) != "1":
        return

    def watch() -> None:
        for line in sys.stdin:
            on_line(line.strip())
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(patience)
        os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=watch, name="parent", daemon=True).start()
