"""A freshness objective through the core: when slices leave, and what is said of it."""

from datetime import timedelta

import pytest
from core_kit import P, Q, Scenario, none, one, run
from hypothesis import given
from hypothesis import strategies as st

from winestream.core import FreshnessPolicy, RetryPolicy
from winestream.core import effects as do
from winestream.core import inputs as got
from winestream.core.pace import FreshPace
from winestream.core.write_times import size_of
from winestream.errors import ConfigurationError
from winestream.records import Cursor, Freshness

HALF_MINUTE = timedelta(seconds=30)


def fresh(**policy: object) -> Scenario:
    """Return a core with an objective of 30 s that owns two partitions."""
    made = FreshnessPolicy(**{"objective": HALF_MINUTE, "max_rows": 10, **policy})
    return Scenario(batch=made, retry=RetryPolicy()).own(P, Q)


def land(s: Scenario, write: do.Write, seconds: float) -> do.Landed:
    """Let the write take so long, and return what the core says of it."""
    s.now += seconds
    return one(do.Landed, s.feed(got.Written(write.piece.id)))


@given(
    st.lists(st.tuples(st.integers(0, 10**5), st.floats(0, 100)), max_size=40),
    st.integers(1, 10**5),
    st.floats(0.1, 600),
)
def test_a_slice_is_sealed_no_later_than_the_objective_less_the_estimate(
    writes: list[tuple[int, float]], rows: int, objective: float
) -> None:
    """Linger and expected write never exceed the objective, nor is one negative."""
    pace = FreshPace(objective)
    for count, seconds in writes:
        pace.landed(count, 450 * count, seconds, seconds)
    expected = pace._times.estimate(size_of(rows, 450 * rows))
    linger = pace.linger(rows, 450 * rows)
    assert 0 <= linger <= objective
    assert linger + expected <= objective * (1 + 1e-9)
    assert pace.linger(2 * rows, 900 * rows) <= linger
    assert pace.pacing.linger <= objective


def test_the_first_slice_leaves_at_half_the_objective() -> None:
    """Nothing is known of the warehouse yet."""
    s = fresh()
    s.feed(got.Fetched(run(0, 2)))
    assert none(do.Write, s.wait(14.9))
    assert one(do.Write, s.wait(0.1))


def test_what_writes_take_is_taken_off_the_objective() -> None:
    """A write of a second counts five times while it is the only one: 25 s are left."""
    s = fresh()
    s.feed(got.Fetched(run(0, 2)))
    land(s, one(do.Write, s.wait(15)), 1.0)
    s.feed(got.Fetched(run(2, 4)))
    assert s.core.wake_at() == pytest.approx(s.now + 25)
    assert none(do.Write, s.wait(24.9))
    assert one(do.Write, s.wait(0.2))


def test_a_slice_at_its_ceiling_leaves_at_once() -> None:
    """The objective delays nothing that is full."""
    s = fresh()
    assert one(do.Write, s.feed(got.Fetched(run(0, 10))))


def test_gaps_wait_their_own_while() -> None:
    """Nobody waits for an offset without a message, so they wake no warehouse."""
    s = fresh()
    s.feed(got.Reached({P: 3}))
    s.feed(got.Reached({P: 3}))
    assert none(do.Write, s.wait(59))
    landed = land(s, one(do.Write, s.wait(1)), 1.0)
    assert landed.freshness is None
    assert s.core.state.buffer.pace.pacing.landed == 0


def test_each_slice_is_judged_by_its_first_message() -> None:
    """From its reading to the answer, with what the write was expected to take."""
    s = fresh()
    s.feed(got.Fetched(run(0, 2)))
    s.wait(5)
    s.feed(got.Fetched(run(2, 4)))
    landed = land(s, one(do.Write, s.wait(10)), 1.0)
    assert landed.freshness == Freshness(objective=30, waited=16.0, expected=15.0)
    assert not landed.freshness.missed


def test_a_write_slower_than_the_objective_shows() -> None:
    """As a miss of its slice, and in the pacing as out of reach."""
    s = fresh()
    s.feed(got.Fetched(run(0, 2)))
    landed = land(s, one(do.Write, s.wait(15)), 40.0)
    assert landed.freshness is not None
    assert landed.freshness.missed
    land(s, one(do.Write, s.feed(got.Fetched(run(2, 4)))), 40.0)
    pacing = s.core.state.buffer.pace.pacing
    assert (pacing.landed, pacing.missed, pacing.out_of_reach) == (2, 2, True)


def test_out_of_reach_slices_leave_as_soon_as_the_writer_is_free() -> None:
    """What came meanwhile goes together, without any linger."""
    s = fresh()
    s.feed(got.Fetched(run(0, 2)))
    write = one(do.Write, s.wait(15))
    s.feed(got.Fetched(run(2, 4)))
    s.now += 40
    wanted = s.feed(got.Written(write.piece.id))
    assert one(do.Write, wanted).piece.row_count == 2


def test_an_outage_is_late_and_teaches_nothing() -> None:
    """An hour of failures: the next slice lingers as if there had been none."""
    s = fresh()
    s.feed(got.Fetched(run(0, 2)))
    write = one(do.Write, s.wait(15))
    for _ in range(60):
        s.now += 1
        s.feed(got.Retryable(write.piece.id, OSError()))
        write = one(do.Write, s.wait(60))
    landed = land(s, write, 1.0)
    assert landed.freshness is not None
    assert landed.freshness.waited > 3_600
    s.feed(got.Fetched(run(2, 4)))
    assert s.core.wake_at() == pytest.approx(s.now + 25)


def test_a_slice_whose_answer_was_lost_is_judged_when_that_is_known() -> None:
    """Its cursor shows that it landed; how long it took nobody knows."""
    s = fresh()
    s.feed(got.Fetched(run(0, 2)))
    write = one(do.Write, s.wait(15))
    s.now += 1
    claim = one(do.Claim, s.feed(got.Unknown(write.piece.id, OSError())))
    s.now += 4
    wanted = s.feed(got.Claimed(claim.claim_id, {P: Cursor(2, 0, 2)}))
    landed = one(do.Landed, wanted)
    assert landed.freshness is not None
    assert landed.freshness.waited == 20.0
    assert s.core.state.buffer.pace.pacing.expected == 15.0


def test_a_confirm_comes_while_the_warehouse_is_still_awake() -> None:
    """An objective of five minutes does not wake it again for a cursor."""
    s = fresh(objective=timedelta(minutes=5))
    s.feed(got.Fetched(run(0, 2)))
    land(s, one(do.Write, s.wait(150)), 1.0)
    assert none(do.Confirm, s.wait(29.9))
    assert one(do.Confirm, s.wait(0.1))


def test_an_objective_must_be_positive() -> None:
    """Fresher than now is nothing."""
    with pytest.raises(ConfigurationError, match="objective must be positive"):
        FreshnessPolicy(objective=timedelta(0))


def test_policies_are_values_and_paces_are_not_shared() -> None:
    """Two sinks of one policy learn apart."""
    policy = FreshnessPolicy(objective=HALF_MINUTE)
    one_pace, other = policy.pace(), policy.pace()
    one_pace.landed(10, 10, 3.0, 3.0)
    assert one_pace.pacing != other.pacing
    assert policy == FreshnessPolicy(objective=HALF_MINUTE)
