import sys
from pathlib import Path

# Tests are no package: what the tests of files share is found by its folder.
sys.path.append(str(Path(__file__).parent))
