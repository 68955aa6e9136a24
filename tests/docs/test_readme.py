"""The README is run as it is printed."""

import re
import subprocess
import sys
from pathlib import Path

README = Path(__file__).parents[2] / "README.md"


def _python_blocks() -> list[str]:
    return re.findall(r"```python\n(.*?)```", README.read_text("utf-8"), re.DOTALL)


def test_the_first_example_runs_as_printed() -> None:
    """The first example lands its event and prints the payload."""
    example = _python_blocks()[0]
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", example],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert '"wine_id":"pomerol-2015"' in run.stdout
    assert run.stderr == ""


def test_the_first_example_is_short() -> None:
    """A newcomer reads at most fifteen lines of code."""
    lines = [line for line in _python_blocks()[0].splitlines() if line.strip()]
    assert len(lines) <= 15
