"""What a mistyped command line ends with: never what stands for an outcome."""

import sys

import pytest

from winestream.cli import main


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ("run --nope 1", 1),
        ("config --nope 1", 1),
        ("deploy --port abc", 1),
        ("rewind", 1),
        ("local serve", 1),
        ("schema ddl", 1),
        ("schema export", 1),
        ("schema diff", 3),
        ("schema diff a:A b:B --nope 1", 3),
        ("schema diff nowhere:A nowhere:B", 3),
        ("audit", 2),
        ("audit --pipeline wine --nope 1", 2),
        ("schema dif", 64),
        ("aduit", 64),
        ("--nope", 64),
    ],
)
def test_a_usage_error_has_the_code_of_what_could_not_be_done(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: str,
    code: int,
) -> None:
    """A typo in CI is no breaking change, no audit's verdict and no consumer's end."""
    monkeypatch.setattr(sys, "argv", ["winestream", *arguments.split()])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == code
    assert capsys.readouterr().err
