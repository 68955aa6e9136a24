"""A user's project in a folder of its own, and the command line run in it."""

import importlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from winestream.testing.service import ServiceUnderTest

_T = TypeVar("_T")
MAIN = "from winestream.cli import main; main()"
PATIENCE = 60.0
"""Seconds until a wait gives up: far more than any of them takes."""

PASSWORD = "cork-canary"  # noqa: S105 — the twin takes any

EVENTS = """
from decimal import Decimal

import attrs

from winestream import Event


@attrs.frozen(kw_only=True)
class CorkReturned(Event):
    cork_id: str
    deposit: Decimal
    taster: str | None = None
"""


def command(*arguments: str) -> list[str]:
    """Return the command line as a subprocess; warnings are errors there, too."""
    return [sys.executable, "-W", "error", "-c", MAIN, *arguments]


def environment(**more: str) -> dict[str, str]:
    """Return the environment without any setting of ours but these."""
    return {k: v for k, v in os.environ.items() if "WINESTREAM" not in k} | more


def run(folder: Path, *arguments: str, **more: str) -> tuple[int, str, str]:
    """Run a command in `folder`; return exit code, stdout, stderr."""
    done = subprocess.run(
        command(*arguments),
        cwd=folder,
        env=environment(**more),
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    return done.returncode, done.stdout, done.stderr


def forget_project() -> None:
    """Let the next import find the module as it is now, wherever it is now."""
    importlib.invalidate_caches()
    for name in [name for name in sys.modules if name.startswith("cork_service")]:
        del sys.modules[name]


def write_project(folder: Path, service: ServiceUnderTest, topic: str) -> Path:
    """Write the events module and a settings file for this service; return the file."""
    (folder / "cork_service").mkdir()
    (folder / "cork_service" / "events.py").write_text(EVENTS)
    (folder / "password").write_text(f"{PASSWORD}\n")
    file = folder / "winestream.toml"
    file.write_text(
        f"""
pipeline = "{service.pipeline}"
topics = ["{topic}"]
group = "{service.group}"
bootstrap = "{service.bootstrap}"

[routes]
"cork_service.events:CorkReturned" = "RAW_CORKS"

[batch]
linger = "200ms"
gap_linger = "500ms"

[http]
port = 0

[snowflake]
account = "local"
user = "winestream"
password_file = "password"
host = "127.0.0.1"
port = {service.warehouse.port}
protocol = "http"
database = "{service.database}"
"""
    )
    return file


def until(ask: Callable[[], _T | None], what: str) -> _T:
    """Ask until there is an answer."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        found = ask()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"waited in vain for {what}")


class Running:
    """`winestream run` in a process; its log lines and its pages."""

    def __init__(self, folder: Path, *arguments: str, **more: str) -> None:
        self._process = subprocess.Popen(
            command("run", *arguments),
            cwd=folder,
            env=environment(**more),
            stderr=subprocess.PIPE,
            text=True,
        )
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            self.lines.append(line.rstrip())

    def logged(self, event: str) -> list[Mapping[str, Any]]:
        """Return the log lines of this name."""
        parsed = [json.loads(line) for line in list(self.lines) if line[:1] == "{"]
        return [line for line in parsed if line.get("event") == event]

    def page(self, path: str) -> tuple[int, str]:
        """GET a page of its server, once that is there."""
        [serve, *_] = until(lambda: self.logged("serve"), f"serve in {self.lines}")
        try:
            with urllib.request.urlopen(serve["url"] + path, timeout=10) as answer:  # noqa: S310 — ours
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def ready(self, *, ok: bool = True) -> Mapping[str, Any]:
        """Wait until it is ready, or not ready; return what it says."""

        def ask() -> Mapping[str, Any] | None:
            assert self._process.poll() is None, "\n".join(self.lines)
            code, body = self.page("/ready")
            assert code in (200, 503)
            said: Mapping[str, Any] = json.loads(body)
            assert said["ok"] == (code == 200)
            return said if said["ok"] == ok else None

        return until(ask, f"ready={ok}")

    def stop(self) -> int:
        """Send SIGTERM; return the exit code."""
        self._process.send_signal(signal.SIGTERM)
        return self.wait()

    def wait(self) -> int:
        """Wait for its end; return the exit code."""
        code = self._process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        return code

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self.wait()
        assert self._process.stderr is not None
        self._process.stderr.close()
