"""The demo's variables: what they mean, and what they cannot be."""

from pathlib import Path

import pytest

import full_stack.asked
from full_stack import run
from full_stack.asked import AskedError, asked_for


def test_without_variables_it_goes_on_with_a_page(tmp_path: Path) -> None:
    """Without end, at its pace, without broken messages; headless it ends by itself."""
    data = {"DATA": str(tmp_path)}
    shown, headless = asked_for(data), asked_for({**data, "HEADLESS": "1"})
    assert (shown.open, shown.keep, headless.open) == (True, True, False)
    wishes = [(w.events, w.rate, w.live) for w in (shown.wish, headless.wish)]
    assert wishes == [(0, 40.0, True), (5000, 0.0, False)]
    assert (shown.wish.poison, shown.wish.seed) == (0.0, 1855)


def test_what_is_given_counts(tmp_path: Path) -> None:
    """The bounds are allowed, and an empty variable is none."""
    given = {"EVENTS": "0", "RATE": "2.5", "SEED": "7", "POISON": "1", "HEADLESS": "1"}
    wish = asked_for({**given, "DATA": str(tmp_path / "new")}).wish
    assert (wish.events, wish.rate, wish.seed, wish.poison) == (0, 2.5, 7, 1.0)
    assert asked_for({"EVENTS": "", "DATA": str(tmp_path)}).wish.events == 0


@pytest.mark.parametrize(
    ("name", "value", "must"),
    [
        ("EVENTS", "abc", "a whole number from 0 on"),
        ("EVENTS", "-1", "a whole number from 0 on"),
        ("EVENTS", "1.5", "a whole number from 0 on"),
        ("SEED", "x", "a whole number from 0 on"),
        ("RATE", "fast", "a number from 0 on"),
        ("RATE", "-1", "a number from 0 on"),
        ("RATE", "inf", "a number from 0 on"),
        ("POISON", "2", "a share from 0 to 1"),
        ("POISON", "-0.1", "a share from 0 to 1"),
        ("POISON", "nan", "a share from 0 to 1"),
        ("DATA", __file__, "a folder"),
    ],
)
def test_what_cannot_be_is_one_line(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
    value: str,
    must: str,
) -> None:
    """Its name, its value and what it must be; exit code 1 before anything starts."""
    for other in ("EVENTS", "RATE", "SEED", "POISON", "DATA"):
        monkeypatch.delenv(other, raising=False)
    monkeypatch.setenv(name, value)
    monkeypatch.delattr(full_stack.asked.tempfile, "mkdtemp")
    monkeypatch.delattr(run, "Stack")
    assert run.main() == 1
    said = capsys.readouterr().err
    assert said.startswith(f"{name}={value}: it must be {must}")
    assert said.count("\n") == 1


def test_every_wrong_variable_is_named(tmp_path: Path) -> None:
    """One look is enough, however many are wrong."""
    given = {"EVENTS": "abc", "POISON": "2", "DATA": str(tmp_path)}
    with pytest.raises(AskedError) as caught:
        asked_for(given)
    assert [line.split("=")[0] for line in str(caught.value).splitlines()] == [
        "EVENTS",
        "POISON",
    ]
