"""Ports of demos that start together."""

import socket
import subprocess
import sys
from pathlib import Path

from full_stack.ports import free_port

EXAMPLES = Path(__file__).parents[3] / "examples"
CLAIM = """
import sys
from full_stack.ports import free_port
print(free_port(int(sys.argv[1])), flush=True)
sys.stdin.read()
"""


def unused() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def test_the_port_wanted_is_given_where_it_is_free() -> None:
    """A listener keeps it from us; zero asks for any."""
    assert free_port(wanted := unused()) == wanted
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        taken = listener.getsockname()[1]
        assert free_port(taken) != taken
    assert free_port(0) > 0


def test_two_demos_that_start_together_get_two_ports() -> None:
    """The other's child does not listen yet; once it has ended, the port is free."""
    wanted = unused()
    with subprocess.Popen(
        [sys.executable, "-c", CLAIM, str(wanted)],
        env={"PYTHONPATH": str(EXAMPLES)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        assert other.stdin is not None
        assert other.stdout is not None
        assert int(other.stdout.readline()) == wanted
        assert free_port(wanted) != wanted
        other.stdin.close()
        other.wait(20)
    assert free_port(wanted) == wanted
