"""Each part of a running demo is broken by its control, and the demo recovers."""

import importlib.util
import json
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import full_stack.watchers
from full_stack.control import Control
from full_stack.legend import legend
from full_stack.progress import scrape
from full_stack.stack import Stack, Wish
from full_stack.verdict import judge
from full_stack.watchers import Watchers

pytestmark = pytest.mark.timeout(240)

EXAMPLES = Path(__file__).parents[2] / "examples"
PATIENCE = 90.0


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Run a small demo at a quiet shop's pace."""
    wish = Wish(
        events=0,
        rate=20.0,
        seed=1855,
        # A row that the warehouse refuses halves its slice again and again: that is
        # other tests' business, and slow where much has piled up.
        poison=0.0,
        data=tmp_path_factory.mktemp("demo"),
        live=True,
    )
    with Stack(wish) as started:
        supervised(started, lambda: sum(started.landed().values()) > 50)
        yield started


@pytest.fixture(scope="module")
def watchers(stack: Stack) -> Iterator[Watchers]:
    """Look on with what every machine has: the audit and the control."""
    find = importlib.util.find_spec
    with pytest.MonkeyPatch.context() as poor:
        poor.setattr(shutil, "which", lambda _name: None)
        poor.setattr(
            importlib.util,
            "find_spec",
            lambda name: None if name == "streamlit" else find(name),
        )
        poor.setattr(full_stack.watchers, "AUDIT_EVERY", "2s")
        with Watchers(stack) as looking:
            yield looking


@pytest.fixture(scope="module")
def control(watchers: Watchers) -> Control:
    """Return its control."""
    return watchers.control


def audited(stack: Stack, watchers: Watchers) -> None:
    """Wait for an audit that began from now on; it found nothing off."""
    now = time.time()

    def figures() -> dict[str, float]:
        return {name: value for name, _, value in scrape(watchers.audit_port)}

    # The one under way may have begun before: the second from now did not.
    for _ in range(2):
        before = now
        supervised(
            stack,
            lambda: figures().get("audit_timestamp_seconds", 0) > before,  # noqa: B023 — called at once
        )
        now = figures()["audit_timestamp_seconds"]
    assert figures()["audit_ok"] == 1
    assert figures()["audit_offending"] == 0


def supervised(stack: Stack, true: Any) -> None:
    """Supervise, as the demo does, until it is so or nothing lands any more."""
    most, deadline = -1, time.monotonic() + PATIENCE
    while not true():
        if (landed := sum(stack.landed().values())) > most:
            most, deadline = landed, time.monotonic() + PATIENCE
        assert time.monotonic() < deadline, stack.breaker.state()
        for _ in range(4):
            stack.supervise()
            time.sleep(0.25)


def state(control: Control) -> Any:
    """GET what the page shows."""
    with urllib.request.urlopen(f"{control.origin}/state", timeout=5) as answer:  # noqa: S310 — loopback
        return json.load(answer)


def refused(request: urllib.request.Request) -> int:
    """POST what is to be refused; return the status."""
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request, timeout=5)  # noqa: S310 — loopback
    with caught.value as answer:
        return answer.code


def test_missing_parts_take_only_themselves_away(watchers: Watchers) -> None:
    """Without Prometheus and Streamlit there is a reason, an audit and a control."""
    assert watchers.missing.keys() == {"prometheus", "page"}
    assert watchers.prometheus is None
    assert watchers.dashboard is None
    told = "\n".join(legend(watchers))
    assert "pip install 'winestream[dashboard]'" in told
    assert watchers.metrics["audit"] in told


@pytest.mark.parametrize("target", ["consumer", "warehouse", "broker"])
def test_what_is_broken_comes_back(
    stack: Stack, watchers: Watchers, control: Control, target: str
) -> None:
    """The command breaks it and tells how it comes back; the audit adds up again."""
    restarts = stack.restarts
    pids = stack.consumer.pid, stack.warehouse.pid
    command = [sys.executable, "-m", "full_stack.break_it", target]
    with subprocess.Popen(
        [*command, f"--url={control.origin}"],
        env={"PYTHONPATH": str(EXAMPLES)},
        stdout=subprocess.PIPE,
        text=True,
    ) as told:
        supervised(stack, lambda: told.poll() is not None)
        assert told.stdout is not None
        said = told.stdout.read()
        assert told.returncode == 0, said
    assert f"the {target}" in said.splitlines()[0]
    assert "rows land again" in said.splitlines()[-1]
    killed = {"consumer": {0}, "warehouse": {1}, "broker": set()}[target]
    now = stack.consumer.pid, stack.warehouse.pid
    assert {i for i in (0, 1) if pids[i] != now[i]} == killed
    assert stack.restarts - restarts == len(killed)
    events = [event["what"] for event in state(control)["events"]]
    assert all(line[10:] in events for line in said.splitlines())
    assert state(control)["broken"] == []
    audited(stack, watchers)


def test_what_is_broken_is_not_broken_again(stack: Stack, control: Control) -> None:
    """A second break of the same part is refused until it is back."""
    url = f"{control.origin}/break/broker"
    request = urllib.request.Request(url, method="POST")  # noqa: S310 — loopback
    with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310 — loopback
        assert answer.status == 202
    assert state(control)["broken"] == ["broker"]
    assert refused(request) == 409
    supervised(stack, lambda: not state(control)["broken"])


def test_nobody_else_breaks_it(stack: Stack, control: Control) -> None:
    """An unknown part, and a request of some web page's, change nothing."""
    before = state(control)["events"]
    unknown = urllib.request.Request(f"{control.origin}/break/producer", method="POST")  # noqa: S310 — loopback
    assert refused(unknown) == 404
    foreign = urllib.request.Request(  # noqa: S310 — loopback
        f"{control.origin}/break/consumer",
        headers={"Origin": "http://example.org"},
        method="POST",
    )
    assert refused(foreign) == 403
    assert state(control)["events"] == before
    assert stack.consumer.exit_code is None


def test_after_all_that_nothing_is_lost_and_nothing_is_double(stack: Stack) -> None:
    """Every message that was acknowledged is in the warehouse once."""
    stack.producer.tell("pause")
    supervised(stack, lambda: stack.acknowledged() is not None)
    acknowledged = stack.acknowledged() or {}
    wanted = sum(acknowledged.values())
    assert wanted > 300
    supervised(stack, lambda: sum(stack.landed().values()) >= wanted)
    stack.breaker.close()
    assert not stack.breaker.break_("consumer"), "an ending demo is left alone"
    stack.consumer.stop()
    with stack.connect() as connection:
        verdict = judge(
            connection, stack.broker.cluster_id, acknowledged, stack.broken()
        )
    assert verdict.lost == verdict.duplicates == 0
    assert verdict.sound, verdict
