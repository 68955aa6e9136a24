"""What the commands print for people, on a terminal too narrow for it."""

from datetime import UTC, datetime

import pytest

from winestream.cli.audit_table import print_report
from winestream.cli.status_table import show
from winestream.operations.audit_report import AuditReport, PartitionReport, Standing
from winestream.operations.status import (
    Failure,
    LayerStatus,
    Status,
    StreamStatus,
    TaskStatus,
)
from winestream.records import LogPartition

NARROW = "80"
IDS = ("xFEhNHBdS5Gq8vmz15rUQg", "7kXbP0ZtQmOe3uVwYl2J9A")
TOPIC = "shop.orders.from-the-cellar-of-les-caves-d-albert.v2"
AT = datetime(2026, 1, 31, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a terminal of 80 columns."""
    monkeypatch.setenv("COLUMNS", NARROW)


def test_an_audits_table_is_never_cut(capsys: pytest.CaptureFixture[str]) -> None:
    """Every header, topic id and number stands whole in one line of its own."""
    big = 123_456_789_012
    parts = [
        PartitionReport(
            log=LogPartition("c", topic_id, TOPIC, number),
            first=0,
            cursor=big,
            rows=big,
            kafka=Standing(big, 0, big),
        )
        for number, topic_id in enumerate(IDS)
    ]
    parts.append(PartitionReport(log=LogPartition("c", IDS[1], TOPIC, 0)))
    print_report(AuditReport(pipeline="wine", tables=[], partitions=parts, findings=[]))
    out = capsys.readouterr().out
    assert "…" not in out
    lines = [line.split() for line in out.splitlines()]
    names = "first cursor rows dead gaps lost slices kafka lag"
    assert f"partition topic id {names}".split() in lines
    numbers = ["0", str(big), str(big), "0", "0", "0", "0", str(big), "0"]
    for number, topic_id in enumerate(IDS):
        assert [f"{TOPIC}[{number}]", topic_id, *numbers] in lines


def test_a_status_never_cuts_a_name(capsys: pytest.CaptureFixture[str]) -> None:
    """Names and times are whole; a long message wraps and loses nothing."""
    task = "OPS.LOAD_STAGING_ORDER_LINES_OF_THE_CELLAR_OF_LES_CAVES_D_ALBERT"
    stream = "RAW.ORDER_LINE_STREAM_OF_THE_CELLAR_OF_LES_CAVES_D_ALBERT"
    table = "RAW.RAW_ORDERS_OF_THE_CELLAR_OF_LES_CAVES_D_ALBERT"
    message = "SQL compilation error: " + "object does not exist " * 9
    show(
        Status(
            database="WINE",
            tasks=(TaskStatus(task, "started", None, "WH", "SUCCEEDED", AT),),
            streams=(StreamStatus(stream, table, stale=False, pending=True),),
            layers=(LayerStatus("RAW", AT, 1_234_567),),
            failures=(Failure(task, AT, message),),
        )
    )
    out = capsys.readouterr().out
    assert "…" not in out
    for whole in (stream, table, "SUCCEEDED", "last run", "1,234,567 s"):
        assert whole in out
    assert out.count(task) == 2
    assert out.count("2026-01-31 12:00:00+00:00") == 3
    for word in message.split():
        assert out.count(word) == message.count(word)
