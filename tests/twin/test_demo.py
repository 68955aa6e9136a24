"""`make demo` without its dashboard: the whole pipeline on one machine."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from demo_process import Demo

from winestream.local import EmbeddedWarehouse

pytestmark = pytest.mark.timeout(150)

KEYS = {"produced", "landed", "dead_letters", "lost", "duplicates", "guarantee"}
REASONS = {
    "invalid-utf8",
    "malformed-json",
    "missing-field",
    "wrong-type",
    "null-value",
    "naive-time",
    "rejected",
}
Run = tuple[int, dict[str, Any]]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder that two runs share."""
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def first(data: Path) -> Run:
    """Run with 600 messages, a twentieth of them broken."""
    with Demo(EVENTS=600, POISON=0.05, DATA=data) as demo:
        return demo.verdict()


@pytest.fixture(scope="module")
def second(first: Run, data: Path) -> Run:
    """Run again in the same folder, with another broker."""
    del first
    with Demo(EVENTS=120, POISON=0.05, DATA=data) as demo:
        return demo.verdict()


@pytest.fixture(scope="module")
def kept(second: Run, data: Path) -> Iterator[EmbeddedWarehouse]:
    """Open the warehouse that both runs left."""
    del second
    with EmbeddedWarehouse.start(data) as warehouse:
        yield warehouse


def test_every_message_is_accounted_for(first: Run) -> None:
    """It ends by itself with 0, and one object says what became of each message."""
    code, report = first
    assert code == 0, report
    assert report.keys() >= {*KEYS, "seconds"}
    assert report["produced"] == 600
    assert report["lost"] == report["duplicates"] == 0
    assert report["guarantee"] == "exactly-once"
    assert report["landed"].keys() == {"RAW_ORDERS", "RAW_INVENTORY", "RAW_EVENTS"}
    assert all(type(count) is int for count in report["landed"].values())
    assert type(report["dead_letters"]) is int
    assert sum(report["landed"].values()) + report["dead_letters"] == 600


def test_every_kind_of_broken_message_is_kept(first: Run) -> None:
    """What cannot be read and what the warehouse refuses becomes a dead letter."""
    _, report = first
    by_reason = report["dead_letters_by_reason"]
    assert by_reason.keys() == REASONS
    assert sum(by_reason.values()) == report["dead_letters"] == 30


def test_a_second_run_goes_on_in_the_same_warehouse(second: Run) -> None:
    """Its broker is a new log, and its figures are of this run only."""
    code, report = second
    assert code == 0, report
    assert report["produced"] == 120
    assert report["lost"] == report["duplicates"] == 0
    assert sum(report["landed"].values()) + report["dead_letters"] == 120


def test_both_runs_stay_in_the_kept_folder(
    kept: EmbeddedWarehouse, first: Run, second: Run
) -> None:
    """The folder holds two logs side by side, each with cursors of its own."""
    import snowflake.connector  # noqa: PLC0415 — this test only

    with snowflake.connector.connect(**kept.connection, database="WINESTREAM") as open_:
        cursor = open_.cursor()
        found = cursor.execute(
            "SELECT CLUSTER_ID, SUM(ROW_COUNT + DEAD_COUNT) FROM OPS.INGEST_LEDGER "
            "GROUP BY 1"
        ).fetchall()
        assert sorted(int(count) for _, count in found) == [120, 600]
        (logs,) = cursor.execute(
            "SELECT COUNT(DISTINCT CLUSTER_ID) FROM OPS.INGEST_CURSOR"
        ).fetchone()
        assert logs == 2
        (rows,) = cursor.execute(
            "SELECT COUNT(*) FROM (SELECT EVENT_ID FROM RAW.RAW_ORDERS UNION ALL "
            "SELECT EVENT_ID FROM RAW.RAW_INVENTORY UNION ALL "
            "SELECT EVENT_ID FROM RAW.RAW_EVENTS) AS everything"
        ).fetchone()
    landed = [sum(report["landed"].values()) for _, report in (first, second)]
    assert rows == sum(landed)
