"""Break a part of the running demo, and watch it come back.

    python -m full_stack.break_it consumer|warehouse|broker

`make demo` prints this command with its own address. Exit code 0 once the part works
again and rows land again, 1 when that takes too long or no demo answers.
"""

import argparse
import json
import os
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, Final

if __package__ in (None, ""):  # run as a file
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from full_stack.wiring import BREAK_PORT, BREAK_URL

LOOK_SECONDS: Final = 0.5
PATIENCE_SECONDS: Final = 150.0
LAST_WORDS: Final = "rows land again"


def ask(url: str, *, post: bool = False) -> dict[str, Any]:
    """Ask the control; raises `OSError` when it refuses or nobody answers."""
    request = urllib.request.Request(url, method="POST" if post else "GET")  # noqa: S310 — loopback
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 — loopback
        content: dict[str, Any] = json.load(answer)
    return content


def watch(url: str, since: str) -> bool:
    """Print events after `since` until nothing is broken; return whether it is well."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    well = False
    while time.monotonic() < deadline:
        state = ask(f"{url}/state")
        for event in state["events"]:
            if event["at"] <= since:  # ISO in UTC: the order of texts is that of times
                continue
            since = event["at"]
            well = well or event["what"].startswith(LAST_WORDS)
            sys.stdout.write(f"{since[11:19]}  {event['what']}\n")
            sys.stdout.flush()
        if not state["broken"]:
            return well
        time.sleep(LOOK_SECONDS)
    return False


def main() -> int:
    """Break what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", choices=["consumer", "warehouse", "broker"])
    default = os.environ.get(BREAK_URL) or f"http://127.0.0.1:{BREAK_PORT}"
    parser.add_argument("--url", default=default, help="the demo's control")
    options = parser.parse_args()
    url = options.url.rstrip("/")
    try:
        events = ask(f"{url}/state")["events"]
        ask(f"{url}/break/{options.target}", post=True)
        return 0 if watch(url, events[-1]["at"] if events else "") else 1
    except urllib.error.HTTPError as error:
        with error:
            sys.stderr.write(f"{json.load(error)['error']}\n")
    except OSError as error:
        sys.stderr.write(f"no demo answers at {url}: {error}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
