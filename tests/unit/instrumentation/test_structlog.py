import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import attrs
import pytest
import structlog
from structlog.testing import CapturingLogger

from winestream.errors import ConfigurationError
from winestream.instrumentation.structlog import (
    StructlogHook,
    configure_json_logging,
)
from winestream.records import Freshness, Guarantee, LogPartition
from winestream.telemetry import (
    KafkaCommitted,
    OutageChanged,
    PartitionsReleased,
    Progress,
    RunsPolled,
    SinkOpened,
    SinkStopped,
    SliceWritten,
    Telemetry,
    WriteFailed,
)

Line = dict[str, Any]


class Log:
    """Collects what a hook logs, as (level, event, fields)."""

    def __init__(self) -> None:
        capturing = CapturingLogger()
        self._calls = capturing.calls
        self.hook = StructlogHook(
            structlog.wrap_logger(
                capturing,
                processors=[structlog.processors.add_log_level],
                wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG),
            )
        )

    @property
    def lines(self) -> list[Line]:
        return [call.kwargs for call in self._calls]

    @property
    def brief(self) -> list[tuple[str, str]]:
        return [(line["level"], line["event"]) for line in self.lines]


@pytest.fixture
def log() -> Log:
    """Return a fresh log and the hook that writes to it."""
    return Log()


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """Return the stream that JSON logging is configured to; undone afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    out = io.StringIO()
    configure_json_logging("INFO", out)
    yield out
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def _parsed(stream: io.StringIO) -> list[Line]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_every_telemetry_value_is_taken(log: Log, one_of_each: list[Telemetry]) -> None:
    """Each has its line or lines, at its level, under the field's own words."""
    for value in one_of_each:
        log.hook(value)
    assert log.brief == [
        ("info", "configuration"),
        ("info", "connect"),
        ("info", "subscribe"),
        ("warning", "retry"),
        ("info", "claim"),
        ("warning", "retry"),
        ("debug", "pause"),
        ("warning", "retry"),
        ("critical", "outage"),
        ("info", "write"),
        ("warning", "dead-letters"),
        ("warning", "recovery"),
        ("debug", "resume"),
        ("warning", "commit"),
        ("info", "release"),
        ("warning", "lost"),
        ("info", "shutdown"),
    ]


def test_nothing_of_a_payload_is_logged(log: Log, one_of_each: list[Telemetry]) -> None:
    """Event types come from payloads, so not even they appear."""
    for value in one_of_each:
        log.hook(value)
    assert "canary" not in str(log.lines)


def test_polls_and_progress_are_silent(log: Log) -> None:
    """What happens many times a second is counted, not logged."""
    log.hook(RunsPolled({"wine.orders": 100}))
    log.hook(Progress({}, 0, 0, None))
    assert log.lines == []


def test_a_slice_is_one_line(log: Log, written: SliceWritten) -> None:
    """However many rows it has; a second line only for dead letters."""
    log.hook(attrs.evolve(written, dead_letters={}, first_dead=()))
    assert log.lines == [
        {
            "event": "write",
            "level": "info",
            "slice_id": "owner/1",
            "ranges": {"wine.orders[0]": [10, 18]},
            "rows": {"RAW_ORDERS": 4, "RAW_EVENTS": 1},
            "dead_letters": 0,
            "payload_bytes": 2048,
            "seconds": 0.3,
            "attempts": 2,
            "after_doubt": False,
        }
    ]


def test_dead_letters_are_one_line_a_slice(log: Log, written: SliceWritten) -> None:
    """Counts by reason and the first coordinates: enough to find them."""
    log.hook(written)
    assert log.lines[1] == {
        "event": "dead-letters",
        "level": "warning",
        "slice_id": "owner/1",
        "reasons": {"malformed-json": 2, "naive-time": 1},
        "first": ["wine.orders[0]@12", "wine.orders[0]@14"],
    }


def test_a_late_slice_is_one_more_line(log: Log, written: SliceWritten) -> None:
    """One in time says how long its first message waited, and nothing else."""
    plain = attrs.evolve(written, dead_letters={}, first_dead=())
    log.hook(attrs.evolve(plain, freshness=Freshness(30.0, 29.0, 1.0)))
    log.hook(attrs.evolve(plain, freshness=Freshness(30.0, 31.5, 1.0)))
    assert log.brief == [("info", "write"), ("info", "write"), ("warning", "late")]
    assert [line["waited"] for line in log.lines] == [29.0, 31.5, 31.5]
    assert (log.lines[2]["objective"], log.lines[2]["expected"]) == (30.0, 1.0)


def test_an_outage_is_critical_once(log: Log) -> None:
    """However long it lasts; its end is told once, and the next one anew."""
    for active in (False, True, True, False, False, True):
        log.hook(OutageChanged(active=active, error="000625"))
    assert log.brief == [
        ("critical", "outage"),
        ("warning", "recovery"),
        ("critical", "outage"),
    ]


@pytest.mark.parametrize(
    ("stopped", "level"),
    [
        (SinkStopped(0), "info"),
        (SinkStopped(5), "error"),
        (SinkStopped(0, "no such table"), "error"),
    ],
)
def test_a_bad_end_is_an_error(log: Log, stopped: SinkStopped, level: str) -> None:
    """Rows left behind or a reason make the last line an error."""
    log.hook(stopped)
    assert log.brief == [(level, "shutdown")]


def test_abandoned_rows_and_refused_commits_are_warnings(
    log: Log, partitions: tuple[LogPartition, LogPartition]
) -> None:
    """The same words at a higher level when something went wrong."""
    log.hook(PartitionsReleased(frozenset(partitions), 7))
    log.hook(KafkaCommitted({partitions[0]: 3}, {}))
    assert log.brief == [("warning", "release"), ("info", "commit")]
    assert log.lines[0]["partitions"] == ["wine.orders[0]", "wine.orders[1]"]


def test_lines_carry_the_pipeline_once_it_is_known(log: Log) -> None:
    """Two sinks in one process can be told apart."""
    log.hook(SinkOpened("wine", "owner-1", Guarantee.AT_LEAST_ONCE, {"a": "b"}))
    log.hook(WriteFailed("owner-1/4", "unknown", "timeout", 3))
    assert all(line["pipeline"] == "wine" for line in log.lines)
    assert [line["owner"] for line in log.lines] == ["owner-1"] * 3
    assert log.lines[0]["settings"] == {"a": "b"}
    assert log.lines[1]["guarantee"] == "at-least-once"
    assert log.lines[2]["kind"] == "unknown"


def test_lines_are_json_objects(
    stream: io.StringIO, one_of_each: list[Telemetry]
) -> None:
    """Each line parses by itself, has level and UTC time, and no debug slips in."""
    hook = StructlogHook()
    for value in one_of_each:
        hook(value)
    lines = _parsed(stream)
    assert [line["event"] for line in lines][:3] == [
        "configuration",
        "connect",
        "subscribe",
    ]
    assert {line["level"] for line in lines} == {"info", "warning", "critical"}
    assert all(line["timestamp"].endswith("Z") for line in lines)
    assert "canary" not in stream.getvalue()


def test_tracebacks_hold_no_local_variables(stream: io.StringIO) -> None:
    """A secret in a frame stays there, in structlog's lines and in logging's."""

    def fail() -> None:
        password = "canary-" + "secret"
        raise ValueError(len(password))

    for logger in (structlog.get_logger(), logging.getLogger("some.library")):
        try:
            fail()
        except ValueError:
            logger.exception("failed")
    first, second = _parsed(stream)
    for line in (first, second):
        assert line["event"] == "failed"
        assert line["exception"][0]["exc_type"] == "ValueError"
        assert line["exception"][0]["frames"][-1]["name"] == "fail"
    assert second["logger"] == "some.library"
    assert "canary" not in stream.getvalue()


def test_other_libraries_log_from_warning_up(stream: io.StringIO) -> None:
    """A driver's DEBUG and INFO lines, which may hold parameters, are not written."""
    driver = logging.getLogger("some.driver")
    driver.debug("binding canary")
    driver.info("binding canary")
    driver.warning("slow %s", "answer")
    (line,) = _parsed(stream)
    assert (line["event"], line["level"]) == ("slow answer", "warning")


def test_a_debug_level_does_not_open_other_libraries(stream: io.StringIO) -> None:
    """DEBUG is for winestream's lines alone."""
    configure_json_logging("debug", stream)
    logging.getLogger("some.driver").info("canary")
    structlog.get_logger().debug("pause")
    assert [line["event"] for line in _parsed(stream)] == ["pause"]


def test_an_unknown_level_is_refused() -> None:
    """The message says what may be given."""
    with pytest.raises(ConfigurationError, match=r"'LOUD'.*INFO"):
        configure_json_logging("LOUD")


def test_without_a_stream_lines_go_to_stderr(
    stream: io.StringIO, capsys: pytest.CaptureFixture[str]
) -> None:
    """Standard output stays free for a program's own result."""
    configure_json_logging()
    structlog.get_logger().info("connect")
    captured = capsys.readouterr()
    assert json.loads(captured.err)["event"] == "connect"
    assert (captured.out, stream.getvalue()) == ("", "")
