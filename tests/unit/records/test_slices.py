"""Cutting, halving, burying and trimming lose nothing and double nothing."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from winestream.records import Gap, LogPartition, Offender, Segment, Slice
from winestream.testing import strategies

P = LogPartition("c", "t", "topic", 0)
Places = dict[tuple[LogPartition, int], tuple[object, ...]]


def places(*segments: Segment) -> Places:
    """Return what each offset holds; fails when one holds two things."""
    found: Places = {}

    def put(partition: LogPartition, offset: int, *what: object) -> None:
        assert (partition, offset) not in found, "twice"
        found[partition, offset] = what

    for part in segments:
        for rows in part.rows:
            for i, offset in enumerate(rows.offsets):
                headers = rows.headers[i] if rows.headers else None
                row = (rows.payloads[i], rows.keys[i], rows.timestamps[i], headers)
                put(part.partition, offset, "row", rows.table, rows.event_ids[i], *row)
        for letter in part.dead:
            put(part.partition, letter.offset, "dead", letter)
        for gap in part.gaps:
            for offset in range(gap.start, gap.stop):
                put(part.partition, offset, "gap", gap.reason)
    return found


def tiles(segment: Segment) -> bool:
    """Whether every offset of the segment is in one place."""
    offsets = sorted(offset for _, offset in places(segment))
    return offsets == list(range(segment.start, segment.stop))


@given(strategies.segments())
def test_the_strategy_makes_whole_segments(segment: Segment) -> None:
    """Every offset is a row, a dead letter or in a gap."""
    assert tiles(segment)
    assert segment.message_count == segment.row_count + len(segment.dead)


@given(strategies.segments(), st.data())
def test_two_cuts_make_the_whole(segment: Segment, data: st.DataObject) -> None:
    """At any offset; nothing is in both or in neither."""
    at = data.draw(st.integers(segment.start - 2, segment.stop + 2))
    parts = [segment.cut(segment.start, at), segment.cut(at, segment.stop)]
    cuts = [part for part in parts if part is not None]
    assert all(map(tiles, cuts))
    assert places(*cuts) == places(segment)
    assert sum(part.message_count for part in cuts) == segment.message_count
    assert sum(part.payload_bytes for part in cuts) == segment.payload_bytes


@given(strategies.segments(), st.integers(1, 5))
def test_a_gap_grows_a_segment_on_either_side(segment: Segment, size: int) -> None:
    """To the left by what was missing, to the right by what follows."""
    assume(segment.start >= size)
    before = Gap(segment.start - size, segment.start, "jump")
    gap = Gap(segment.stop, segment.stop + size, "trailing")
    after = Segment(segment.partition, gap.start, gap.stop, gaps=(gap,))
    grown = segment.after_gap(before).followed_by(after)
    assert tiles(grown)
    assert (grown.start, grown.stop) == (before.start, gap.stop)
    assert grown.message_count == segment.message_count


def test_a_segment_grows_only_by_what_touches_it() -> None:
    """A hole would be lost messages."""
    segment = Segment(P, 5, 7, gaps=(Gap(5, 7, "jump"),))
    with pytest.raises(ValueError, match="end"):
        segment.after_gap(Gap(2, 4, "jump"))
    with pytest.raises(ValueError, match="follow"):
        segment.followed_by(Segment(P, 8, 9, gaps=(Gap(8, 9, "jump"),)))


@given(strategies.slices(min_rows=2))
def test_halves_make_the_whole_and_the_first_is_a_prefix(piece: Slice) -> None:
    """In every partition; both have rows, and they are as even as can be."""
    first, second = piece.halves("a", "b")
    assert places(*first.segments) | places(*second.segments) == places(*piece.segments)
    assert first.row_count == piece.row_count // 2
    assert first.row_count + second.row_count == piece.row_count
    assert first.dead_count + second.dead_count == piece.dead_count
    assert first.payload_bytes + second.payload_bytes == piece.payload_bytes
    for partition, whole in piece.ranges.items():
        halves = [h.ranges.get(partition) for h in (first, second)]
        known = [half for half in halves if half is not None]
        assert known[0].start == whole.start
        assert known[-1].stop == whole.stop
        assert len(known) == 1 or known[0].stop == known[1].start


@given(strategies.slices(), st.data())
def test_a_buried_row_becomes_a_dead_letter_and_nothing_else_changes(
    piece: Slice, data: st.DataObject
) -> None:
    """Its value, key, timestamp and headers stay; so do all its neighbours."""
    before = places(*piece.segments)
    rows = sorted(place for place, what in before.items() if what[0] == "row")
    assume(rows)
    chosen = data.draw(st.sets(st.sampled_from(rows), min_size=1))
    buried = piece.bury([Offender(p, o, "e") for p, o in chosen], "owner/2")
    after = places(*buried.segments)
    assert all(map(tiles, buried.segments))
    assert {k: v for k, v in after.items() if k not in chosen} == {
        k: v for k, v in before.items() if k not in chosen
    }
    for place in chosen:
        _, _, _, payload, key, timestamp, headers = before[place]
        kind, letter = after[place]
        assert (kind, letter.reason, letter.path) == ("dead", "rejected", "e")
        assert (letter.value, letter.key) == (payload, key)
        assert (letter.timestamp, letter.headers) == (timestamp, headers)
    assert buried.ranges == piece.ranges
    assert buried.payload_bytes == piece.payload_bytes
    assert buried.row_count == piece.row_count - len(chosen)


@given(strategies.slices(), st.data())
def test_a_trim_keeps_what_lies_at_or_after_the_cursors(
    piece: Slice, data: st.DataObject
) -> None:
    """Of the partitions named; the others stay whole."""
    partition = data.draw(st.sampled_from(sorted(piece.ranges)))
    whole = piece.ranges[partition]
    at = data.draw(st.integers(whole.start - 1, whole.stop + 1))
    kept = piece.trimmed({partition: at}, "owner/2")
    assert places(*kept.segments) == {
        (where, offset): what
        for (where, offset), what in places(*piece.segments).items()
        if where != partition or offset >= at
    }


@given(strategies.slices(), st.data())
def test_a_slice_without_a_partition_keeps_the_others(
    piece: Slice, data: st.DataObject
) -> None:
    """Under a new id when it changed, and as it is when it did not."""
    gone = data.draw(st.sets(strategies.log_partitions(), max_size=3))
    left = piece.without(gone, "owner/2")
    assert left.ranges == {p: r for p, r in piece.ranges.items() if p not in gone}
    changed = bool(gone & piece.ranges.keys())
    assert (left.id == "owner/2") is changed
    assert (left is piece) is not changed


@given(strategies.slices())
def test_the_counts_of_a_slice_agree(piece: Slice) -> None:
    """Rows by table, rows, dead letters and bytes."""
    held = list(places(*piece.segments).values())
    rows = [what for what in held if what[0] == "row"]
    assert sum(piece.rows_by_table().values()) == piece.row_count == len(rows)
    assert piece.dead_count == sum(what[0] == "dead" for what in held)
    for partition in piece.ranges:
        parts = piece.segments_of(partition)
        assert parts[0].start == piece.ranges[partition].start
        assert parts[-1].stop == piece.ranges[partition].stop
