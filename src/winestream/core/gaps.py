"""The gap guard: a missing offset is believed only after it was read for twice.

A client that raises in the middle of a poll may destroy messages while its position
moves on; what follows then looks exactly like a compacted log. So the first time a
partition jumps it is read again from where it stood. If the jump is still there it is
legal, it is recorded, and the partition is trusted from then on (a transactional
topic jumps at every commit marker; reading each twice would crawl). A failed poll
withdraws that trust from all partitions.
"""

from winestream.core.partitions import Tracked
from winestream.records import Gap, Segment


def admit(tracked: Tracked, segment: Segment) -> Segment | None:
    """Return the part of `segment` that continues the partition, or None.

    What lies before the expected position is dropped. A suspicious jump sets
    `tracked.restart`; what precedes it is returned.
    """
    part = segment.cut(tracked.expected, segment.stop)
    if part is None:
        return None
    if part.start > tracked.expected:
        part = part.after_gap(Gap(tracked.expected, part.start, "jump"))
    if part.gaps and not tracked.trusted:
        jump = part.gaps[0].start
        if not _believed(tracked, jump):
            part = part.cut(part.start, jump)
    if part is not None:
        tracked.expected = part.stop
    return part


def trail(tracked: Tracked, position: int) -> Segment | None:
    """Return the gap up to `position`, where reading stands on an empty poll.

    None when there is none, or when it is read for once more first.
    """
    start = tracked.expected
    if position <= start or not (tracked.trusted or _believed(tracked, start)):
        return None
    tracked.expected = position
    gap = Gap(start, position, "trailing")
    return Segment(tracked.partition, start, position, gaps=(gap,))


def distrust(tracked: Tracked) -> None:
    """Read again from the expected position and believe no gap seen so far."""
    tracked.trusted, tracked.suspect, tracked.restart = False, None, True


def _believed(tracked: Tracked, jump: int) -> bool:
    """Whether the jump was seen before; otherwise arrange for a second look."""
    if tracked.suspect == jump:
        tracked.trusted, tracked.suspect = True, None
        return True
    tracked.suspect, tracked.restart = jump, True
    return False
