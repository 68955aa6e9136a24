"""The line to the warehouse, cut at every statement, and at the COMMIT above all.

A cut at the COMMIT counts only when the writer answered *unknown*: where the connector
asks again in time and gets its answer, nothing was cut. So the line stays broken until
the consumer has noted what came of it, and the connector's time limit is one second,
the shortest there is, where it would be two minutes.
"""

import random
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import attrs
from crew import CrashedError, FailedError, Member, any_of
from cutting_proxy import WRITE_COMMIT, CuttingProxy, Lost
from killing import Outcome
from pipelines import Pipeline, stage
from timing import say_now_and_then

COMMITS: Sequence[tuple[Lost, bool]] = (
    ("answer", False),
    ("request", False),
    ("answer", True),
    ("request", True),
)
"""What is lost, and whether the line hangs or is closed."""

WRITES = ("upload", "put", "begin", "ledger", "copy", "lock", "compare")
"""A cut at one of these is retryable: nothing was committed."""

CLAIMS = ("login", "merge")
"""These come in the new session that follows an unknown outcome."""

EVERY = 4
"""After so many cuts of a COMMIT another statement is cut."""

OTHERS: Mapping[int, Sequence[str]] = {0: WRITES, 1: CLAIMS}
"""Which of the pipelines see to what else is cut."""

TIME_LIMIT = 1.0
DELAYED = "cut: delayed"
HEALED = "cut: healed by the connector"
CRASHED = "cut: native code crashed"
"""Not of the kinds that must strike."""

MOST_CRASHES = 5
FIRST_SLICE = (any_of("slicewritten"), "the first slice")


def _kind(step: str, lost: str, *, hang: bool) -> str:
    where = "commit" if step == WRITE_COMMIT else step
    return f"cut: {where}, {lost} lost{' in silence' if hang else ''}"


COMMIT_KINDS = tuple(_kind(WRITE_COMMIT, lost, hang=hang) for lost, hang in COMMITS)
OTHER_KINDS = tuple(_kind(step, "request", hang=False) for step in WRITES + CLAIMS)
KINDS = (*COMMIT_KINDS, *OTHER_KINDS, DELAYED, HEALED)


@attrs.define
class _Loop:
    wanted: int
    others: Mapping[int, Sequence[str]]
    kinds: Counter[str] = attrs.field(factory=Counter)
    failure: BaseException | None = None
    _lock: threading.Lock = attrs.field(factory=threading.Lock)

    @property
    def over(self) -> bool:
        return self.failure is not None or unknown(self.kinds) >= self.wanted

    def count(self, kind: str, number: int = 1) -> None:
        with self._lock:
            self.kinds[kind] += number


def unknown(kinds: Counter[str]) -> int:
    """Return how many cuts the writer answered with unknown."""
    return sum(kinds[kind] for kind in COMMIT_KINDS)


def cut(
    folder: Path,
    cuts: int,
    *,
    pipelines: int = 4,
    others: Mapping[int, Sequence[str]] = OTHERS,
    seed: int = 1855,
) -> Outcome:
    """Cut so many COMMITs, then see that everything is there once."""
    began = time.monotonic()
    loop = _Loop(cuts, others)
    with (
        ExitStack() as stack,
        stage(folder, request_timeout=TIME_LIMIT, max_rows=30) as built,
    ):
        lines = [built.pipeline(f"cuts-{number}") for number in range(pipelines)]
        standing = [
            stack.enter_context(CuttingProxy(_patient_once(built.warehouse.connection)))
            for _ in lines
        ]
        with ExitStack() as producing, ThreadPoolExecutor(pipelines) as pool:
            for line in lines:
                producing.enter_context(line.producing())
            shares = _shares(loop.wanted, pipelines)
            tasks = zip(lines, standing, shares, strict=True)
            going = [
                pool.submit(_cut_one, loop, n, *task, random.Random(seed + n))
                for n, task in enumerate(tasks)
            ]
            for done in going:
                done.result()
        if loop.failure is not None:
            raise loop.failure
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda line: line.finish(max_rows=400, linger=0.3), lines))
        verdicts = [line.verdict() for line in lines]
    return Outcome(loop.kinds, verdicts, time.monotonic() - began)


def _patient_once(connection: dict[str, object]) -> dict[str, object]:
    return connection | {"put_get_max_attempts": 1}


def _shares(wanted: int, pipelines: int) -> list[int]:
    return [len(range(number, wanted, pipelines)) for number in range(pipelines)]


def _cut_one(
    loop: _Loop,
    which: int,
    line: Pipeline,
    proxy: CuttingProxy,
    share: int,
    chance: random.Random,
) -> None:
    """Cut this pipeline's line so often; the first one's is slow besides."""
    if which == 0:
        proxy.delay(chance, 0.1)
    plan = deque(_plan(which, share, loop.others.get(which, ())))
    member = line.start(connection=proxy.connection)
    try:
        member.wait_for(*FIRST_SLICE)
        while plan and loop.failure is None:
            cut_it, what = plan[0]
            try:
                cut_it(loop, member, proxy, what)
            except CrashedError:
                loop.count(CRASHED)
                if loop.kinds[CRASHED] > MOST_CRASHES:
                    raise
                proxy.heal()
                member = line.start(connection=proxy.connection)
                member.wait_for(*FIRST_SLICE)
            else:
                plan.popleft()
            say_now_and_then("cuts", f"{unknown(loop.kinds)} answered unknown")
        loop.count(DELAYED, proxy.delayed)
    except BaseException as error:  # noqa: BLE001 — raised by whoever waits
        loop.failure = loop.failure or error
    finally:
        proxy.heal()
        proxy.delay(None)
        member.kill()


def _plan(
    which: int, share: int, others: Sequence[str]
) -> Iterator[tuple[Callable[[_Loop, Member, CuttingProxy, Any], None], Any]]:
    """Yield what is to be cut, and how; the other statements in between."""
    left = list(others)
    for number in range(share):
        yield _cut_commit, COMMITS[(which + number) % len(COMMITS)]
        if number % EVERY == 0 and left:
            yield _cut_other, left.pop()
    for step in reversed(left):
        yield _cut_other, step


def _cut_commit(
    loop: _Loop, member: Member, proxy: CuttingProxy, how: tuple[Lost, bool]
) -> None:
    lost, hang = how
    member.look()
    proxy.cut(WRITE_COMMIT, lost, hang=hang)
    member.wait_for(any_of("writefailed unknown"), f"a COMMIT without its {lost}")
    loop.count(_kind(WRITE_COMMIT, lost, hang=hang))
    proxy.heal()
    member.wait_for(any_of("slicewritten"), "the slice after the cut")


def _cut_other(loop: _Loop, member: Member, proxy: CuttingProxy, step: str) -> None:
    if step in CLAIMS:  # a session of its own, which only an unknown outcome brings
        proxy.cut(WRITE_COMMIT, "answer")
        member.wait_for(any_of("writefailed unknown"), "an unknown outcome")
        loop.count(_kind(WRITE_COMMIT, "answer", hang=False))
        proxy.heal()
    member.look()
    proxy.cut(step, "request")
    failed = "claimfailed" if step in CLAIMS else "writefailed retryable"
    member.wait_for(any_of(failed), f"a cut at {step}")
    loop.count(_kind(step, "request", hang=False))
    proxy.heal()
    member.wait_for(any_of("slicewritten"), "the slice after the cut")
    _cut_in_vain(loop, member, proxy)


def _cut_in_vain(loop: _Loop, member: Member, proxy: CuttingProxy) -> None:
    """Lose one answer only: the connector asks again and no harm is done."""
    before = proxy.cuts
    proxy.cut(WRITE_COMMIT, "answer", once=True)
    while proxy.cuts == before:
        member.wait_for(any_of("slicewritten", "> commit"), "a slice in between")
    line = member.wait_for(
        any_of("slicewritten", "writefailed unknown"), "a slice asked again"
    )
    if line.startswith("writefailed"):
        raise FailedError("one lost answer was not healed by the connector")
    loop.count(HEALED)
