import sys
from pathlib import Path

# Tests are no package: what the contract's tests share is found by its folder.
sys.path.append(str(Path(__file__).parent))
