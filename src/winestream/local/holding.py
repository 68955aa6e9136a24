"""The child's half of a holder process: JSON lines in, JSON lines out.

The first line out says that it is ready, or why not. It ends when its input does,
which happens whatever way the parent dies, and it ignores SIGINT: a Ctrl-C in the
terminal reaches the whole group, and the application has to stop before what it
depends on does.
"""

import json
import os
import signal
import sys
from collections.abc import Callable, Mapping
from typing import Any

from winestream.errors import ConfigurationError

Operation = Callable[..., Any]


def settings() -> dict[str, Any]:
    """Read what the parent passed on the command line."""
    given: dict[str, Any] = json.loads(sys.argv[1])
    return given


def hold(prepare: Callable[[], tuple[dict[str, Any], Mapping[str, Operation]]]) -> None:
    """Prepare, say so, then serve operations until the input ends.

    `prepare` answers what is said at the start and the operations by name. An
    operation that raises answers with its error; the process goes on.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Whatever a vendor prints must not end up between the answers.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())

    def say(answer: dict[str, Any]) -> None:
        answers.write(json.dumps(answer) + "\n")
        answers.flush()

    try:
        ready, operations = prepare()
    except ModuleNotFoundError as error:
        say(
            {
                "error": f"{error.name} is not installed; "
                "run: pip install 'winestream[local]'",
                "configuration": True,
            }
        )
        return
    except ConfigurationError as error:
        say({"error": str(error), "configuration": True})
        return
    say({"result": ready})
    for line in sys.stdin:
        request = json.loads(line)
        try:
            result = operations[request.pop("operation")](**request)
            say({"result": result})
        except Exception as error:  # noqa: BLE001 - the parent raises it
            say({"error": f"{type(error).__name__}: {error}"})
