"""Virtual time: whoever wants to act later says when, and one seed decides the rest.

There is no thread. Where a real client would block, `run` is called again from inside
an act: the others go on while the caller waits.
"""

from collections.abc import Callable, Sequence
from heapq import heappop, heappush
from random import Random
from typing import TypeVar

_T = TypeVar("_T")

Act = Callable[[], None]


class Scheduler:
    """A clock in seconds, the acts that wait for their time, and the dice.

    Call it for the time, as the sink does. Acts of one time happen in the order they
    were asked for, so that a seed is one history.
    """

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)  # noqa: S311 — seeded so that it can be replayed
        self.now = 1000.0
        self.acts = 0
        """How many acts have happened: the measure of a world that spins."""
        self._waiting: list[tuple[float, int, Act]] = []
        self._count = 0

    def __call__(self) -> float:
        """Return the time."""
        return self.now

    def after(self, seconds: float, act: Act) -> None:
        """Let `act` happen once, so many seconds from now."""
        self._count += 1
        heappush(self._waiting, (self.now + seconds, self._count, act))

    def run(self, until: float, over: Callable[[], bool]) -> None:
        """Let things happen up to the time `until`, or till `over` is true."""
        waiting = self._waiting
        while not over():
            if not waiting or waiting[0][0] > until:
                self.now = max(self.now, until)
                return
            when, _, act = heappop(waiting)
            self.now = max(self.now, when)
            self.acts += 1
            act()

    # -------------------------------------------------------------------- the dice

    def chance(self, share: float) -> bool:
        """Return True in `share` of the cases."""
        return self.random.random() < share

    def between(self, low: float, high: float) -> float:
        """Draw a number of seconds."""
        return low + (high - low) * self.random.random()

    def below(self, n: int) -> int:
        """Draw from `range(n)`."""
        return int(self.random.random() * n)

    def pick(self, choices: Sequence[_T]) -> _T:
        """Draw one of the choices."""
        return choices[self.below(len(choices))]
