"""What an open demo says at its start."""

from types import SimpleNamespace
from typing import Any

import pytest

from full_stack.legend import break_command, legend
from full_stack.progress import Progress
from full_stack.wiring import BREAK_PORT

METRICS = {
    name: f"http://127.0.0.1:{port}/metrics"
    for name, port in (("consumer", 8000), ("producer", 8001))
}


def watchers(**differs: Any) -> Any:
    """Return somebody looking on, with everything at hand."""
    everything = {
        "dashboard": "http://127.0.0.1:8501",
        "prometheus": "http://127.0.0.1:9090",
        "metrics": METRICS,
        "missing": {},
        "control": SimpleNamespace(origin=f"http://127.0.0.1:{BREAK_PORT}"),
    }
    return SimpleNamespace(**{**everything, **differs})


def test_it_says_where_everything_is() -> None:
    """The page, each metrics page, Prometheus, how to break it, how to stop it."""
    told = "\n".join(legend(watchers()))
    for part in (
        "http://127.0.0.1:8501",
        "http://127.0.0.1:9090",
        *METRICS.values(),
        "full_stack.break_it consumer|warehouse|broker",
        "Ctrl-C",
    ):
        assert part in told
    assert "not installed" not in told


@pytest.mark.parametrize("name", ["page", "prometheus", "node_exporter"])
def test_what_is_missing_is_said_with_its_reason(name: str) -> None:
    """A part that could not be had has no address, but a reason and a consequence."""
    told = "\n".join(
        legend(
            watchers(
                dashboard=None, prometheus=None, missing={name: "not installed (so)"}
            )
        )
    )
    assert f"no {name.replace('_', ' ')}" in told
    assert "not installed (so): " in told
    assert "8501" not in told
    assert "9090" not in told


def test_what_is_said_is_said_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    """A bracket is no markup: whoever copies the line gets all of it."""
    Progress(0, 0).say("pip install 'winestream[dashboard]'")
    assert capsys.readouterr().err == "pip install 'winestream[dashboard]'\n"


def test_the_command_names_an_address_only_where_it_must() -> None:
    """On its own port the control is found; anywhere else the command says where."""
    assert "--url" not in break_command(f"http://127.0.0.1:{BREAK_PORT}")
    assert break_command("http://127.0.0.1:4711").endswith(
        "full_stack.break_it --url http://127.0.0.1:4711"
    )
