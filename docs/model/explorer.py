"""Explicit-state exploration: every reachable state, shortest way first."""

from collections import deque
from collections.abc import Callable, Hashable, Iterable
from typing import NamedTuple, TypeVar

SOUND, STUCK = "sound", "stuck"

State = TypeVar("State", bound=Hashable)


class Result(NamedTuple):
    """What exploring gave: `sound`, `stuck` or the invariant that broke.

    `steps` is the length of a shortest way to the broken state.
    """

    verdict: str
    states: int
    steps: int = 0


def explore(
    first: State,
    steps: Callable[[State], Iterable[State]],
    broken: Callable[[State], str | None],
    done: Callable[[State], bool],
    hopeful: Callable[[State], bool],
) -> Result:
    """Visit everything reachable from `first`.

    Liveness: from every state that is `hopeful`, one that is `done` can be reached.
    """
    depth = {first: 0}
    before: dict[State, list[State]] = {}
    queue = deque([first])
    while queue:
        state = queue.popleft()
        if (why := broken(state)) is not None:
            return Result(why, len(depth), depth[state])
        for next_ in steps(state):
            before.setdefault(next_, []).append(state)
            if next_ not in depth:
                depth[next_] = depth[state] + 1
                queue.append(next_)
    live = {state for state in depth if done(state)}
    todo = list(live)
    while todo:
        for state in before.get(todo.pop(), ()):
            if state not in live:
                live.add(state)
                todo.append(state)
    stuck = any(hopeful(state) and state not in live for state in depth)
    return Result(STUCK if stuck else SOUND, len(depth))
