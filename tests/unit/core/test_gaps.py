"""A missing offset is believed only after it was read for twice."""

from core_kit import P, Q, Scenario, none, one, run

from winestream.core import SafetyPolicy
from winestream.core import effects as do
from winestream.core import inputs as got
from winestream.errors import FatalSourceError, RetentionLossError
from winestream.records import Gap, Range, Segment


def gaps_of(write: do.Write) -> list[tuple[int, int, str]]:
    """Return the gaps of a write, in order."""
    return [(g.start, g.stop, g.reason) for s in write.piece.segments for g in s.gaps]


def test_a_jump_is_read_for_once_more() -> None:
    """The first time it restarts the reading; the second time it is a gap."""
    s = Scenario().own()
    assert s.feed(got.Fetched(run(3, 5))) == [do.Start({P: 0})]
    assert none(do.Start, s.feed(got.Fetched(run(3, 5))))
    write = one(do.Write, s.wait(2))
    assert gaps_of(write) == [(0, 3, "jump")]
    assert write.piece.ranges == {P: Range(0, 5)}


def test_destroyed_messages_that_come_back_are_no_gap() -> None:
    """The second look finds them, and nothing is recorded."""
    s = Scenario().own()
    s.feed(got.Fetched(run(3, 5)), got.Fetched(run(0, 5)))
    s.effects()
    s.feed(got.Fetched(run(0, 5)))
    assert gaps_of(one(do.Write, s.wait(2))) == []


def test_what_comes_between_a_jump_and_its_restart_is_ignored() -> None:
    """It was fetched from the old position."""
    s = Scenario().own()
    s.core.feed(got.Fetched(run(3, 5)), s.now)
    s.core.feed(got.Fetched(run(5, 7)), s.now)
    s.core.feed(got.Reached({P: 9}), s.now)
    assert one(do.Start, s.effects()).positions == {P: 0}
    assert list(s.core.state.buffer.segments()) == []


def test_a_jump_inside_a_run_keeps_what_precedes_it() -> None:
    """Only what follows the jump is read again."""
    s = Scenario().own()
    holed = Segment(
        P, 0, 6, (*run(0, 2).rows, *run(4, 6).rows), (), (Gap(2, 4, "jump"),)
    )
    assert s.feed(got.Fetched(holed)) == [do.Start({P: 2})]
    (held,) = s.core.state.buffer.segments()
    assert (held.start, held.stop) == (0, 2)


def test_a_log_that_has_shown_a_legal_jump_is_trusted() -> None:
    """A transactional topic jumps at every marker: it is not read twice for ever."""
    s = Scenario().own()
    s.feed(got.Fetched(run(1, 2)))
    s.feed(got.Fetched(run(1, 2)))
    assert s.feed(got.Fetched(run(3, 4))) == []
    assert s.feed(got.Fetched(run(9, 10))) == []


def test_a_failed_poll_withdraws_the_trust_from_all() -> None:
    """What it destroyed looks exactly like a legal jump."""
    s = Scenario().own(P, Q)
    s.feed(got.Fetched(run(1, 2)))
    s.feed(got.Fetched(run(1, 2)))
    assert s.feed(got.PollFailed()) == [do.Start({P: 2, Q: 0})]
    assert s.feed(got.Fetched(run(5, 6))) == [do.Start({P: 2})]


def test_a_trailing_gap_needs_two_empty_polls() -> None:
    """Where reading stands is believed when it got there again from the start."""
    s = Scenario().own()
    assert s.feed(got.Reached({P: 4})) == [do.Start({P: 0})]
    assert s.feed(got.Reached({P: 0})) == []
    assert s.feed(got.Reached({P: 4})) == []
    write = one(do.Write, s.wait(60))
    assert gaps_of(write) == [(0, 4, "trailing")]


def test_a_slice_of_gaps_alone_waits_for_company() -> None:
    """An idle topic wakes no warehouse; the first message's linger decides."""
    s = Scenario().own()
    s.feed(got.Reached({P: 4}))
    s.feed(got.Reached({P: 4}))
    assert none(do.Write, s.wait(50))
    s.feed(got.Fetched(run(4, 5)))
    assert one(do.Write, s.wait(2)).piece.ranges == {P: Range(0, 5)}


def test_a_segment_read_again_is_cut() -> None:
    """What is held already is not held twice."""
    s = Scenario().own()
    s.feed(got.Fetched(run(0, 4)), got.Fetched(run(2, 6)), got.Fetched(run(1, 3)))
    held = [(p.start, p.stop) for p in s.core.state.buffer.segments()]
    assert held == [(0, 4), (4, 6)]


def test_retention_that_overtook_the_cursor_stops_or_is_recorded() -> None:
    """The setting decides; the error names it."""
    s = Scenario().own()
    fail = one(do.Fail, s.feed(got.OutOfRange(P, 5, 9)))
    assert isinstance(fail.error, RetentionLossError)
    assert "offsets 0 to 4" in str(fail.error)
    assert s.effects() == []
    s = Scenario(safety=SafetyPolicy(on_retention_loss="record")).own()
    assert s.feed(got.OutOfRange(P, 5, 9)) == [do.Start({P: 5})]
    s.feed(got.Fetched(run(5, 6)))
    assert gaps_of(one(do.Write, s.wait(2))) == [(0, 5, "retention")]


def test_a_log_shorter_than_the_cursor_is_another_log() -> None:
    """Nothing is reset: the sink stops."""
    s = Scenario().own(position=50)
    fail = one(do.Fail, s.feed(got.OutOfRange(P, 0, 9)))
    assert isinstance(fail.error, FatalSourceError)


def test_a_position_that_is_in_range_after_all_is_tried_again() -> None:
    """The log may have grown meanwhile."""
    s = Scenario().own(position=5)
    assert s.feed(got.OutOfRange(P, 0, 9)) == [do.Start({P: 5})]
