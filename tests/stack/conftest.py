"""What the tests of the full stack share: its files, tools, and what is skipped."""

import sys
from pathlib import Path

# Tests are no package: helpers are found by their folder.
sys.path.append(str(Path(__file__).parent))
sys.path.append(str(Path(__file__).parents[1] / "twin"))  # the demo as a process
