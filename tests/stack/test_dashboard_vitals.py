import http.server
import json
import threading
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest

from full_stack.dashboard import breaking
from full_stack.dashboard.desk import AuditDesk
from full_stack.dashboard.settings import Settings
from full_stack.dashboard.vitals import NOBODY, Monitor, Pages, Prometheus
from winestream.errors import ConfigurationError
from winestream.operations.audit_report import AuditReport

CONSUMER = """\
events_processed_total{{event_type="ORDER_CREATED"}} {written}
rows_written_total{{table="RAW_ORDERS"}} {written}
kafka_lag_messages{{topic="wine.orders",partition="0"}} 3
kafka_lag_messages{{topic="wine.orders",partition="1"}} 4
sink_outage 1
"""


@contextmanager
def serve(answers: dict[str, str], heard: list[str]) -> Iterator[str]:
    """Answer paths, and the query parameter of Prometheus' API, on loopback."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def _answer(self) -> None:
            url = urllib.parse.urlparse(self.path)
            query = urllib.parse.parse_qs(url.query).get("query", [""])[0]
            heard.append(f"{self.command} {query or url.path}")
            body = answers.get(query) or answers.get(url.path)
            self.send_response(200 if body is not None else 404)
            self.end_headers()
            self.wfile.write((body or "").encode())

        do_GET = do_POST = _answer  # noqa: N815 — the server's names

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


def test_pages_give_counts_and_their_own_history() -> None:
    """Rates come from two looks; a counter that fell was started again from 0."""
    now, written = 1000.0, 0

    def get(url: str) -> str:
        if url == "gone":
            raise ConnectionError
        return CONSUMER.format(written=written)

    pages = Pages(["consumer", "gone"], get=get, clock=lambda: now)
    pages.look()
    now, written = 1030.0, 60
    seen = pages.look()
    assert seen.history[-1].written_rate == pytest.approx(2.0)
    assert (seen.written, seen.lag, seen.outage) == (60, 7, True)
    assert seen.lag_by_topic == {"wine.orders": 7}
    assert seen.produced is None  # nobody told: not 0
    now, written = 1060.0, 30
    assert pages.look().history[-1].written_rate == pytest.approx(1.0)
    now = 5000.0
    assert len(pages.look().history) == 1  # what is older than the window is gone


def test_prometheus_is_asked_first_and_pages_when_it_is_away() -> None:
    """A part that is missing takes only its own figures away."""
    answers = {
        "sum(kafka_lag_messages)": json.dumps(
            {"data": {"result": [{"metric": {}, "value": [0, "5"], "values": []}]}}
        ),
        "/api/v1/query": '{"data": {"result": []}}',
        "/api/v1/query_range": '{"data": {"result": []}}',
    }
    with serve(answers, []) as url:
        seen = Monitor([Prometheus(url)]).look()
        assert (seen.source, seen.lag, seen.produced) == ("Prometheus", 5, None)
    pages = Pages(["x"], get=lambda _: CONSUMER.format(written=1))
    assert Monitor([Prometheus(url), pages]).look().source == "metrics pages"
    assert Monitor([Prometheus(url)]).look() is NOBODY


def test_the_breaking_control_is_asked_and_told() -> None:
    """Only what it names can be broken; the newest event comes first."""
    events = [{"at": f"2026-11-27T23:00:0{n}+00:00", "what": str(n)} for n in range(2)]
    state = json.dumps({"targets": ["consumer"], "events": events})
    heard: list[str] = []
    with serve({"/state": state, "/break/consumer": "{}"}, heard) as url:
        control = breaking.look(url)
        assert control is not None
        assert control.targets == ("consumer",)
        assert [each.what for each in control.happened] == ["1", "0"]
        assert control.happened[0].at == datetime(2026, 11, 27, 23, 0, 1, tzinfo=UTC)
        assert breaking.break_it(url, "consumer")
        assert not breaking.break_it(url, "moon")
    assert "POST /break/consumer" in heard
    assert breaking.look(url) is None


def test_the_audit_is_made_beside_the_visitors() -> None:
    """A failing audit keeps the last report and says why there is no newer one."""
    report = AuditReport(pipeline="p", tables=[], partitions=[], findings=[])
    answers: list[AuditReport | Exception] = [report, OSError("secret")]
    made = threading.Event()

    def make() -> AuditReport:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            made.set()
            raise answer
        return answer

    desk = AuditDesk(make, every=0.0, first_wait=30)
    first = desk.latest()
    assert (first.report, first.trouble) == (report, None)
    desk._every = 3600.0
    with desk._lock:
        desk._begun = float("-inf")
    desk.latest()
    assert made.wait(30)
    while (later := desk.latest()).trouble is None:
        pass
    assert later.report is report
    assert later.trouble == "the warehouse does not answer"


def test_settings_say_which_variable_is_wrong() -> None:
    """An account is looked at once a minute: each look wakes its warehouse."""
    embedded = {
        "WINESTREAM_EMBEDDED_WAREHOUSE": json.dumps(
            {"account": "a", "user": "u", "password": "p", "host": "h", "port": 1}
        )
    }
    told = Settings.read(
        {**embedded, "WINESTREAM_METRICS_URLS": "http://a/, ,http://b"}
    )
    assert told.metrics == ("http://a/", "http://b")
    assert (told.refresh.total_seconds(), told.place) == (5, ("h", 1))
    account = {
        "WINESTREAM_SNOWFLAKE_ACCOUNT": "a",
        "WINESTREAM_SNOWFLAKE_USER": "u",
        "WINESTREAM_SNOWFLAKE_PASSWORD": "p",
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in account.items():
            patch.setenv(name, value)
        real = Settings.read(account)
    assert (real.refresh.total_seconds(), real.place) == (60, None)
    assert real.arguments()["session_parameters"]["QUERY_TAG"] == "winestream-dashboard"
    with pytest.raises(ConfigurationError, match="WINESTREAM_DASHBOARD_REFRESH"):
        Settings.read({**embedded, "WINESTREAM_DASHBOARD_REFRESH_SECONDS": "0"})
    with pytest.raises(ConfigurationError, match="not JSON"):
        Settings.read({"WINESTREAM_EMBEDDED_WAREHOUSE": "{"})
