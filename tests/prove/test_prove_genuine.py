"""`make prove` in little: its parts run, strike, and find everything in its place."""

from pathlib import Path

import errors
import killing
import pytest
from cutting import cut, unknown
from faulting import fault
from killing import Outcome, kill
from storming import ABANDONED, FROZEN, KILLED, LEFT, REBALANCED, storm

pytestmark = pytest.mark.timeout(240)


def _assert_clean(outcome: Outcome) -> None:
    assert outcome.verdicts
    for verdict in outcome.verdicts:
        assert verdict.judgement.produced > 0
        assert verdict.clean, str(verdict)


def test_killed_consumers_and_warehouses_lose_nothing(tmp_path: Path) -> None:
    """A few of each, at moments drawn at random; dead letters are exact as well."""
    wanted = (killing.INSIDE, killing.WAREHOUSE)
    outcome = kill(tmp_path, 6, pipelines=2, kinds=wanted)
    assert all(outcome.kinds[kind] for kind in wanted)
    _assert_clean(outcome)


def test_commits_without_an_answer_lose_nothing(tmp_path: Path) -> None:
    """The answer's way back is cut, and in the next transaction the request's way."""
    outcome = cut(tmp_path, 2, pipelines=1, others={})
    assert unknown(outcome.kinds) == 2
    _assert_clean(outcome)


def test_the_brokers_errors_are_sat_through(tmp_path: Path) -> None:
    """One error in each phase of a sink's life."""
    phases = {cell.phase: cell for cell in errors.a_few()}
    cells = list(phases.values())
    assert {cell.phase for cell in cells} == {errors.ASSIGNING, *errors.LIVING}
    outcome = fault(tmp_path, cells)
    assert outcome.kinds.total() == len(cells)
    _assert_clean(outcome)


def test_a_storm_of_rebalances_loses_nothing(tmp_path: Path) -> None:
    """Three members: one freezes and comes back, one dies, one leaves."""
    outcome = storm(tmp_path, 3, protocols=("classic",))
    assert all(outcome.kinds[kind] for kind in (FROZEN, KILLED, REBALANCED))
    # The only one to leave may just have lost a slice to another, which is fine, too.
    assert outcome.kinds[LEFT] + outcome.kinds[ABANDONED] == 1
    _assert_clean(outcome)
