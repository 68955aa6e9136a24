"""Whatever way the rows of RAW come, the same business comes out."""

from collections.abc import Callable
from random import Random

import pytest
import worlds
from elt import CONTENTS, Pipeline
from hypothesis import settings

# `make test` plays 100 worlds, CI 400 and the long proof a thousand.
CASES = min(settings().max_examples, 1000)
IN_ONE = 25  # worlds in one database: they share the order of the tasks, nothing else


@pytest.mark.parametrize("seed", range(0, CASES, IN_ONE))
def test_replay_changes_nothing(
    make_pipeline: Callable[[], Pipeline], seed: int
) -> None:
    """Any order, chunking and repetition of rows, any order of tasks: equal contents.

    Compared with the same worlds landed at once, in order, with each task run once.
    """
    drawn = [
        worlds.draw(Random(number), f"world{number}")
        for number in range(seed, seed + IN_ONE)
    ]
    straight, crooked = make_pipeline(), make_pipeline()
    worlds.play_in_order(straight, drawn)
    worlds.play_at_random(crooked, drawn, Random(seed))
    wanted, found = straight.contents(), crooked.contents()
    for table in CONTENTS:
        assert found[table] == wanted[table], table
    assert all(wanted.values()), "the worlds have something for every table"
