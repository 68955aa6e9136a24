"""The proof can fail: each promise that is not kept shows in its last line."""

import json
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

import attrs
import cutting
import killing
import pytest
from errors import LIVING, every
from killing import BEFORE, CLAIM, COMMIT, INSIDE, OUTSIDE, Outcome, struck
from outage import Outage, memory_bound_mb
from pipelines import Verdict
from report import Report
from truth import Judgement, Truth, judge

PLACE = ("t", 0, 7)
CLEAN = Verdict("p", Judgement(10, frozenset(), {}, {}), (), (0, 0))
OUTAGE = Outage(CLEAN, 600.0, 9, 130.0, 200.0, 442.0)
SAID = {"histories": 10, "fault_kinds": {"crash": 3}}


def _kept(
    *,
    kills: Counter[str] | None = None,
    cuts: Counter[str] | None = None,
    verdict: Verdict = CLEAN,
    outage: Outage = OUTAGE,
    histories: str = json.dumps(SAID),
    mutants: str = '{"planted": 3, "caught": 3}',
    code: int = 0,
) -> Report:
    report = Report(5, 4, 10)
    kills = Counter(killing.KINDS) if kills is None else kills
    cuts = Counter(cutting.KINDS) if cuts is None else cuts
    report.outcome("kills", Outcome(kills, [CLEAN, verdict]))
    report.outcome("cuts", Outcome(cuts, [CLEAN]))
    report.outage(outage)
    report.offline("histories", code, histories)
    report.offline("mutants", code, mutants)
    return report


def test_what_is_kept_is_told() -> None:
    """All as promised: the numbers asked for are in the object."""
    report = _kept()
    assert report.kept, report.failures
    told = report.as_json()
    assert (told["kills"], told["cuts"], told["histories"]) == (5, 4, 10)
    assert told["mutants"] == {"planted": 3, "caught": 3}
    assert told["lost"] == told["duplicates"] == 0
    assert told["fault_kinds"]["simulated: crash"] == 3
    assert told["peak_memory_mb"] < told["memory_bound_mb"]


def _judged(**changes: Any) -> Verdict:
    return attrs.evolve(CLEAN, judgement=attrs.evolve(CLEAN.judgement, **changes))


@pytest.mark.parametrize(
    "broken",
    [
        lambda: _kept(verdict=_judged(lost=frozenset([PLACE]))),
        lambda: _kept(verdict=_judged(duplicates={PLACE: 1})),
        lambda: _kept(verdict=_judged(wrong={PLACE: "a row"})),
        lambda: _kept(verdict=attrs.evolve(CLEAN, findings=("a hole",))),
        lambda: _kept(verdict=attrs.evolve(CLEAN, lags=(0, 3))),
        lambda: _kept(kills=Counter(killing.KINDS) - Counter([COMMIT])),
        lambda: _kept(cuts=Counter(cutting.KINDS) - Counter([cutting.DELAYED])),
        lambda: _kept(outage=attrs.evolve(OUTAGE, peak_mb=443.0)),
        lambda: _kept(outage=attrs.evolve(OUTAGE, attempts=0)),
        lambda: _kept(mutants='{"planted": 3, "caught": 2}'),
        lambda: _kept(mutants=""),
        lambda: _kept(histories=json.dumps(SAID | {"histories": 9})),
        lambda: _kept(code=1),
    ],
)
def test_what_is_not_kept_fails(broken: Callable[[], Report]) -> None:
    """One thing off in an otherwise perfect proof."""
    report = broken()
    assert not report.kept
    assert len(report.as_json()["failures"]) >= 1


class Landed:
    """A connection to a warehouse that holds these rows, by table."""

    def __init__(self, tables: dict[str, list[tuple[Any, ...]]]) -> None:
        self._tables = tables
        self._rows: list[tuple[Any, ...]] = []

    def cursor(self) -> "Landed":
        return self

    def execute(self, sql: str) -> None:
        table = sql.split("FROM RAW.")[1].split(maxsplit=1)[0]
        self._rows = self._tables.get(table, [])

    def fetchall(self) -> Iterable[tuple[Any, ...]]:
        return self._rows


def test_the_judge_knows_each_place() -> None:
    """A row missing, one twice, one that is another event, one that should be dead."""
    truth = Truth({("t", 0, n): f"e{n}" for n in range(4)}, {("t", 0, 4): "null-value"})
    exact = {
        "RAW_ORDERS": [("t", 0, n, f"e{n}") for n in range(4)],
        "DEAD_LETTERS": [("t", 0, 4, "null-value")],
    }
    assert judge(Landed(exact), truth).exact
    off = judge(
        Landed(
            {
                "RAW_ORDERS": [("t", 0, 1, "e1"), ("t", 0, 2, "other")],
                "RAW_INVENTORY": [("t", 0, 1, "e1"), ("t", 0, 4, "e4")],
                "DEAD_LETTERS": [("t", 0, 3, "null-value"), ("t", 0, 9, "stray")],
            }
        ),
        truth,
    )
    assert off.lost == {("t", 0, 0)}
    assert off.duplicates == {("t", 0, 1): 1}
    assert {offset for _, _, offset in off.wrong} == {2, 3, 4, 9}


@pytest.mark.parametrize(
    ("diary", "kind"),
    [
        (["born 7"], BEFORE),
        (["> begin", "< begin", "> merge"], CLAIM),
        (["> begin", "< commit", "cursorsclaimed 0"], OUTSIDE),
        (["cursorsclaimed 0", "> begin", "> copy"], INSIDE),
        (["cursorsclaimed 0", "> begin", "> commit"], COMMIT),
        (["cursorsclaimed 0", "> begin", "> commit", "< commit"], OUTSIDE),
        (["cursorsclaimed 0", "> begin", "> rollback", "< rollback"], OUTSIDE),
    ],
)
def test_a_diary_tells_what_a_kill_struck(diary: list[str], kind: str) -> None:
    """By the last statement that was begun and not ended."""
    assert struck(diary) == kind


def test_every_error_has_a_name_of_its_own() -> None:
    """No cell of the table is there twice, and each phase of a life is met."""
    cells = every()
    assert len({str(cell) for cell in cells}) == len(cells)
    assert {cell.phase for cell in cells} > set(LIVING)


def test_the_bound_follows_the_settings() -> None:
    """Twice the slice needs more than twice as much less what does not grow."""
    assert 400 < memory_bound_mb() < 500
    small = memory_bound_mb(25_000, 32_000_000)
    assert 150 < small < memory_bound_mb() - 100
