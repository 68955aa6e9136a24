"""The control that breaks something in a running demo, where there is one.

Another process owns it, on loopback: this only asks what it can break, and says so.
GET /state answers `{"targets": ["consumer"], "events": [{"at": "2026-11-27T23:00:00Z",
"what": "it was killed"}]}`, times in ISO 8601; POST /break/TARGET breaks one.
"""

import json
import urllib.request
from datetime import datetime
from typing import Any, Final

import attrs

_TIMEOUT: Final = 5.0
_SHOWN: Final = 8

FAILURES: Final = (OSError, ValueError, KeyError, TypeError, AttributeError)


@attrs.frozen
class Happening:
    """Something that was broken, or that recovered."""

    at: datetime
    what: str


@attrs.frozen
class Control:
    """What can be broken, and what happened so far, the newest first."""

    targets: tuple[str, ...]
    happened: tuple[Happening, ...]


def look(url: str) -> Control | None:
    """Ask the control; None when it does not answer."""
    try:
        state = json.loads(_ask(f"{url}/state"))
        events = [
            Happening(datetime.fromisoformat(each["at"]), str(each["what"]))
            for each in state.get("events", ())
        ]
        targets = tuple(str(each) for each in state["targets"])
    except FAILURES:
        return None
    newest = sorted(events, key=lambda each: each.at, reverse=True)
    return Control(targets, tuple(newest[:_SHOWN]))


def break_it(url: str, target: str) -> bool:
    """Break a target that the control named; returns whether it was told."""
    try:
        _ask(f"{url}/break/{target}", b"")
    except FAILURES:
        return False
    return True


def _ask(url: str, body: bytes | None = None) -> Any:  # noqa: ANN401 — text of JSON
    request = urllib.request.Request(url, data=body)  # noqa: S310 — the operator's own
    with urllib.request.urlopen(request, timeout=_TIMEOUT) as answer:  # noqa: S310
        return answer.read().decode()
