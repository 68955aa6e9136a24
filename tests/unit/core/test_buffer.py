"""What is held: bounded, dropped by partition, trimmed by position."""

from datetime import timedelta

import pytest
from core_kit import P, Q, gap, run

from winestream.core import BatchPolicy
from winestream.core.buffer import Buffer
from winestream.records import Range, Room


def buffer(**policy: object) -> Buffer:
    """Return an empty buffer, small unless told."""
    return Buffer(BatchPolicy(**{"max_rows": 10, "max_bytes": 100, **policy}), "me")


def test_room_is_what_still_fits() -> None:
    """Rows and bytes both count, and neither goes below nothing."""
    held = buffer()
    assert held.room() == Room(10, 100)
    held.add(run(0, 4, size=20), 0.0)
    assert held.room() == Room(6, 20)
    held.add(run(4, 6, size=20), 0.0)
    assert held.room() == Room(4, 0)
    assert not held.room().free


def test_the_linger_counts_from_the_first_message() -> None:
    """Gaps that came before it wait with it; a full slice is due at once."""
    held = buffer(linger=timedelta(seconds=2), gap_linger=timedelta(seconds=60))
    assert held.due_at() is None
    held.add(gap(0, 1), 5.0)
    assert held.due_at() == 65.0
    held.add(run(1, 3), 10.0)
    held.add(run(3, 4), 11.0)
    assert held.due_at() == 12.0
    held.add(run(4, 10), 11.0)
    held.add(run(10, 11), 11.0)
    assert held.due_at() == 10.0


def test_gaps_do_not_pile_up() -> None:
    """An idle log of markers takes no more memory however long it is watched."""
    held = buffer()
    held.add(run(0, 2), 0.0)
    held.add(run(0, 1, Q), 0.0)
    for offset in range(2, 1000):
        held.add(gap(offset, offset + 1), 0.0)
    assert len(held.filling) == 2
    assert [(g.start, g.stop) for g in held.filling[0].gaps] == [(2, 1000)]


def test_a_drop_takes_one_partition_out_of_everything_held() -> None:
    """Of the slice under way too; the rest keeps its order."""
    held = buffer()
    for part in (run(0, 2), run(0, 2, Q)):
        held.add(part, 0.0)
    held.seal()
    sent = held.launch()
    held.put_back(type(sent)("me/9", (run(2, 3), run(2, 3, Q))))
    held.add(run(3, 4), 0.0)
    held.add(run(3, 5, Q), 0.0)
    assert held.drop([P]) == 4
    assert {part.partition for part in held.segments()} == {Q}
    assert held.first_held(P) is None
    assert held.first_held(Q) == 0
    assert held.room().rows == 8
    landed = held.land(sent.id)
    assert landed is not None
    assert landed[0] is sent
    assert landed[1].ranges == {Q: Range(0, 2)}
    assert landed[1].id != sent.id


def test_an_answer_for_another_slice_changes_nothing() -> None:
    """The slice under way stays under way."""
    held = buffer()
    held.add(run(0, 2), 0.0)
    held.seal()
    sent = held.launch()
    assert held.land("me/77") is None
    assert held.flying is sent
    assert held.land(sent.id) == (sent, sent)
    assert held.land(sent.id) is None


@pytest.mark.parametrize(
    ("position", "left"),
    [
        (0, [(0, 4), (4, 6)]),
        (3, [(3, 4), (4, 6)]),
        (4, [(4, 6)]),
        (5, [(5, 6)]),
        (6, []),
    ],
)
def test_a_trim_keeps_what_lies_at_or_after_the_position(
    position: int, left: list[tuple[int, int]]
) -> None:
    """In the sealed slice and in the one filling."""
    held = buffer()
    held.add(run(0, 4), 0.0)
    held.seal()
    held.add(run(4, 6), 0.0)
    held.trim(P, position)
    assert [(part.start, part.stop) for part in held.segments()] == left
    assert held.room().rows == 10 - max(0, 6 - max(4, position))


def test_a_trim_inside_a_gap_leaves_the_rest_of_the_gap() -> None:
    """Positions may lie anywhere."""
    held = buffer()
    held.add(run(0, 2), 0.0)
    held.add(gap(2, 8), 0.0)
    held.trim(P, 5)
    (part,) = held.segments()
    assert (part.start, part.stop, part.message_count) == (5, 8, 0)
    assert [(g.start, g.stop) for g in part.gaps] == [(5, 8)]


def test_a_slice_under_way_cannot_be_trimmed() -> None:
    """The writer has it."""
    held = buffer()
    held.add(run(0, 2), 0.0)
    held.seal()
    held.launch()
    with pytest.raises(RuntimeError):
        held.trim(P, 1)
