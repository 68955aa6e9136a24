"""The model of the cursor protocol, explored within small bounds."""

import sys
from pathlib import Path

import pytest

# The files that the documentation and `make prove` run.
sys.path.append(str(Path(__file__).parents[2] / "docs" / "model"))

import protocol as model

SOUND = [name for name, (wanted, _) in model.VARIANTS.items() if "sound" in wanted]
CAUGHT = [name for name in model.VARIANTS if name not in SOUND]


def test_the_protocol_is_sound() -> None:
    """Every state with one fault: no invariant broken, and the end can be reached."""
    result = model.explore("the protocol", messages=2, epochs=4, faults=1)
    assert result.verdict == "sound"
    assert result.states > 10_000


@pytest.mark.parametrize("variant", CAUGHT)
def test_a_guard_taken_away_is_caught(variant: str) -> None:
    """Without it an invariant breaks: the one that the list names."""
    result = model.explore(variant, messages=2, epochs=4, faults=2)
    assert result.verdict in model.VARIANTS[variant][0]
    assert result.steps > 0


@pytest.mark.parametrize("variant", [name for name in SOUND if name != "the protocol"])
def test_what_is_tolerated_is_sound(variant: str) -> None:
    """The list says why; nothing breaks within these bounds."""
    assert model.explore(variant, messages=2, epochs=3, faults=1).verdict == "sound"


def test_a_protocol_that_never_ends_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Liveness is checked: an owner whose compare-and-set never hits is stuck."""

    def never(*_: object) -> list[object]:
        return []

    monkeypatch.setattr(model.Model, "_compare_and_set", never)
    assert model.explore("the protocol", messages=1, epochs=3).verdict == "stuck"
