"""Blows at the worst moment: while the writer is at it.

What comes out of the blue seldom meets the narrow windows. A claim answered in the
drain of another partition, inside a poll that still brings messages from before it; a
slice of which a part is gone, or is another's, when its answer comes.
"""

from functools import partial

from winestream.core import effects as do
from winestream.sink.desk import Command
from winestream.testing.world.faults import Fault
from winestream.testing.world.source import SimSource
from winestream.testing.world.surroundings import Surroundings

SOON = (0.0, 0.3)
"""After so many seconds an operator comes in between."""


def strike(around: Surroundings, source: SimSource, command: Command) -> None:
    """Do something about a command that a process has just given its writer."""
    strikes = around.weather.strikes
    match command:
        case do.Claim(_, wants) if source.reads(wants):
            if strikes(Fault.REBALANCE_IN_CLAIM):
                around.group.rebalance(shuffle=True, staying=wants)
        case do.Write(piece):
            first, *others = piece.ranges
            if any(p.topic != first.topic for p in others) and strikes(
                Fault.NEW_LOG_IN_WRITE
            ):
                around.renew(first.topic)
            if strikes(Fault.LOST_IN_WRITE):
                around.group.evict(source.member)
            if strikes(Fault.REWIND_IN_WRITE):
                later = around.scheduler.between(*SOON)
                around.scheduler.after(later, partial(around.rewind, first))
        case _:
            pass
