"""SIGKILL at random moments: of consumers, and now and then of the warehouse.

Half of the kills come at a moment drawn beforehand, the other half while a statement
is under way that was drawn beforehand. Where each one struck is read from what the
dead left in its diary.
"""

import random
import threading
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import attrs
from crew import FailedError, Member, any_of
from pipelines import Pipeline, Stage, Verdict, stage
from timing import say_now_and_then

STEPS = ("put", "begin", "ledger", "copy", "lock", "compare", "commit")
INSERTING = tuple(step for step in STEPS if step not in ("put", "copy"))
"""The steps of a writer that brings small slices in by INSERT."""
EARLY_SECONDS = 0.6
LIFE_SECONDS = 1.5
AIMED_SECONDS = 0.005
AIM_SECONDS = 4.0
FEWEST_MORE = 60
"""Kills beyond those wanted that a kind may take to strike."""

BEFORE = "kill: before the claim"
CLAIM = "kill: inside a claim"
OUTSIDE = "kill: between transactions"
INSIDE = "kill: inside a transaction"
COMMIT = "kill: during COMMIT"
WAREHOUSE = "kill: the warehouse"
KINDS = (BEFORE, CLAIM, OUTSIDE, INSIDE, COMMIT, WAREHOUSE)


@attrs.define
class Outcome:
    """What a loop of faults came to."""

    kinds: Counter[str] = attrs.field(factory=Counter)
    verdicts: list[Verdict] = attrs.field(factory=list)
    seconds: float = 0.0


@attrs.define
class _Loop:
    """Shared by the pipelines: how many kills are wanted, and what they struck."""

    wanted: int
    needed: Sequence[str]
    kinds: Counter[str] = attrs.field(factory=Counter)
    failure: BaseException | None = None
    _lock: threading.Lock = attrs.field(factory=threading.Lock)

    def __str__(self) -> str:
        return f"{self.consumers} consumers killed, {self.kinds[WAREHOUSE]} warehouses"

    @property
    def consumers(self) -> int:
        """How many consumers were killed."""
        return self.kinds.total() - self.kinds[WAREHOUSE]

    @property
    def over(self) -> bool:
        """Enough, and of each kind; or hopeless."""
        missing = any(not self.kinds[kind] for kind in self.needed)
        most = max(2 * self.wanted, self.wanted + FEWEST_MORE)
        far_enough = self.consumers >= (most if missing else self.wanted)
        return self.failure is not None or far_enough

    def count(self, kind: str) -> None:
        """Note a kill."""
        with self._lock:
            self.kinds[kind] += 1


def kill(
    folder: Path,
    kills: int,
    *,
    pipelines: int = 4,
    kinds: Sequence[str] = KINDS,
    seed: int = 1855,
) -> Outcome:
    """Kill so many consumers, and judge every pipeline at the end.

    Every second pipeline has two consumers at a time, so that there is one to take
    over; half of them write by COPY, the others by INSERT. Goes on, within bounds, for
    one of the kinds that has not struck yet.
    """
    began = time.monotonic()
    with stage(folder) as built:
        lines = [built.pipeline(f"kills-{number}") for number in range(pipelines)]
        loop = _Loop(kills, kinds)
        with ExitStack() as stack, ThreadPoolExecutor(pipelines) as pool:
            for line in lines:
                stack.enter_context(line.producing())
            going = [
                pool.submit(
                    _kill_consumers, loop, line, random.Random(f"{seed}/{line.name}")
                )
                for line in lines
            ]
            _kill_warehouse(loop, built, random.Random(seed))
            members = [member for done in going for member in done.result()]
        if loop.failure is not None:
            raise loop.failure
        for member in members:
            member.kill()
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda line: line.finish(max_rows=400, linger=0.3), lines))
        verdicts = [line.verdict() for line in lines]
    for line in lines:
        line.teller.truth.check_shares()
    return Outcome(loop.kinds, verdicts, time.monotonic() - began)


def _kill_consumers(loop: _Loop, line: Pipeline, chance: random.Random) -> list[Member]:
    """Kill one after the other; return those still alive."""
    which = int(line.name[-1])
    number = 1 + which % 2
    inserts = which % 4 >= 2
    told = {"insert_below": 1000} if inserts else {}
    steps = INSERTING if inserts else STEPS
    members = [line.start(**told) for _ in range(number)]
    try:
        while not loop.over:
            victim = chance.randrange(number)
            member = members[victim]
            _wait_for_the_moment(member, steps, chance)
            check_alive(members)
            member.kill()
            loop.count(struck(member.lines))
            members[victim] = line.start(**told)
    except BaseException as error:  # noqa: BLE001 — raised by whoever waits
        loop.failure = loop.failure or error
    return members


def check_alive(members: Iterable[Member]) -> None:
    """Raise `FailedError` if one has ended without being killed."""
    for member in members:
        if member.over.is_set():
            raise FailedError(f"ended by itself ({member.code}): {member.said}")


def _wait_for_the_moment(
    member: Member, steps: Sequence[str], chance: random.Random
) -> None:
    way = chance.choice(("early", "any", "any", "aimed", "aimed", "aimed"))
    if way == "early":
        time.sleep(chance.uniform(0, EARLY_SECONDS))
        return
    wanted = ["cursorsclaimed"]
    if way == "aimed":
        wanted.append(f"> {chance.choice(steps)}")
    try:
        for line in wanted:
            member.wait_for(any_of(line), line, AIM_SECONDS)
    except FailedError:  # with an outage or without partitions it waits for long
        if member.over.is_set():
            raise
    longest = LIFE_SECONDS if way == "any" else AIMED_SECONDS
    time.sleep(chance.uniform(0, longest))


def struck(diary: list[str]) -> str:
    """Say from a dead consumer's diary what it was doing."""
    claimed, inside, last = False, False, ""
    for line in diary:
        mark, _, _ = line.partition(" ")
        if mark == "cursorsclaimed":
            claimed = True
        if mark not in (">", "<"):
            continue
        last = line
        if line == "> begin":
            inside = True
        elif line in ("< commit", "< rollback"):
            inside = False
    if not inside:
        return OUTSIDE if claimed else BEFORE
    if not claimed:
        return CLAIM
    return COMMIT if last == "> commit" else INSIDE


def _kill_warehouse(loop: _Loop, built: Stage, chance: random.Random) -> None:
    """Kill it once in forty kills of a consumer, and start it again soon after."""
    due = min(20, loop.wanted // 2)
    while not loop.over:
        time.sleep(0.05)
        say_now_and_then("kills", loop)
        if loop.consumers >= due:
            due += 40
            built.warehouse.kill()
            loop.count(WAREHOUSE)
            time.sleep(chance.uniform(0, 0.5))
            built.warehouse.restart()
