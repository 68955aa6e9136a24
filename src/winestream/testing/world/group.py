"""A consumer group: who may read which partition, and who still believes he may."""

from collections.abc import Callable, Collection, Iterable

import attrs

from winestream.records import LogPartition
from winestream.testing.world.faults import Fault, Weather
from winestream.testing.world.scheduler import Scheduler


@attrs.define(eq=False)
class Member:
    """One consumer as the broker and as its own client see it."""

    name: str
    view: set[LogPartition] = attrs.field(factory=set)
    """What its client holds for its own."""
    coming: set[LogPartition] = attrs.field(factory=set)
    leaving: set[LogPartition] = attrs.field(factory=set)
    lost: set[LogPartition] = attrs.field(factory=set)
    """What was taken without asking and is not reported yet."""
    evicted: bool = False
    draining: bool = False


@attrs.define
class Group:
    """Hands partitions out, cooperatively: what moves is given back first.

    `owner` is the broker's view. A member that was evicted goes on believing in its
    own until its next poll.
    """

    scheduler: Scheduler
    weather: Weather
    members: list[Member] = attrs.field(factory=list)
    owner: dict[LogPartition, Member | None] = attrs.field(factory=dict)
    committed: dict[LogPartition, int] = attrs.field(factory=dict)
    rebalances: int = 0
    drains: int = 0
    """How many drains are going on, one inside another's wait."""
    refused_last: set[LogPartition] = attrs.field(factory=set)
    """Partitions of which Kafka has refused a commit though all was calm."""
    nested: int = 0
    """How many have begun inside another."""

    def join(self, member: Member) -> None:
        """Take a member in."""
        member.evicted = False
        self.members.append(member)
        self.rebalance()

    def leave(self, member: Member) -> None:
        """Let a member go, its partitions with it."""
        if member in self.members:
            self.members.remove(member)
        self._free(member, list(self.owner))
        self.rebalance()

    def evict(self, member: Member) -> None:
        """Throw a member out; it notices at its next poll."""
        if member in self.members:
            self.members.remove(member)
            member.evicted = True
            self._free(member, list(self.owner))
            self.rebalance()

    def rebalance(
        self, *, shuffle: bool = False, staying: Collection[LogPartition] = ()
    ) -> None:
        """Hand out anew: what is free, and with `shuffle` some of the rest as well.

        What is `staying` is left where it is.
        """
        self.rebalances += 1
        if not self.members:
            return
        for partition, owner in self.owner.items():
            if owner is None:
                self._give(partition)
            elif shuffle and partition not in staying and self.scheduler.chance(0.6):
                owner.coming.discard(partition)
                if partition in owner.view:
                    owner.leaving.add(partition)
                else:
                    self.owner[partition] = None
                    self._give(partition)

    def replace(self, old: LogPartition, new: LogPartition) -> None:
        """Let a log end and another of its name begin."""
        owner = self.owner.pop(old)
        if owner is not None:
            owner.coming.discard(old)
            owner.leaving.discard(old)
        for member in self.members:
            if old in member.view:
                member.view.discard(old)
                member.lost.add(old)
        self.owner[new] = owner
        if owner is not None:
            owner.coming.add(new)

    def serve(
        self, member: Member, on_revoke: Callable[[frozenset[LogPartition]], None]
    ) -> None:
        """Run a member's callbacks, as its client does inside a poll."""
        if member.evicted:
            member.lost |= member.view
            member.view.clear()
            member.coming.clear()
            member.leaving.clear()
            self.weather.count(Fault.LOST)
            self.join(member)
        going = member.leaving & member.view
        if going and (self.drains == 0 or self.scheduler.chance(0.2)):
            self.weather.count(Fault.REVOKED)
            member.draining = True
            self.nested += self.drains
            self.drains += 1
            try:
                on_revoke(frozenset(going))
            finally:
                self.drains -= 1
                member.draining = False
            member.leaving -= going
            member.view -= going
            self._free(member, going)
            self.rebalance()
        if not member.evicted:
            member.view |= member.coming
            member.coming.clear()

    def commit(self, member: Member, partition: LogPartition, position: int) -> bool:
        """Take a position from the partition's owner, and from nobody else."""
        if self.owner.get(partition) is not member:
            return False
        self.committed[partition] = position
        return True

    def _free(self, member: Member, partitions: Iterable[LogPartition]) -> None:
        for partition in partitions:
            if self.owner.get(partition) is member:
                self.owner[partition] = None

    def _give(self, partition: LogPartition) -> None:
        if not self.members:
            return
        member = self.scheduler.pick(self.members)
        self.owner[partition] = member
        member.coming.add(partition)
