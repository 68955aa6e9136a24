"""The benchmarks' messages are what was asked for."""

import json

import pytest
from benchmarks.events import OrderPlaced, StockMoved, routes
from benchmarks.load import BREAKERS, Load

from benchmarks import load
from winestream import DecodeError


def test_one_seed_is_one_load() -> None:
    """The same load is the same bytes; another seed is other bytes."""

    def values(seed: int) -> list[bytes | None]:
        wanted = Load(messages=300, seed=seed, mix=0.3, poison=0.1)
        return [value for _, value, _, _ in load.messages(wanted)]

    assert values(1) == values(1)
    assert values(1) != values(2)


@pytest.mark.parametrize("size", [200, 300, 440, 1_000, 10_000])
def test_sizes(size: int) -> None:
    """The mean payload is the size asked for, within a twentieth."""
    values = [v for _, v, _, _ in load.messages(Load(messages=2_000, bytes=size))]
    mean = sum(len(value or b"") for value in values) / len(values)
    assert mean == pytest.approx(size, rel=0.05)


def test_mix_and_poison() -> None:
    """Sound messages are valid events of both types; broken ones are refused."""
    codec = routes()
    made = list(load.messages(Load(messages=2_000, mix=0.4, poison=0.05)))
    sound = [codec.decode(value) for _, value, _, broken in made if broken < 0]
    assert {type(event) for event in sound} == {OrderPlaced, StockMoved}
    kinds = [broken for _, _, _, broken in made if broken >= 0]
    assert len(kinds) == 100
    assert set(kinds) == set(range(len(BREAKERS)))
    for _, value, _, broken in made:
        if broken < 0:
            continue
        with pytest.raises(DecodeError):
            codec.decode(value)
        try:
            parsed = value is None or json.loads(value)
        except ValueError:
            parsed = None
        assert (parsed is not None) is BREAKERS[broken][1]
