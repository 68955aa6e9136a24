"""The single-file examples run as they are, by themselves, without a warning."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"

ENDS_WITH = {
    "own_events": r"RAW_BARRELS  3 BarrelFilled\(.*litres=225.*\)",
    "own_loop": r"500 bottles landed, 500 polled, turns taken: True",
    "several_pipelines": r"orders: 300 rows, cursors at 300\n"
    r"corks: 30 rows, cursors at 30",
    "two_sinks": r"fast: 1000 rows; slow: 0 rows, and holds the rest\n"
    r"then: 1000 rows in the slow one as well",
    "at_least_once": r"at-least-once: 200 rows, 1 dead letter",
    "file_archive": r"1000 rows, 1000 places in the log, cursors at 1000",
    "dead_letter_topic": r"exactly-once; 4 dead letters kept, 4 forwarded",
}


@pytest.mark.parametrize("name", ENDS_WITH)
def test_example(name: str) -> None:
    """It ends by itself, with what it promises as its last words."""
    run = subprocess.run(
        [sys.executable, "-W", "error", str(EXAMPLES / f"{name}.py")],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert run.returncode == 0, run.stderr
    assert re.search(rf"(?:^|\n){ENDS_WITH[name]}\n\Z", run.stdout), run.stdout


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda p: p.stem)
def test_every_example_is_told_about_and_run(path: Path) -> None:
    """Each has a head that says how to start it, and none is left out above."""
    head = ast.get_docstring(ast.parse(path.read_text("utf-8"))) or ""
    assert f"python examples/{path.name}" in head
    assert path.stem in ENDS_WITH
