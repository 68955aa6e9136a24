"""The fixtures from a project outside the repository, with the wheel that users get."""

import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "docs" / "testing-your-service.md"

UNUSED = """
import sys

def test_unused_fixtures_cost_nothing():
    loaded = {name.partition(".")[0] for name in sys.modules}
    vendors = {"winestream", "snowflake", "pyarrow", "confluent_kafka", "msgspec"}
    assert not vendors & loaded
    assert "winestream_pytest" in loaded
"""

WHERE = """
import winestream

def test_the_wheel_is_what_is_tested():
    assert winestream.__file__.startswith({wheel!r})
"""

Run = Callable[..., list[str]]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel and unpack it, as `pip install --target` would."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d"]
    subprocess.run([*build, str(folder)], cwd=ROOT, check=True, capture_output=True)
    [file] = folder.glob("*.whl")
    with zipfile.ZipFile(file) as archive:
        archive.extractall(folder / "installed")
    return folder / "installed"


@pytest.fixture
def run(wheel: Path, tmp_path: Path) -> Run:
    """Run pytest in a new project; return the lines it prints."""

    def run(**files: str) -> list[str]:
        for name, text in files.items():
            file = tmp_path / (name.replace("__", "/") + ".py")
            file.parent.mkdir(exist_ok=True)
            file.write_text(text)
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cov", "."],
            cwd=tmp_path,
            env=dict(os.environ, PYTHONPATH=str(wheel), PYTHONDONTWRITEBYTECODE="1"),
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.splitlines()

    return run


def _snippets() -> list[str]:
    return re.findall(r"```python\n(.*?)```", GUIDE.read_text(), re.DOTALL)


def test_the_guides_test_passes_with_the_wheel(run: Run, wheel: Path) -> None:
    """What the guide shows runs as it stands, in a project that has only the wheel."""
    event, test = _snippets()
    assert len(test.splitlines()) <= 30
    lines = run(
        my_service__events=event,
        my_service____init__="",
        test_corks=test,
        test_where=WHERE.format(wheel=str(wheel)),
    )
    assert lines[-1].startswith("2 passed")


def test_a_project_that_does_not_use_it_pays_nothing(run: Run) -> None:
    """The entry point loads one small module ; no part of the library."""
    assert run(test_unused=UNUSED)[-1].startswith("1 passed")
