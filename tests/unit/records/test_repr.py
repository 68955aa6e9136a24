"""What travels can be shown: nothing of a message is in a `repr`."""

import pytest

from winestream.ports import Poll
from winestream.records import (
    DeadLetter,
    Inspection,
    LogPartition,
    Range,
    Rows,
    Run,
    Segment,
    Slice,
)
from winestream.telemetry import SliceWritten

TEXT, BYTES = "canary@example.org", b"canary@example.org"
HEADERS = [(TEXT, BYTES)]
LOG = LogPartition("cluster", "id", "wine", 0)
RUN = Run(LOG, range(1), [BYTES], [BYTES], [1], [HEADERS])
ROWS = Rows("RAW_ORDERS", [0], [TEXT], [TEXT], [1.0], [1], [BYTES], [BYTES], [1])
LETTER = DeadLetter(0, BYTES, BYTES, 1, "wrong-type", "$.name", HEADERS)
WRITTEN = SliceWritten(
    slice_id="me/1",
    ranges={LOG: Range(0, 1)},
    rows={"RAW_ORDERS": 1},
    event_types={TEXT: 1},
    dead_letters={},
    first_dead=(),
    payload_bytes=1,
    seconds=0.1,
    attempts=1,
    oldest_occurred_at=None,
    newest_occurred_at=None,
)


@pytest.mark.parametrize(
    "thing",
    [
        RUN,
        ROWS,
        LETTER,
        Inspection([TEXT], [TEXT], [1.0], [1], "RAW_ORDERS"),
        Slice("me/1", (Segment(LOG, 0, 1, rows=(ROWS,), dead=(LETTER,)),)),
        Poll(runs=[RUN]),
        WRITTEN,
    ],
    ids=lambda thing: type(thing).__name__,
)
def test_no_message_is_in_a_repr(thing: object) -> None:
    """It may end up in a traceback or a log; where the message stands is enough."""
    assert "canary" not in repr(thing)
    assert any(word in repr(thing) for word in ("wine", "wrong-type", "RAW_ORDERS"))
