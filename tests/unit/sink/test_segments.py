"""One inspected run becomes one segment."""

from hypothesis import given
from hypothesis import strategies as st

from winestream.records import Inspection, LogPartition, Run
from winestream.sink.segments import segment_of
from winestream.testing import strategies


@st.composite
def inspected(draw: st.DrawFn) -> tuple[Run, Inspection]:
    """Return a run and what a codec said of it."""
    run = draw(strategies.runs())
    return run, draw(strategies.inspections(run))


@given(inspected())
def test_every_offset_is_in_exactly_one_place(pair: tuple[Run, Inspection]) -> None:
    """Rows, dead letters and gaps tile the run, whatever the codec said."""
    run, inspection = pair
    segment = segment_of(run, inspection)
    places = [o for rows in segment.rows for o in rows.offsets]
    places += [letter.offset for letter in segment.dead]
    places += [o for gap in segment.gaps for o in range(gap.start, gap.stop)]
    assert sorted(places) == list(range(run.offsets[0], run.offsets[-1] + 1))
    assert segment.message_count == len(run)
    assert segment.payload_bytes == sum(len(value or b"") for value in run.values)


@given(inspected())
def test_every_message_keeps_what_it_carried(pair: tuple[Run, Inspection]) -> None:
    """Value, key, timestamp, headers, head and table stay with their offset."""
    run, inspection = pair
    segment = segment_of(run, inspection)
    index_of = {offset: i for i, offset in enumerate(run.offsets)}
    valid = [i for i in range(len(run)) if i not in inspection.failures]
    for rows in segment.rows:
        assert list(rows.offsets) == sorted(rows.offsets)
        for i, offset in enumerate(rows.offsets):
            index = index_of[offset]
            head = valid.index(index)
            tables = inspection.tables
            assert rows.table == (tables if isinstance(tables, str) else tables[head])
            assert rows.event_ids[i] == inspection.event_ids[head]
            assert rows.occurred_at[i] == inspection.occurred_at[head]
            assert rows.payloads[i] == run.values[index]
            assert rows.keys[i] == run.keys[index]
            assert rows.timestamps[i] == run.timestamps[index]
            if run.headers is not None and rows.headers is not None:
                assert rows.headers[i] == run.headers[index]
            else:
                assert run.headers is None
                assert rows.headers is None
    for letter in segment.dead:
        index = index_of[letter.offset]
        assert letter.value == run.values[index]
        assert letter.reason == inspection.failures[index].reason


def test_a_number_no_column_holds_is_the_writers_to_refuse() -> None:
    """A codec of one's own may say so; the reader goes on, and one row is set aside."""
    run = Run(LogPartition("c", "t", "wine", 0), range(1), [b"{}"], [None], [1])
    found = Inspection(["id"], ["T"], [0.0], [2**70], "RAW_WINE")
    (rows,) = segment_of(run, found).rows
    assert list(rows.schema_versions) == [2**70]
