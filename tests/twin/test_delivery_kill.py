"""Crashes and stops of the whole pipeline, with the genuine clients on both ends."""

import os
import signal

import pytest
from demo_process import Demo

pytestmark = pytest.mark.timeout(150)


def _assert_sound(demo: Demo, *, restarts: int) -> None:
    code, report = demo.verdict()
    assert report["lost"] == report["duplicates"] == 0, report
    assert code == 0, report
    accounted = sum(report["landed"].values()) + report["dead_letters"]
    assert accounted == report["produced"] > 0
    assert report["restarts"] >= restarts  # a consumer may also start too early
    assert demo.left_behind(10.0) == []


def test_a_killed_consumer_and_a_killed_warehouse_lose_nothing() -> None:
    """SIGKILL takes one, then the other, in the middle; a SIGTERM then ends the run."""
    with Demo(EVENTS=0, RATE=150, POISON=0.02) as demo:
        consumer, warehouse = demo.pids()
        demo.wait_for_slices(2)
        os.kill(consumer, signal.SIGKILL)
        demo.wait_for_produced(300)
        os.kill(warehouse, signal.SIGKILL)
        demo.wait_for_produced(600)
        demo.terminate()
        _assert_sound(demo, restarts=2)


def test_a_ctrl_c_in_the_middle_loses_nothing() -> None:
    """Everything in the terminal gets it, and the processes still stop in order."""
    with Demo(EVENTS=0, RATE=150) as demo:
        demo.wait_for_slices(1)
        demo.interrupt()
        _assert_sound(demo, restarts=0)


def test_a_killed_demo_leaves_no_process_behind() -> None:
    """Broker, warehouse, consumer and producer end when nobody holds their pipes."""
    with Demo(EVENTS=0, RATE=50) as demo:
        demo.pids()
        demo.wait_for_produced(1)
        assert len(demo.family()) >= 4  # one may just be starting something
        demo.kill()
        assert demo.left_behind(60.0) == []
