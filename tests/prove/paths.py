"""Where a proof finds what it shares with tests and examples: tests are no package."""

import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
for folder in (TESTS / "twin", TESTS.parent / "examples"):
    if str(folder) not in sys.path:
        sys.path.append(str(folder))
