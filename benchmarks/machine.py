"""What the numbers were measured on, and how long `import winestream` takes."""

import os
import platform
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from statistics import median

_PACKAGES = ("winestream", "confluent-kafka", "msgspec", "cattrs", "pyarrow")


def machine() -> dict[str, object]:
    """Return what is known of this machine and of the packages."""
    return {
        "cpus": os.cpu_count(),
        "cpu": _field("/proc/cpuinfo", "model name") or platform.machine(),
        "memory": _field("/proc/meminfo", "MemTotal"),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        # Of others: it is asked for before anything is started.
        "load_average": round(os.getloadavg()[0], 1),
        "packages": {name: version(name) for name in _PACKAGES},
    }


def _field(path: str, name: str) -> str:
    try:
        lines = Path(path).read_text().splitlines()
    except OSError:
        return ""
    found = (line.partition(":")[2].strip() for line in lines if line.startswith(name))
    return next(found, "")


def import_ms(times: int = 11) -> float:
    """Return the median of `import winestream` in fresh interpreters, milliseconds."""
    program = (
        "from time import perf_counter as t; b = t(); import winestream; print(t() - b)"
    )
    return 1000 * median(
        float(subprocess.check_output([sys.executable, "-c", program]))
        for _ in range(times)
    )
