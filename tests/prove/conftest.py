"""Where the proof's modules are: tests are no package."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent))

import paths  # noqa: F401 — and what those share with others
