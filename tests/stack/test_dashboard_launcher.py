import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from live_stack import get, until
from stack_files import STACK

from full_stack.child import CHILD
from full_stack.dashboard.__main__ import arguments

SWITCHED_OFF = (
    "--server.address=127.0.0.1",
    "--browser.gatherUsageStats=false",
    "--client.showErrorDetails=none",
    "--server.headless=true",
)


@contextmanager
def launched(
    folder: Path, environment: dict[str, str]
) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Start the page as the demo does; its address and its process."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    examples = str(STACK.parent)
    with (folder / "page.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "full_stack.dashboard", "--port", str(port)],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            env={**os.environ, "PYTHONPATH": examples, **environment},
        )
    assert process.stdin
    try:
        url = f"http://127.0.0.1:{port}"
        until(f"no page, see {folder}", lambda: get(f"{url}/_stcore/health") == "ok")
        yield url, process
    finally:
        process.stdin.close()
        process.terminate()
        process.wait(30)


def test_what_a_visitor_should_not_get_is_switched_off() -> None:
    """Loopback, no statistics, no traces, whatever the user's own settings say."""
    given = arguments(8501)
    assert set(SWITCHED_OFF) <= set(given)
    assert "--server.allowedHosts=127.0.0.1" in given
    opened = arguments(8501, "0.0.0.0", ["wine.example"])  # noqa: S104 — the test's
    assert "--server.allowedHosts=wine.example" in opened


def test_the_page_listens_on_loopback_only_and_ends_when_told(tmp_path: Path) -> None:
    """It is a well-behaved child: healthy without a warehouse, gone at SIGTERM."""
    with launched(tmp_path, {}) as (url, process):
        port = int(url.rsplit(":", 1)[1])
        listening = {
            each.laddr
            for each in psutil.Process(process.pid).net_connections("inet")
            if each.status == psutil.CONN_LISTEN
        }
        assert listening == {("127.0.0.1", port)}
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def test_the_page_ends_with_the_demo_that_started_it(tmp_path: Path) -> None:
    """The end of the demo's pipe is enough, however the demo ended."""
    with launched(tmp_path, {CHILD: "1"}) as (_url, process):
        assert process.stdin
        process.stdin.close()
        process.wait(30)


@pytest.mark.parametrize(("host", "welcome"), [("evil.example", False), ("", True)])
def test_a_foreign_name_gets_no_data(
    tmp_path: Path,
    host: str,
    welcome: bool,
) -> None:
    """A page elsewhere that rebinds its name to loopback is refused the stream."""
    with launched(tmp_path, {}) as (url, _process):
        place = url.removeprefix("http://")
        asked = (
            "GET /_stcore/stream HTTP/1.1\r\n"
            f"Host: {host or place}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        name, port = place.split(":")
        with socket.create_connection((name, int(port)), 10) as wire:
            wire.sendall(asked.encode())
            status = wire.recv(64).split(b" ")[1]
    assert (status == b"101") is welcome
