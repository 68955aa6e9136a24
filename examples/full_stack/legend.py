"""What `make demo` prints at its start: where to look, what to press."""

import os
import sys
from pathlib import Path
from typing import Final

from full_stack.watchers import Watchers
from full_stack.wiring import BREAK_PORT

_WITHOUT: Final = {
    "page": "there is no page; the figures below are all there is to see",
    "prometheus": "the page reads the metrics themselves, so it has no history",
    "node_exporter": "the page knows nothing of this machine",
}


def legend(watchers: Watchers) -> list[str]:
    """Return the lines."""
    lines = ["", "Les Caves d'Albert is open."]

    def add(name: str, text: str) -> None:
        lines.append(f"  {name:<12}{text}")

    if watchers.dashboard:
        add("page", watchers.dashboard)
    for number, (name, url) in enumerate(watchers.metrics.items()):
        add("" if number else "metrics", f"{url}  {name}")
    if watchers.prometheus:
        add("Prometheus", watchers.prometheus)
    add(
        "break it",
        f"{break_command(watchers.control.origin)} consumer|warehouse|broker",
    )
    add("stop", "Ctrl-C; what is under way is written, then comes the verdict")
    for name, reason in watchers.missing.items():
        add("no " + name.replace("_", " "), f"{reason}: {_WITHOUT[name]}")
    return [*lines, ""]


def break_command(url: str) -> str:
    """Return the command that reaches this demo's control, for the current folder."""
    examples, python = _near(Path(__file__).parents[1]), _near(Path(sys.executable))
    default = url == f"http://127.0.0.1:{BREAK_PORT}"
    option = "" if default else f" --url {url}"
    return f"PYTHONPATH={examples} {python} -m full_stack.break_it{option}"


def _near(path: Path) -> str:
    near = os.path.relpath(path)
    return str(path) if near.startswith("..") else near
