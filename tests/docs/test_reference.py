"""The reference is made from the docstrings, and every public name has one."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

import winestream

SCRIPT = Path(__file__).parents[2] / "docs" / "make_reference.py"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    """Load the script; docs are no package."""
    spec = importlib.util.spec_from_file_location("make_reference", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["make_reference"] = module
    spec.loader.exec_module(module)
    return module


def test_the_page_is_up_to_date(script: ModuleType) -> None:
    """If not: python docs/make_reference.py."""
    assert script.TARGET.read_text(encoding="utf-8") == script.reference()


def test_every_public_name_is_on_it(script: ModuleType) -> None:
    """The front door is documented whole."""
    page = script.reference()
    for name in winestream.__all__:
        if name not in ("Hook", "Telemetry"):  # an alias and a union of values
            assert f"### `{name}`" in page


def test_the_page_holds_nothing_of_one_machine(script: ModuleType) -> None:
    """No address in memory, no path: it would differ at the next run."""
    page = script.reference()
    assert "0x" not in page
    assert str(Path.home()) not in page
    assert "<function" not in page
