"""When a slice leaves, what each answer means, and how a stop ends."""

from core_kit import P, Q, Scenario, gap, none, one, run

from winestream.core import SafetyPolicy
from winestream.core import effects as do
from winestream.core import inputs as got
from winestream.errors import FatalWriteError
from winestream.records import Cursor, Offender, Range


def test_one_slice_flies_while_the_next_fills() -> None:
    """When that is full too, reading is paused until the first has landed."""
    s = Scenario().own()
    first = one(do.Write, s.feed(got.Fetched(run(0, 10))))
    assert s.feed(got.Fetched(run(10, 20))) == [do.Hold(held=True)]
    wanted = s.feed(got.Written(first.piece.id))
    assert one(do.Write, wanted).piece.ranges == {P: Range(10, 20)}
    assert wanted[-1] == do.Hold(held=False)


def test_a_retried_slice_keeps_its_id_and_counts_its_attempts() -> None:
    """Nothing of it landed, so it is the same question."""
    s = Scenario().own()
    write = s.write(run(0, 3))
    s.feed(got.Retryable(write.piece.id, OSError()))
    again = one(do.Write, s.wait(0.375))
    assert (again.piece, again.attempt) == (write.piece, 2)


def test_a_lost_partition_leaves_the_retried_slice() -> None:
    """What was lost while it flew is not written again."""
    s = Scenario().own(P, Q)
    write = s.write(run(0, 3), run(0, 2, Q))
    s.feed(got.Lost(frozenset({P})))
    s.feed(got.Retryable(write.piece.id, OSError()))
    again = one(do.Write, s.wait(1))
    assert again.piece.ranges == {Q: Range(0, 2)}
    assert again.piece.id != write.piece.id


def test_a_refusal_is_not_blamed_on_the_row_that_is_left() -> None:
    """The refused row was in a partition lost meanwhile: ask again before burying."""
    s = Scenario().own(P, Q)
    write = s.write(run(0, 3), run(0, 1, Q))
    s.feed(got.Lost(frozenset({P})))
    again = one(do.Write, s.feed(got.Rejected(write.piece.id, (), "e")))
    assert (again.piece.row_count, again.piece.dead_count) == (1, 0)
    (buried,) = [
        effect
        for effect in s.feed(got.Rejected(again.piece.id, (), "e"))
        if isinstance(effect, do.Write)
    ]
    assert (buried.piece.row_count, buried.piece.dead_count) == (0, 1)


def test_a_refusal_of_lost_rows_is_not_fatal_for_gaps_that_are_left() -> None:
    """A slice left without rows is written as it is."""
    s = Scenario().own(P, Q)
    s.feed(got.Reached({Q: 3}))
    s.feed(got.Fetched(run(0, 3)), got.Reached({Q: 3}))
    write = one(do.Write, s.wait(2))
    assert write.piece.ranges.keys() == {P, Q}
    s.feed(got.Lost(frozenset({P})))
    wanted = s.feed(got.Rejected(write.piece.id, (Offender(P, 0, "e"),), "e"))
    assert one(do.Write, wanted).piece.ranges == {Q: Range(0, 3)}


def test_halves_of_a_dropped_slice_do_not_count_against_the_next() -> None:
    """Each original slice has its own bound of refused rows."""
    s = Scenario(safety=SafetyPolicy(min_rejected=1)).own()
    for _ in range(2):
        write = s.write(run(0, 4))
        halves = one(do.Write, s.feed(got.Rejected(write.piece.id, (), "e")))
        quarter = one(do.Write, s.feed(got.Rejected(halves.piece.id, (), "e")))
        s.feed(got.Rejected(quarter.piece.id, (), "e"))
        s.feed(got.Lost(frozenset({P})), got.Retryable("me/0", OSError()))
        flying = s.core.state.buffer.flying
        assert flying is not None
        s.feed(got.Written(flying.id))
        s.own()
    assert s.core.state.failure is None


def test_too_many_refused_rows_are_fatal() -> None:
    """The slice stays held and unwritten."""
    s = Scenario(safety=SafetyPolicy(min_rejected=1)).own()
    write = s.write(run(0, 4))
    offenders = (Offender(P, 1, "e"), Offender(P, 2, "e"))
    fail = one(do.Fail, s.feed(got.Rejected(write.piece.id, offenders, "e")))
    assert isinstance(fail.error, FatalWriteError)
    assert s.effects() == []
    assert s.core.wake_at() is None


def test_a_fenced_partition_is_dropped_and_the_others_go_on() -> None:
    """Nothing was written, so what is still ours is written again at once."""
    s = Scenario().own(P, Q)
    write = s.write(run(0, 3), run(0, 2, Q))
    s.feed(got.Fetched(run(3, 5)))
    wanted = s.feed(got.Fenced(write.piece.id, frozenset({P})))
    assert one(do.Write, wanted).piece.ranges == {Q: Range(0, 2)}
    assert s.core.state.buffer.first_held(P) is None


def test_a_fence_that_names_nobody_is_a_retry_with_a_pause() -> None:
    """Or a confused writer would be asked for ever without a breath."""
    s = Scenario().own()
    write = s.write(run(0, 3))
    assert s.feed(got.Fenced(write.piece.id, frozenset())) == []
    assert s.core.wake_at() > s.now
    assert one(do.Write, s.wait(1)).attempt == 2


def test_a_fenced_partition_that_drains_is_released() -> None:
    """There is nothing more to do for it."""
    s = Scenario().own()
    write = s.write(run(0, 3))
    s.feed(got.Revoked(frozenset({P}), s.now + 60))
    wanted = s.feed(got.Fenced(write.piece.id, frozenset({P})))
    assert wanted == [do.Release(frozenset({P}), 0)]


def test_kafka_hears_of_a_slice_when_the_next_has_landed() -> None:
    """The next compare-and-set found the cursor where the slice had left it."""
    s = Scenario().own()
    s.feed(got.KafkaCommitted({P: 0}, {}))
    first = s.write(run(0, 3))
    assert none(do.CommitKafka, s.feed(got.Written(first.piece.id)))
    second = s.write(run(3, 5))
    wanted = s.feed(got.Written(second.piece.id))
    assert one(do.CommitKafka, wanted).positions == {P: 3}


def landed() -> Scenario:
    """Return a core whose [0, 3) was answered and is not confirmed."""
    s = Scenario().own()
    s.feed(got.KafkaCommitted({P: 0}, {}))
    s.feed(got.Written(s.write(run(0, 3)).piece.id))
    return s


def test_an_idle_partition_is_confirmed_after_a_linger() -> None:
    """Then Kafka hears of it; a refused commit is repeated."""
    s = landed()
    confirm = one(do.Confirm, s.wait(2))
    wanted = s.feed(got.Confirmed(confirm.confirm_id, {P: Cursor(3, 0, 1)}))
    assert wanted == [do.CommitKafka({P: 3}, wait=False)]
    assert s.feed(got.KafkaCommitted({P: 3}, {P: "refused"})) == []
    assert s.wait(1) == [do.CommitKafka({P: 3}, wait=False)]
    assert s.feed(got.KafkaCommitted({P: 3}, {})) == []
    assert s.core.wake_at() is None


def test_new_data_during_a_confirm_waits_for_its_answer() -> None:
    """One thing at a time; the answer still counts."""
    s = landed()
    confirm = one(do.Confirm, s.wait(2))
    assert s.feed(got.Fetched(run(3, 13))) == []
    wanted = s.feed(got.Confirmed(confirm.confirm_id, {P: Cursor(3, 0, 1)}))
    assert one(do.CommitKafka, wanted).positions == {P: 3}
    assert one(do.Write, wanted).piece.ranges == {P: Range(3, 13)}


def test_a_commit_for_nothing_is_read_and_written_again() -> None:
    """The cursor is not where the answer said: drop, take, read from there."""
    s = landed()
    confirm = one(do.Confirm, s.wait(2))
    s.feed(got.Fetched(run(3, 5)))
    wanted = s.feed(got.Confirmed(confirm.confirm_id, {P: Cursor(0, 0, 1)}))
    assert none(do.CommitKafka, wanted)
    s.feed(got.Polled(frozenset({P})))
    claim = one(do.Claim, s.wait(1))
    wanted = s.feed(got.Claimed(claim.claim_id, {P: Cursor(0, 0, 2)}))
    assert one(do.Start, wanted).positions == {P: 0}


def test_a_failed_confirm_is_tried_again() -> None:
    """With the pauses of a write."""
    s = landed()
    confirm = one(do.Confirm, s.wait(2))
    assert s.feed(got.ConfirmFailed(confirm.confirm_id, OSError())) == []
    one(do.Confirm, s.wait(0.375))


def test_a_stop_flushes_confirms_tells_and_is_done() -> None:
    """In this order, without waiting for any linger."""
    s = Scenario().own()
    s.feed(got.Fetched(run(0, 3)), got.KafkaCommitted({P: 0}, {}))
    write = one(do.Write, s.feed(got.Stop(s.now + 30)))
    assert s.core.room().rows == 0
    confirm = one(do.Confirm, s.feed(got.Written(write.piece.id)))
    wanted = s.feed(got.Confirmed(confirm.confirm_id, {P: Cursor(3, 0, 1)}))
    assert wanted == [do.CommitKafka({P: 3}, wait=False)]
    assert s.feed(got.KafkaCommitted({P: 3}, {})) == [do.Done(0)]
    assert s.core.wake_at() is None


def test_a_stop_gives_up_at_its_deadline() -> None:
    """And says how many messages it abandons."""
    s = Scenario().own()
    write = s.write(run(0, 3))
    s.feed(got.Fetched(run(3, 5)), got.Retryable(write.piece.id, OSError()))
    s.feed(got.Stop(s.now + 0.2))
    assert s.wait(0.2)[-1] == do.Done(5)


def test_a_stop_during_a_claim_waits_for_its_answer_and_claims_no_more() -> None:
    """A claim under way is answered; nothing new is taken."""
    s = Scenario()
    claim = one(do.Claim, s.feed(got.Assigned({P: 0})))
    assert s.feed(got.Stop(s.now + 30)) == [do.Hold(held=True)]
    assert s.feed(got.ClaimFailed(claim.claim_id, OSError())) == [do.Done(0)]


def test_messages_dropped_while_stopping_are_counted_as_abandoned() -> None:
    """Nobody here will read them again."""
    s = Scenario().own()
    write = s.write(run(0, 3))
    s.feed(got.Stop(s.now + 30))
    s.feed(got.Fenced(write.piece.id, frozenset({P})))
    assert s.wait(30) == [] or s.core._over
    assert s.core.state.abandoned == 3


def test_a_revocation_without_cursors_asks_kafka_once_more_and_waits() -> None:
    """The asynchronous answer would come when the partition is gone."""
    s = Scenario(cursors=False)
    s.feed(got.Assigned({P: 0}))
    s.feed(got.Written(s.write(run(0, 3)).piece.id))
    wanted = s.feed(got.Revoked(frozenset({P}), s.now + 60))
    assert wanted == [do.CommitKafka({P: 3}, wait=True)]
    wanted = s.feed(got.KafkaCommitted({P: 3}, {}))
    assert wanted == [do.Release(frozenset({P}), 0)]


def test_a_revocation_ends_when_the_group_has_gone_on_without_us() -> None:
    """Its commit cannot succeed any more, and every member waits for the release."""
    s = Scenario(cursors=False)
    s.feed(got.Assigned({P: 0}))
    s.feed(got.Written(s.write(run(0, 3)).piece.id))
    s.feed(got.Revoked(frozenset({P}), s.now + 60))
    assert none(do.Release, s.feed(got.KafkaCommitted({P: 3}, {P: "refused"})))
    (again,) = s.wait(1)
    assert again == do.CommitKafka({P: 3}, wait=True)
    wanted = s.feed(got.KafkaCommitted({P: 3}, {P: "refused"}, frozenset({P})))
    assert wanted == [do.Release(frozenset({P}), 0)]


def test_a_group_that_went_on_without_us_is_no_end_without_a_revocation() -> None:
    """The client joins anew; what it is given then counts."""
    s = Scenario(cursors=False)
    s.feed(got.Assigned({P: 0}))
    s.feed(got.Written(s.write(run(0, 3)).piece.id))
    s.feed(got.KafkaCommitted({P: 3}, {P: "refused"}, frozenset({P})))
    (again,) = s.wait(1)
    assert again == do.CommitKafka({P: 3}, wait=False)


def test_a_slice_of_gaps_alone_can_be_written() -> None:
    """Its ranges move the cursor like any other."""
    s = Scenario().own()
    s.core.state.parts[P].trusted = True
    s.feed(got.Reached({P: 5}))
    (part,) = s.core.state.buffer.segments()
    assert part.gaps == gap(0, 5).gaps
    write = one(do.Write, s.wait(60))
    assert write.piece.row_count == 0
    assert one(do.Landed, s.feed(got.Written(write.piece.id))).piece is write.piece


def test_a_rewound_cursor_is_told_to_kafka_again() -> None:
    """Kafka's position follows the cursor back."""
    s = Scenario().own(position=9)
    s.feed(got.KafkaCommitted({P: 9}, {}))
    write = s.write(run(9, 12))
    s.feed(got.Fenced(write.piece.id, frozenset({P})), got.Polled(frozenset({P})))
    claim = one(do.Claim, s.wait(1))
    wanted = s.feed(got.Claimed(claim.claim_id, {P: Cursor(2, 0, 5)}))
    assert one(do.CommitKafka, wanted).positions == {P: 2}
