"""The page about writers: its contract test is run as it is printed."""

import re
import subprocess
import sys
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "writers.md"


def test_the_contract_runs_as_printed(tmp_path: Path) -> None:
    """The page's file of tests passes; only what needs a failure is skipped."""
    (block,) = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    file = tmp_path / "test_list_writer.py"
    file.write_text(block)
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(file)],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        timeout=120,
    )
    assert re.search(r"\n8 passed, 2 skipped in", run.stdout), run.stdout


def test_importing_the_fakes_loads_no_test_runner() -> None:
    """`winestream.testing`, and the contract, load neither pytest nor hypothesis."""
    code = (
        "import sys, winestream.testing\n"
        "assert 'winestream.testing.contract' not in sys.modules\n"
        "import winestream.testing.contract\n"
        "assert not {'pytest', 'hypothesis', 'pyarrow'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
