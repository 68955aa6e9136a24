"""Three consumers that come, go, die and freeze: one rebalance after the other.

A frozen one (SIGSTOP) is a zombie: the group gives its partitions away, and then it
wakes up in the middle of what it was doing.
"""

import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from crew import FailedError, Member, any_of, counted
from killing import Outcome, check_alive
from pipelines import Pipeline, stage

from winestream.errors import AbandonedError

MEMBERS = 3
PARTITIONS = 6
FROZEN_SECONDS = {"classic": 3.0, "consumer": 8.0}
"""Longer than the session: a second, or the embedded broker's six."""

KILLED = "storm: a member killed"
LEFT = "storm: a member left"
FROZEN = "storm: a member frozen and thawed"
ABANDONED = "storm: a member left what another had taken"
LOST = "storm: partitions taken from a zombie"
REBALANCED = "storm: partitions assigned"
KINDS = (KILLED, LEFT, FROZEN, LOST, REBALANCED)


def storm(
    folder: Path,
    moves: int,
    *,
    protocols: Iterable[str] = FROZEN_SECONDS,
    seed: int = 1855,
) -> Outcome:
    """Let the wind blow so often, under all these group protocols at once."""
    began = time.monotonic()
    with stage(folder) as built:
        lines = {
            protocol: built.pipeline(f"storm-{protocol}", PARTITIONS, ahead=60_000)
            for protocol in protocols
        }
        with ThreadPoolExecutor(2) as pool:
            counts = pool.map(
                lambda each: _blow(*each, moves, random.Random(seed)), lines.items()
            )
            kinds = sum(counts, Counter())
        verdicts = [line.verdict() for line in lines.values()]
    return Outcome(kinds, verdicts, time.monotonic() - began)


def _blow(
    protocol: str, line: Pipeline, moves: int, chance: random.Random
) -> Counter[str]:
    settings = {"protocol": protocol, "max_rows": 30}
    if protocol == "classic":
        settings["session_timeout"] = 1.0
    every: list[Member] = []

    def start() -> Member:
        every.append(line.start(**settings))
        return every[-1]

    kinds: Counter[str] = Counter()
    blows: dict[str, Callable[[Member], Member]] = {
        FROZEN: lambda it: _freeze(it, FROZEN_SECONDS[protocol]),
        KILLED: lambda it: (it.kill(), start())[1],
        LEFT: lambda it: (_leave(it, kinds), start())[1],
    }
    with line.producing():
        members = [start() for _ in range(MEMBERS)]
        members[0].wait_for(any_of("slicewritten"), "the first slice")
        for number in range(moves):
            kind = list(blows)[number % len(blows)]
            victim = chance.randrange(MEMBERS)
            # Kept waiting for a share, it is left in peace no longer than this.
            with suppress(FailedError):
                members[victim].wait_for(any_of("slicewritten"), "a slice", 3.0)
            members[victim] = blows[kind](members[victim])
            kinds[kind] += kind != LEFT
            time.sleep(chance.uniform(0, 0.5))
    check_alive(members)
    for member in members:
        member.kill()
    line.finish(**settings | {"max_rows": 400})
    for member in every:
        member.look()
        kinds[LOST] += counted(member.lines, "lost")
        kinds[REBALANCED] += counted(member.lines, "assigned")
    return kinds


def _leave(member: Member, kinds: Counter[str]) -> None:
    """Ask it to stop. It may abandon what another took over meanwhile, nothing else.

    That shows at a write under way: fenced, or unknown and then not its own any more.
    Only a clean stop counts as one, and there must be some.
    """
    member.look()
    before = len(member.lines)
    member.signal(signal.SIGTERM)
    if not member.wait():
        kinds[LEFT] += 1
        return
    taken = any_of("writefailed fenced", "writefailed unknown")
    if AbandonedError.__name__ not in member.said or not any(
        map(taken, member.lines[before:])
    ):
        raise FailedError(f"could not leave: {member.said}")
    kinds[ABANDONED] += 1


def _freeze(member: Member, seconds: float) -> Member:
    member.signal(signal.SIGSTOP)
    time.sleep(seconds)
    member.signal(signal.SIGCONT)
    return member
