"""Where the stack's files are, and the tools that check them."""

import functools
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

ROOT: Final = Path(__file__).resolve().parents[2]
STACK: Final = ROOT / "examples" / "full_stack"
MONITORING: Final = STACK / "monitoring"
PROMETHEUS: Final = MONITORING / "prometheus"
RUNBOOKS: Final = ROOT / "docs" / "runbooks"

WANTED: Final = os.environ.get("WINESTREAM_TEST_STACK") == "1"
system_packages = pytest.mark.skipif(
    not WANTED, reason="needs system packages: WINESTREAM_TEST_STACK=1 runs it"
)

_PACKAGES: Final = {
    "chromium": "chromium",
    "prometheus": "prometheus",
    "promtool": "prometheus",
    "prometheus-alertmanager": "prometheus-alertmanager",
    "amtool": "prometheus-alertmanager",
    "prometheus-node-exporter": "prometheus-node-exporter",
}
_INSTALL_SECONDS = 170
_WAIT = ("-o", "DPkg::Lock::Timeout=120")  # somebody else may be installing


def read(path: Path) -> Any:
    """Parse a YAML file."""
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def tool(name: str) -> str:
    """Return a program of Debian's; installed if missing and we may, else skip."""
    found = shutil.which(name)
    if found is None:
        reason = _install(_PACKAGES[name])
        found = shutil.which(name)
        if found is None:
            pytest.skip(f"{name} is missing: {reason}")
    return found


@functools.cache
def _install(package: str) -> str:
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        return f"apt-get install {package}, as root"
    # Installed, not started: in runlevel 1 a package's service stays off.
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    for command in (
        ["apt-get", "-q", *_WAIT, "update"],
        ["apt-get", "-qy", *_WAIT, "install", "--no-install-recommends", package],
    ):
        done = subprocess.run(
            command,
            env=quiet,
            capture_output=True,
            text=True,
            timeout=_INSTALL_SECONDS,
            check=False,
        )
    return "" if done.returncode == 0 else done.stderr.strip()[-300:]


def python_tool(name: str) -> str:
    """Return a program that pip installs, from this environment or the path."""
    beside = Path(sys.executable).parent / name
    found = str(beside) if beside.exists() else shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is missing: it comes with the dev extra")
    return found


def run(*command: str | Path, cwd: Path = ROOT) -> str:
    """Run a tool to its end; fails with what it said."""
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    return said


def rules() -> Iterator[Mapping[str, Any]]:
    """Yield every rule of Prometheus."""
    for file in sorted((PROMETHEUS / "rules").glob("*.yml")):
        for group in read(file)["groups"]:
            yield from group["rules"]


_WORDS: Final = frozenset(
    {"and", "or", "unless", "bool", "offset", "inf", "nan"}
    | {"by", "without", "on", "ignoring", "group_left", "group_right"}
)


def metric_names(expression: str) -> frozenset[str]:
    """Return the metrics that a PromQL asks for."""
    bare = re.sub(r'"(?:\\.|[^"\\])*"', "", expression)
    bare = re.sub(r"\{[^}]*\}|\[[^\]]*\]", "", bare)
    labels = r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)"
    bare = re.sub(labels, "", bare)
    names = re.findall(r"(?<![\w:$])[a-zA-Z_][\w:]*\b(?!\s*\()", bare)
    return frozenset(name for name in names if name.lower() not in _WORDS)
