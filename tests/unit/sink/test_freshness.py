"""A sink with a freshness objective: what it tells its hooks and shows."""

from datetime import timedelta

from sink_kit import Kit, values

from winestream import FreshnessPolicy
from winestream import telemetry as tell
from winestream.records import Freshness

POLICY = FreshnessPolicy(objective=timedelta(seconds=8), max_rows=4)


def test_slices_land_within_the_objective_and_say_so() -> None:
    """The first leaves at half of it; the snapshot shows how the objective fares."""
    kit = Kit(*values(3), batch=POLICY)
    with kit.sink:
        kit.turns(3.5)
        assert kit.landed() == []
        kit.turns(1.0)
        assert kit.landed() == [0, 1, 2]
        (written,) = kit.of(tell.SliceWritten)
        assert isinstance(written.freshness, Freshness)
        assert 4 <= written.freshness.waited <= 4.5
        assert not written.freshness.missed
        pacing = kit.sink.snapshot.pacing
    assert pacing is not None
    assert (pacing.objective, pacing.landed, pacing.missed) == (8, 1, 0)
    assert not pacing.out_of_reach


def test_without_an_objective_there_is_nothing_to_say() -> None:
    """A fixed linger judges no slice."""
    kit = Kit(*values(3))
    with kit.sink:
        kit.turns(3)
        (written,) = kit.of(tell.SliceWritten)
        assert written.freshness is None
        assert kit.sink.snapshot.pacing is None
