"""What `import` costs, in fresh interpreters, and which vendors it loads."""

import subprocess
import sys
from statistics import median
from typing import Final

_MODULES: Final = (
    "winestream",
    "winestream.files",
    "winestream.kafka",
    "winestream.snowflake",
)
_VENDORS: Final = (
    *("confluent_kafka", "snowflake.connector", "pyarrow", "prometheus_client"),
    *("structlog", "cattrs", "msgspec"),
)
_TIMES: Final = 7


def measure() -> dict[str, object]:
    """Return milliseconds and vendors by module; an empty interpreter is `python`."""
    found: dict[str, object] = {"python": {"ms": _median("pass"), "vendors": []}}
    for module in _MODULES:
        program = f"import sys, {module}; print(*[n for n in {_VENDORS!r} if n in sys"
        loaded = _run(program + ".modules])").split()
        found[module] = {"ms": _median(f"import {module}"), "vendors": loaded}
    return found


def _median(statement: str) -> float:
    program = (
        f"from time import perf_counter as t; b = t()\n{statement}\nprint(t() - b)"
    )
    return 1000 * median(float(_run(program)) for _ in range(_TIMES))


def _run(program: str) -> str:
    return subprocess.check_output([sys.executable, "-c", program], text=True)
