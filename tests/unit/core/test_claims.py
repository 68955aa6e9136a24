"""Taking cursors, and keeping them after an unknown outcome."""

import pytest
from core_kit import P, Q, Scenario, none, one, run

from winestream.core import RetryPolicy, SafetyPolicy
from winestream.core import effects as do
from winestream.core import inputs as got
from winestream.errors import NewLogError
from winestream.records import Cursor, Range, Want


def test_reading_starts_where_the_cursor_stands() -> None:
    """Not where Kafka or the start policy would have it; Kafka is told.

    But not of a birth: if the claim was for nothing there is no cursor.
    """
    s = Scenario()
    claim = one(do.Claim, s.feed(got.Assigned({P: 3, Q: 4})))
    assert claim.wants == {P: Want(3), Q: Want(4)}
    cursors = {P: Cursor(7, 3, 2), Q: Cursor(4, 4, 1)}
    wanted = s.feed(got.Claimed(claim.claim_id, cursors))
    assert wanted == [do.Start({P: 7, Q: 4}), do.CommitKafka({P: 7}, wait=False)]


def test_a_failed_claim_is_tried_again_with_growing_pauses() -> None:
    """Nobody knows whether it took effect, so it is simply repeated."""
    s = Scenario()
    claim = one(do.Claim, s.feed(got.Assigned({P: 0})))
    for pause in (0.375, 0.75, 1.5):
        assert s.feed(got.ClaimFailed(claim.claim_id, OSError())) == []
        assert s.core.wake_at() == s.now + pause
        claim = one(do.Claim, s.wait(pause))
    (outage,) = s.feed(got.ClaimFailed(claim.claim_id, OSError("down")))
    assert (outage.active, str(outage.error)) == (True, "down")
    claim = one(do.Claim, s.wait(60))
    wanted = s.feed(got.Claimed(claim.claim_id, {P: Cursor(0, 0, 9)}))
    assert wanted[0] == do.Outage(active=False)


def test_on_exhausted_stop_ends_the_claims_too() -> None:
    """A sink that may not wait fails with the claim's error."""
    s = Scenario(retry=RetryPolicy(quick_retries=0, on_exhausted="stop"))
    claim = one(do.Claim, s.feed(got.Assigned({P: 0})))
    error = OSError("down")
    assert s.feed(got.ClaimFailed(claim.claim_id, error)) == [do.Fail(error)]


def test_no_outage_is_told_when_nothing_waits_for_the_warehouse() -> None:
    """Partitions that are lost take their outage with them."""
    s = Scenario(retry=RetryPolicy(quick_retries=0))
    claim = one(do.Claim, s.feed(got.Assigned({P: 0})))
    assert s.feed(got.ClaimFailed(claim.claim_id, OSError()))[0].active
    assert s.feed(got.Lost(frozenset({P}))) == [do.Outage(active=False)]


def test_a_claim_for_an_earlier_assignment_changes_nothing() -> None:
    """Lost and given back while it was under way: claimed again."""
    s = Scenario()
    claim = one(do.Claim, s.feed(got.Assigned({P: 0})))
    assert s.feed(got.Lost(frozenset({P})), got.Assigned({P: 0})) == []
    again = one(do.Claim, s.feed(got.Claimed(claim.claim_id, {P: Cursor(0, 0, 1)})))
    assert again.claim_id != claim.claim_id
    assert s.feed(got.Claimed(claim.claim_id, {P: Cursor(0, 0, 1)})) == []


def test_a_second_assignment_of_the_same_partition_starts_over() -> None:
    """What was held of it is dropped; the cursor tells where to go on."""
    s = Scenario().own()
    s.feed(got.Fetched(run(0, 3)))
    one(do.Claim, s.feed(got.Assigned({P: 0})))
    assert list(s.core.state.buffer.segments()) == []


def test_a_new_log_stops_the_sink_unless_told_to_start() -> None:
    """The setting is handed to the claim."""
    s = Scenario()
    claim = one(do.Claim, s.feed(got.Assigned({P: 0})))
    error = NewLogError([P])
    assert s.feed(got.NewLog(claim.claim_id, error)) == [do.Fail(error)]
    s = Scenario(safety=SafetyPolicy(on_new_log="start"))
    claim = one(do.Claim, s.feed(got.Assigned({P: 0})))
    assert claim.wants[P].new_log


def doubtful() -> tuple[Scenario, do.Claim]:
    """Return a core that does not know whether [0, 4) landed, and its claim."""
    s = Scenario().own()
    write = s.write(run(0, 4))
    s.feed(got.Fetched(run(4, 6)))
    wanted = s.feed(got.Unknown(write.piece.id, OSError()))
    return s, one(do.Claim, wanted)


def test_a_doubtful_slice_that_landed_is_trimmed_and_told() -> None:
    """The kept cursor shows it; what follows is written, nothing is read again."""
    s, claim = doubtful()
    assert claim.wants == {P: Want(0, keep_epoch=1)}
    wanted = s.feed(got.Claimed(claim.claim_id, {P: Cursor(4, 0, 2)}))
    landed = one(do.Landed, wanted)
    assert (landed.after_doubt, landed.attempts) == (True, 1)
    assert none(do.Start, wanted)
    write = one(do.Write, s.wait(2))
    assert (write.piece.ranges, write.epochs) == ({P: Range(4, 6)}, {P: 2})


def test_a_doubtful_slice_that_did_not_land_is_written_again() -> None:
    """Under the epoch of the kept cursor."""
    s, claim = doubtful()
    wanted = s.feed(got.Claimed(claim.claim_id, {P: Cursor(0, 0, 2)}))
    assert none(do.Landed, wanted)
    write = one(do.Write, s.wait(1))
    assert (write.piece.ranges, write.epochs) == ({P: Range(0, 4)}, {P: 2})
    assert write.attempt == 2


def test_a_cursor_that_could_not_be_kept_is_taken_after_a_poll() -> None:
    """Somebody else has it; all that is held is dropped."""
    s, claim = doubtful()
    assert s.feed(got.Claimed(claim.claim_id, {})) == []
    assert list(s.core.state.buffer.segments()) == []
    assert s.core.wake_at() is None
    assert s.feed(got.Polled(frozenset({P}))) == []
    claim = one(do.Claim, s.wait(0.5))
    assert claim.wants == {P: Want(0)}


def test_a_kept_cursor_below_what_is_held_means_drop_and_start_there() -> None:
    """Nothing else would be contiguous."""
    s = Scenario().own(position=10)
    write = s.write(run(10, 12))
    claim = one(do.Claim, s.feed(got.Unknown(write.piece.id, OSError())))
    wanted = s.feed(got.Claimed(claim.claim_id, {P: Cursor(8, 0, 2)}))
    assert one(do.Start, wanted).positions == {P: 8}
    assert one(do.CommitKafka, wanted).positions == {P: 8}


@pytest.mark.parametrize("partitions", [{P}, {P, Q}])
def test_a_drain_waits_for_the_doubt_to_end(partitions: set) -> None:
    """A partition that leaves is still kept, written and confirmed."""
    s = Scenario().own(P, Q)
    write = s.write(run(0, 4), run(0, 2, Q))
    s.feed(got.Revoked(frozenset(partitions), s.now + 30))
    claim = one(do.Claim, s.feed(got.Unknown(write.piece.id, OSError())))
    cursors = {P: Cursor(4, 0, 2), Q: Cursor(2, 0, 2)}
    wanted = s.feed(got.Claimed(claim.claim_id, cursors))
    assert one(do.Release, wanted) == do.Release(frozenset(partitions), 0)


def test_a_keep_for_partitions_partly_gone_keeps_the_rest() -> None:
    """One is lost and comes back while the keep is under way."""
    s = Scenario().own(P, Q)
    write = s.write(run(0, 4), run(0, 2, Q))
    claim = one(do.Claim, s.feed(got.Unknown(write.piece.id, OSError())))
    s.feed(got.Lost(frozenset({P})), got.Assigned({P: 0}))
    cursors = {P: Cursor(4, 0, 2), Q: Cursor(2, 0, 2)}
    wanted = s.feed(got.Claimed(claim.claim_id, cursors))
    assert one(do.Landed, wanted).piece is write.piece
    assert one(do.Claim, wanted).wants == {P: Want(0)}
