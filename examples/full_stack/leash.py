"""Holds a foreign program that a demo starts: it ends when the demo does.

    python -m full_stack.leash prometheus --config.file=…

Prometheus knows nothing of the demo's pipe. This does, and passes SIGTERM on.
"""

import signal
import subprocess
import sys
from typing import Final

from full_stack.child import watch_parent

PATIENCE_SECONDS: Final = 5.0
"""From SIGTERM to SIGKILL."""


def main() -> None:
    """Run the program on the command line until it or the demo ends."""
    asked = False
    program: subprocess.Popen[bytes] | None = None

    def end(*_: object) -> None:
        nonlocal asked
        asked = True
        if program is not None:
            program.terminate()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    program = subprocess.Popen(  # noqa: S603 — what the demo asked for
        sys.argv[1:], stdin=subprocess.DEVNULL, stdout=sys.stderr
    )
    if asked:  # between the handler and the program
        program.terminate()
    watch_parent()
    while True:
        try:
            code = program.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            if asked:
                program.kill()
        else:
            sys.exit(max(code, 0))


if __name__ == "__main__":
    main()
