"""The README is run as it is printed."""

import re
import subprocess
import sys
from importlib.metadata import metadata
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

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


def test_the_production_parts_are_complete(tmp_path: Path) -> None:
    """With a key where the example has one, every name in it is there."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    file = tmp_path / "snowflake.p8"
    file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    example = _python_blocks()[1]
    assert "/run/secrets/snowflake.p8" in example
    example = example.replace("/run/secrets/snowflake.p8", str(file))
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", example],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (run.returncode, run.stderr) == (0, "")


def test_the_install_lines_name_extras_that_there_are() -> None:
    """As pyproject.toml has them."""
    extras = metadata("winestream").get_all("Provides-Extra") or []
    named = re.findall(r"winestream\[([a-z,]+)\]", README.read_text("utf-8"))
    assert named
    assert {one for each in named for one in each.split(",")} <= set(extras)


def test_the_first_example_is_short() -> None:
    """A newcomer reads at most fifteen lines of code."""
    lines = [line for line in _python_blocks()[0].splitlines() if line.strip()]
    assert len(lines) <= 15
