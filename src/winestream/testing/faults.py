"""Faults for `MemoryWriter`: what happens at which write."""

from collections.abc import Callable, Iterator
from enum import StrEnum
from itertools import chain, repeat
from typing import Self

import attrs


class Fault(StrEnum):
    """What a write does instead of succeeding."""

    NONE = "none"
    RETRYABLE = "retryable"
    """Nothing is written; it may be tried again."""
    FATAL = "fatal"
    """Nothing is written, and never will be."""
    ANSWER_LOST = "answer-lost"
    """All is written, but the writer does not learn it."""
    COMMIT_LOST = "commit-lost"
    """Nothing is written, and the writer does not learn that either."""
    FOR_NOTHING = "for-nothing"
    """Nothing is written, and the writer believes it was."""


def _refuse_nothing(_payload: bytes) -> bool:
    return False


@attrs.define
class FaultPlan:
    """One fault per write, in order, then none.

    Rows whose payload `refuse` picks are rejected; with `name_offenders` the error
    names them, as a warehouse may or may not.
    """

    faults: Iterator[Fault] = attrs.field(factory=lambda: iter(()))
    refuse: Callable[[bytes], bool] = _refuse_nothing
    name_offenders: bool = False

    @classmethod
    def of(cls, *faults: Fault) -> Self:
        """Plan these faults for the first writes."""
        return cls(faults=iter(faults))

    @classmethod
    def fail_once(cls) -> Self:
        """Let the first write fail and be tried again."""
        return cls.of(Fault.RETRYABLE)

    @classmethod
    def fail(cls, times: int) -> Self:
        """Let the first `times` writes fail."""
        return cls(faults=iter(repeat(Fault.RETRYABLE, times)))

    @classmethod
    def refusing(
        cls, refuse: Callable[[bytes], bool], *, name_offenders: bool = False
    ) -> Self:
        """Reject rows by their payload."""
        return cls(refuse=refuse, name_offenders=name_offenders)

    def then(self, *faults: Fault) -> Self:
        """Return the plan with these faults after its own."""
        return attrs.evolve(self, faults=chain(self.faults, faults))

    def next(self) -> Fault:
        """Return the fault of the next write."""
        return next(self.faults, Fault.NONE)
