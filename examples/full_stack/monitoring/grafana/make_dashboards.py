"""Writes Grafana's dashboards: `python make_dashboards.py`, or `--check` to compare.

Dashboards are code. This file says which panels there are and what they ask; panels.py
how they are put. The JSON in dashboards/ is made from both and never edited.
"""

import json
import sys
from pathlib import Path
from typing import Any, Final

HERE: Final = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[2]))

from full_stack.monitoring.grafana.boards import (  # noqa: E402
    consumer,
    kafka,
    overview,
    system_and_alerts,
)

FOLDER: Final = HERE / "dashboards"


def dashboards() -> dict[str, dict[str, Any]]:
    """Return every dashboard by its file's name."""
    return {
        "overview.json": overview.board(),
        "consumer.json": consumer.board(),
        "kafka.json": kafka.board(),
        "system.json": system_and_alerts.system(),
        "alerts.json": system_and_alerts.alerts(),
    }


def main() -> int:
    """Write, or with `--check` say what would be written."""
    check = "--check" in sys.argv[1:]
    stale = []
    for name, content in dashboards().items():
        text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
        file = FOLDER / name
        if file.exists() and file.read_text(encoding="utf-8") == text:
            continue
        stale.append(name)
        if not check:
            file.write_text(text, encoding="utf-8")
    for name in stale:
        sys.stdout.write(f"{name} {'is out of date' if check else 'written'}\n")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
