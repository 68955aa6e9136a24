"""The public API under mypy, strict: good programs pass, each mistake is found."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROGRAMS = Path(__file__).parent / "programs"

_CONFIG = """
[mypy]
strict = true
pretty = false
show_error_codes = true
follow_imports = silent
ignore_missing_imports = true
"""


@pytest.fixture(scope="module")
def found(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> dict[str, dict[int, str]]:
    """Run mypy once over all programs; return program → line → what it says."""
    folder = tmp_path_factory.mktemp("mypy")
    (folder / "mypy.ini").write_text(_CONFIG)
    # Kept between runs where pytest keeps anything: a cold run takes half a minute.
    kept = getattr(request.config, "cache", None)
    cache = kept.mkdir("mypy") if kept is not None else folder / "cache"
    done = subprocess.run(
        [
            *(sys.executable, "-m", "mypy"),
            *("--config-file", str(folder / "mypy.ini")),
            *("--cache-dir", str(cache)),
            *map(str, sorted(PROGRAMS.glob("*.py"))),
        ],
        cwd=folder,
        env=os.environ | {"MYPYPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, 1), done.stdout + done.stderr
    said: dict[str, dict[int, str]] = {}
    for name, line, text in re.findall(r"(\w+)\.py:(\d+): error: (.*)", done.stdout):
        lines = said.setdefault(name, {})
        lines[int(line)] = lines.get(int(line), "") + text
    return said


def test_good_programs_pass(found: dict[str, dict[int, str]]) -> None:
    """Nobody needs a cast or an ignore to use the library."""
    assert found.get("good_service", {}) == {}


def test_each_mistake_is_found_where_it_is(found: dict[str, dict[int, str]]) -> None:
    """Exactly the marked lines have errors, and each says what its mark says."""
    source = (PROGRAMS / "bad_service.py").read_text().splitlines()
    marked = {
        number: line.partition("  # E: ")[2]
        for number, line in enumerate(source, 1)
        if "  # E: " in line
    }
    said = found["bad_service"]
    assert said.keys() == marked.keys(), said
    for number, wanted in marked.items():
        assert wanted in said[number]
