"""Many histories over several processes, and one of them told in words."""

from collections import Counter
from collections.abc import Iterable, Iterator
from multiprocessing import get_context

import attrs

from winestream.testing.world.faults import Fault
from winestream.testing.world.history import Violation
from winestream.testing.world.world import World

LAST = 40
"""So many events of the partition in question are told."""

_BATCH = 50
"""Histories handed to a process at a time: about a second's worth."""


@attrs.define
class Proof:
    """What came of many histories. `failures` maps a seed to what it broke."""

    histories: int = 0
    acts: int = 0
    landed: int = 0
    faults: Counter[str] = attrs.field(factory=Counter)
    failures: dict[int, str] = attrs.field(factory=dict)

    @property
    def missing(self) -> list[str]:
        """Faults that never struck: what they would have shown is not proved."""
        return [str(fault) for fault in Fault if not self.faults[fault]]

    def add(self, other: "Proof") -> None:
        """Take another's histories in."""
        self.histories += other.histories
        self.acts += other.acts
        self.landed += other.landed
        self.faults += other.faults
        self.failures |= other.failures


def prove(seeds: Iterable[int], jobs: int) -> Iterator[Proof]:
    """Live through these histories; yield what is known after every few of them."""
    every = list(seeds)
    batches = [every[i : i + _BATCH] for i in range(0, len(every), _BATCH)]
    proof = Proof()
    with get_context("spawn").Pool(jobs) as pool:
        for part in pool.imap_unordered(several, batches):
            proof.add(part)
            yield proof


def several(seeds: Iterable[int]) -> Proof:
    """Live through these histories in this process."""
    proof = Proof()
    for seed in seeds:
        world = World(seed)
        try:
            told = world.run()
        except Violation as broken:
            proof.failures[seed] = str(broken)
        else:
            proof.acts += told.acts
            proof.landed += told.landed
        proof.histories += 1
        proof.faults += world.history.faults
    return proof


def tell(seed: int, *, whole: bool = False) -> tuple[str, bool]:
    """Replay one history; return it in words, and whether every promise held.

    The last events of the partition in question, or all there are with `whole`.
    """
    world = World(seed)
    try:
        told = world.run()
    except Violation as broken:
        partition = None if whole else broken.partition
        lines = world.history.tail(partition, 10**6 if whole else LAST)
        replay = f"python -m winestream.testing.world --seed {seed}"
        return "\n".join([*lines, "", str(broken), f"Again: {replay}"]), False
    lines = world.history.tail(None, 10**6) if whole else []
    end = (
        f"seed {seed}: every promise held over {told.seconds:.0f} s, {told.acts} acts, "
        f"{told.landed} offsets; "
        + ", ".join(f"{f} {n}" for f, n in told.faults.items())
    )
    return "\n".join([*lines, end]), True
