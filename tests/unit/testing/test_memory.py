"""The fakes keep to the ports' contracts."""

import subprocess
import sys

import pytest

import winestream.testing
from winestream.errors import (
    FencedError,
    NewLogError,
    RejectedWriteError,
    RetryableWriteError,
    SourceError,
    UnknownOutcomeError,
)
from winestream.ports import CursorStore, Source, Writer
from winestream.records import (
    Cursor,
    LogPartition,
    Room,
    Rows,
    Segment,
    Slice,
    Want,
    Watermarks,
)
from winestream.testing import (
    FakeClock,
    Fault,
    FaultPlan,
    MemoryMessage,
    MemorySource,
    MemoryWriter,
)

P, Q = (LogPartition("c", "t", "topic", i) for i in range(2))
OTHER = P._replace(topic_id="again")
ROOM = Room(100, 1000)


def source_of(n: int = 5, *, start: str = "earliest") -> MemorySource:
    """Return an open source of `n` messages."""
    messages = [MemoryMessage(i, b"v%d" % i) for i in range(n)]
    source = MemorySource({P: messages}, start=start, idle=FakeClock().advance)
    source.open(lambda _: None)
    return source


def piece_of(start: int, stop: int, name: str = "me/1") -> Slice:
    """Return a slice with a row at every offset."""
    n = stop - start
    rows = Rows(
        table="T",
        offsets=range(start, stop),
        event_ids=["e"] * n,
        event_types=["T"] * n,
        occurred_at=[0.0] * n,
        schema_versions=[1] * n,
        payloads=[b"p%d" % i for i in range(start, stop)],
        keys=[None] * n,
        timestamps=[0] * n,
    )
    return Slice(name, (Segment(P, start, stop, (rows,)),))


def test_the_fakes_are_what_the_ports_ask_for() -> None:
    """Checked by mypy too, where they are assigned."""
    source: Source = source_of()
    writer: Writer = MemoryWriter()
    assert isinstance(writer, CursorStore)
    assert source is not None


def test_importing_the_fakes_does_not_load_hypothesis() -> None:
    """Only who asks for the strategies needs it."""
    code = (
        "import sys, winestream.testing as t; assert 'hypothesis' not in sys.modules;"
        "t.strategies.runs(); assert 'hypothesis' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    with pytest.raises(AttributeError, match="nothing"):
        _ = winestream.testing.nothing


def test_a_new_partition_is_held_until_start() -> None:
    """Then it delivers from there, at most as much as there is room for."""
    source = source_of()
    poll = source.poll(ROOM, 0.0)
    assert (poll.runs, poll.assigned) == ([], frozenset({P}))
    source.start({P: 2})
    (run,) = source.poll(Room(2, 1000), 0.0).runs
    assert (run.offsets, run.values) == (range(2, 4), [b"v2", b"v3"])
    (run,) = source.poll(Room(100, 1), 0.0).runs
    assert run.offsets == range(4, 5)
    assert source.poll(ROOM, 0.0).reached == {P: 5}


def test_a_held_source_delivers_nothing() -> None:
    """Until it is let go."""
    source = source_of()
    source.start({P: 0})
    source.hold(True)
    assert source.poll(ROOM, 0.0).runs == []
    source.hold(False)
    assert len(source.poll(ROOM, 0.0).runs[0]) == 5


def test_a_planned_failure_destroys_messages_inside_the_poll() -> None:
    """A start before it does not undo it; a start after it does."""
    source = source_of()
    source.fail(skipping=3)
    source.start({P: 0})
    with pytest.raises(SourceError):
        source.poll(ROOM, 0.0)
    assert source.poll(ROOM, 0.0).runs[0].offsets == range(3, 5)
    source.fail(error=KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        source.poll(ROOM, 0.0)
    source.start({P: 0})
    assert source.poll(ROOM, 0.0).runs[0].offsets == range(5)


def test_partitions_come_and_go() -> None:
    """Revoked ones are still ours inside the callback, lost ones are not."""
    source = source_of()
    seen = []
    source.open(lambda gone: seen.append((gone, source.poll is not None)))
    source.start({P: 0})
    source.revoke(P)
    poll = source.poll(ROOM, 0.0)
    assert (poll.assigned, poll.lost, poll.runs) == (frozenset(), frozenset(), [])
    assert [gone for gone, _ in seen] == [frozenset({P})]
    source.start({P: 0})
    assert source.poll(ROOM, 0.0).runs == []
    source.assign(P)
    assert source.poll(ROOM, 0.0).assigned == {P}
    source.lose(P)
    assert source.poll(ROOM, 0.0).lost == {P}
    assert source.commit({P: 3}, wait=True).errors.keys() == {P}
    source.close()
    assert len(seen) == 1


def test_close_gives_the_partitions_back() -> None:
    """As leaving a group does."""
    source = source_of()
    seen = []
    source.open(seen.append)
    source.close()
    assert seen == [frozenset({P})]


def test_commits_are_answered_by_the_next_poll() -> None:
    """Or at once where they are waited for."""
    source = source_of()
    assert source.commit({P: 2}, wait=False) is None
    (answer,) = source.poll(ROOM, 0.0).commits
    assert (answer.positions, answer.errors) == ({P: 2}, {})
    assert source.committed([P, Q]) == {P: 2}


def test_markers_and_retention() -> None:
    """Reading passes markers only when it waits; deleted offsets are out of range."""
    source = source_of()
    source.skip(P, 3)
    assert source.watermarks() == {P: Watermarks(0, 8)}
    source.start({P: 0})
    assert source.poll(ROOM, 0.0).reached == {}
    assert source.poll(ROOM, 0.0).reached == {P: 8}
    source.append(P, b"v8")
    source.expire(P, 4)
    source.start({P: 1})
    poll = source.poll(ROOM, 0.0)
    assert [(o.low, o.high) for o in poll.out_of_range] == [(4, 9)]
    assert poll.runs == []
    assert source.initial_positions([P]) == {P: 4}
    assert source_of(start="latest").initial_positions([P]) == {P: 5}


def test_a_claim_takes_and_a_keep_keeps() -> None:
    """Epochs only grow; a keep of an older epoch is absent from the answer."""
    writer = MemoryWriter()
    assert writer.claim("a", {P: Want(3)}) == {P: Cursor(3, 3, 1)}
    assert writer.claim("a", {P: Want(0, keep_epoch=1)}) == {P: Cursor(3, 3, 2)}
    assert writer.claim("a", {P: Want(0, keep_epoch=1)}) == {}
    assert writer.claim("a", {Q: Want(0, keep_epoch=1)}) == {}
    assert writer.read([P, Q]) == {P: Cursor(3, 3, 2)}
    with pytest.raises(NewLogError):
        writer.claim("a", {OTHER: Want(0)})
    assert writer.claim("a", {OTHER: Want(0, new_log=True)}).keys() == {OTHER}


def test_a_write_needs_its_epoch_and_its_place() -> None:
    """Anything else is fenced, and nothing of it is written."""
    writer = MemoryWriter()
    writer.claim("a", {P: Want(0)})
    writer.write(piece_of(0, 2), {P: 1})
    for start, epoch in ((0, 1), (3, 1), (2, 2)):
        with pytest.raises(FencedError):
            writer.write(piece_of(start, start + 1), {P: epoch})
    writer.write(piece_of(2, 3), {P: 1})
    assert [row.offset for row in writer.rows("T")] == [0, 1, 2]
    assert writer.warehouse.covered(P) == [0, 1, 2]


@pytest.mark.parametrize(
    ("fault", "error", "landed"),
    [
        (Fault.RETRYABLE, RetryableWriteError, 0),
        (Fault.ANSWER_LOST, UnknownOutcomeError, 2),
        (Fault.COMMIT_LOST, UnknownOutcomeError, 0),
    ],
)
def test_planned_faults_happen_once(
    fault: Fault, error: type[Exception], landed: int
) -> None:
    """In order, then none."""
    writer = MemoryWriter(FaultPlan.fail_once().then(fault))
    writer.claim("a", {P: Want(0)})
    with pytest.raises(RetryableWriteError):
        writer.write(piece_of(0, 2), {P: 1})
    with pytest.raises(error):
        writer.write(piece_of(0, 2), {P: 1})
    assert len(writer.rows("T")) == landed
    writer.write(piece_of(landed, 3), {P: 1})
    assert len(writer.rows("T")) == 3


@pytest.mark.parametrize("named", [False, True])
def test_refused_rows_are_named_or_not(named: bool) -> None:
    """As a warehouse may or may not."""
    plan = FaultPlan.refusing(lambda p: p == b"p1", name_offenders=named)
    writer = MemoryWriter(plan)
    writer.claim("a", {P: Want(0)})
    with pytest.raises(RejectedWriteError) as caught:
        writer.write(piece_of(0, 3), {P: 1})
    offenders = [(o.partition, o.offset) for o in caught.value.offenders]
    assert offenders == ([(P, 1)] if named else [])


def test_a_clock_cannot_go_back() -> None:
    """It is monotonic."""
    clock = FakeClock(5)
    clock.advance(2)
    assert clock() == 7
    with pytest.raises(ValueError, match="back"):
        clock.advance(-1)
