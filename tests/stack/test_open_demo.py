"""`make demo` as a visitor gets it: a page, Prometheus, a control, until Ctrl-C."""

import json
import re
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from demo_process import Demo
from stack_files import system_packages, tool

pytestmark = [system_packages, pytest.mark.timeout(300)]

PATIENCE = 90.0


def until(true: Callable[[], Any], demo: Demo) -> Any:
    """Wait until it is so."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            if found := true():
                return found
        except OSError:
            pass
        time.sleep(0.25)
    raise AssertionError(demo.told)


def get(url: str) -> str:
    """GET from loopback."""
    with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 — ours
        content: str = answer.read().decode()
    return content


def said(demo: Demo, what: str) -> str:
    """Wait for a line of the legend; return its address."""
    pattern = re.compile(rf"^ +{what} +(http://\S+)", re.MULTILINE)
    found = until(lambda: pattern.search(demo.told), demo)
    return str(found[1])


def answer(prometheus: str, expression: str) -> list[float]:
    """Return the values of an instant query."""
    query = urllib.parse.urlencode({"query": expression})
    found = json.loads(get(f"{prometheus}/api/v1/query?{query}"))["data"]["result"]
    return [float(series["value"][1]) for series in found]


def test_what_is_printed_works_and_ctrl_c_brings_the_verdict(tmp_path: Path) -> None:
    """The page and Prometheus answer; the command breaks the consumer, who returns."""
    tool("prometheus")
    with Demo(HEADLESS="", POISON=0.02, DATA=tmp_path) as demo:
        page, prometheus = said(demo, "page"), said(demo, "Prometheus")
        until(lambda: "<html" in get(page), demo)
        until(lambda: answer(prometheus, "audit_ok") == [1.0], demo)
        watched = 'up{job=~"consumer|producer|redpanda|audit"}'
        until(lambda: answer(prometheus, watched) == [1.0] * 4, demo)
        printed = re.search(r"break it +PYTHONPATH=(\S+) (.+) consumer\|", demo.told)
        assert printed
        done = subprocess.run(
            [*printed[2].split(), "consumer"],
            env={"PYTHONPATH": printed[1]},
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        for line in done.stdout.splitlines():  # the terminal tells it, too
            until(lambda what=line[10:]: what in demo.told, demo)
        demo.interrupt()
        code, report = demo.verdict()
        assert code == 0, demo.told
        assert report["restarts"] == 1
        assert report["lost"] == report["duplicates"] == 0
        assert not demo.left_behind(10.0)


def test_a_told_story_stays_open_and_a_killed_demo_leaves_nobody(
    tmp_path: Path,
) -> None:
    """The page outlives the story, and ends with the demo, whatever ended that."""
    tool("prometheus")
    with Demo(HEADLESS="", EVENTS=100, RATE=50, DATA=tmp_path) as demo:
        page = said(demo, "page")
        until(lambda: "the page stays open until Ctrl-C" in demo.told, demo)
        until(lambda: "<html" in get(page), demo)
        demo.kill()
        # With broker and warehouse gone, a consumer's stop takes its 30 s.
        assert not demo.left_behind(60.0)
