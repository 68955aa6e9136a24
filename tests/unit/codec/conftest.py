import sys
from pathlib import Path

# `--import-mode=importlib` gives the tests no package; what they share is found here.
sys.path.insert(0, str(Path(__file__).parent))
