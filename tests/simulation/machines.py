"""The state machine on the core, and the bugs planted there, for the mutants' list."""

import sys
from importlib import import_module
from pathlib import Path

_FOLDER = str(Path(__file__).resolve().parent.parent / "stateful")
if _FOLDER not in sys.path:
    sys.path.append(_FOLDER)

CursorRules = import_module("core_rules").CursorRules
planted = import_module("test_planted_bugs")
