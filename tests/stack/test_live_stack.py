"""A real Prometheus, Alertmanager and node_exporter on a running demo.

One stack for all of these; the tests that break something come last, and mend it.
"""

import json
import math
import os
import re
import signal
import time
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from live_stack import Live, live, until
from stack_files import metric_names, rules, system_packages, tool

from full_stack.dashboard.vitals import EXPRESSIONS
from full_stack.monitoring.grafana.make_dashboards import dashboards

pytestmark = [system_packages, pytest.mark.timeout(400)]

SECONDS = 120.0
"""Until data has come everywhere: scraped each second, two busy cores."""

VARIABLES = {"__rate_interval": "1m", "topic": ".*", "group": ".*"}

QUERIES = [
    pytest.param(target["expr"], id=f"{name}: {panel['title']} {target['refId']}")
    for name, content in dashboards().items()
    for panel in content["panels"]
    for target in panel.get("targets", ())
    if target["datasource"]["type"] == "prometheus"
]
RULES = [
    pytest.param(rule, id=rule.get("record") or rule.get("alert")) for rule in rules()
]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """Start everything once and wait until slices land and dead letters came."""
    for name in ("prometheus", "prometheus-alertmanager", "prometheus-node-exporter"):
        tool(name)
    with live(tmp_path_factory.mktemp("live")) as started:
        for sign in ("sum(rows_written_total) > 0", "sum(dead_letters_total) > 0"):
            until(f"never: {sign}", lambda e=sign: started.values(e), SECONDS)
        yield started


def filled(expression: str) -> str:
    """Put values in the place of a dashboard's variables."""
    return re.sub(r"\$\{?(\w+)\}?", lambda match: VARIABLES[match.group(1)], expression)


def assert_data(stack: Live, expression: str) -> None:
    """Wait for the query's series; none of their values is NaN or infinite."""
    deadline = time.monotonic() + SECONDS
    while not (values := stack.values(expression)):
        assert time.monotonic() < deadline, f"empty: {expression}"
        time.sleep(1)
    assert all(math.isfinite(value) for value in values), (expression, values)


def names_known(stack: Live) -> set[str]:
    """Return all metrics that Prometheus has."""
    return set(stack.api("label/__name__/values"))


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_every_question_of_the_page_has_an_answer(stack: Live, expression: str) -> None:
    """What the merchant's page asks Prometheus has data, none of it NaN."""
    assert_data(stack, expression)


def test_every_target_is_up(stack: Live) -> None:
    """All of prometheus.yml's jobs are scraped."""
    until("a target is down", lambda: 0.0 not in stack.values("up"))
    jobs = {target["labels"]["job"] for target in stack.api("targets")["activeTargets"]}
    assert jobs == {
        "consumer",
        "producer",
        "redpanda",
        "node",
        "prometheus",
        "alertmanager",
        "audit",
    }


@pytest.mark.parametrize("expression", QUERIES)
def test_every_query_of_every_dashboard_has_data(stack: Live, expression: str) -> None:
    """No panel is empty and none shows NaN, on a demo that has run for a minute."""
    query = filled(expression)
    assert_data(stack, query)
    assert not metric_names(query) - names_known(stack) - {"ALERTS"}


def test_every_variable_of_every_dashboard_has_values(stack: Live) -> None:
    """A choice that is offered has something to choose from."""
    for content in dashboards().values():
        for variable in content["templating"]["list"]:
            query = re.fullmatch(
                r"label_values\((.+), (\w+)\)", variable["query"]["query"]
            )
            assert query
            given = stack.api(f"label/{query[2]}/values", **{"match[]": query[1]})
            assert given, variable["name"]


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_runs_on_data(stack: Live, rule: Mapping[str, Any]) -> None:
    """A recorded name has data; an alert asks for metrics that exist and evaluates."""
    if "record" in rule:
        assert_data(stack, rule["record"])
        return
    stack.values(rule["expr"])
    for name in metric_names(rule["expr"]):
        # Of every metric an alert waits for there is a series now.
        assert_data(stack, name)


def test_prometheus_evaluates_every_rule(stack: Live) -> None:
    """No rule's last evaluation failed."""
    groups = stack.api("rules")["groups"]
    found = {rule["name"]: rule for group in groups for rule in group["rules"]}
    assert found.keys() == {rule.get("record") or rule.get("alert") for rule in rules()}
    for rule in found.values():
        assert rule["health"] == "ok", rule.get("lastError")


def test_the_brokers_figures_agree_with_the_processes(stack: Live) -> None:
    """What the broker counts is what the producer handed over, and is committed."""
    produced = 'sum(events_produced_total{job="producer"})'
    until(
        "nothing was committed",
        lambda: (
            stack.values("sum(redpanda_kafka_consumer_group_committed_offset)")[0] > 0
        ),
    )
    at_broker = stack.values("sum(redpanda_kafka_records_produced_total)")[0]
    handed_over = stack.values(produced)[0]
    # Counted in fifties by one, and not at the same moment: within some seconds' worth.
    assert abs(at_broker - handed_over) <= 50 + 40 * 10


def test_a_dead_consumer_is_heard_of_everywhere_and_resolves(stack: Live) -> None:
    """ConsumerDown reaches PagerDuty, Slack and the webhook, and its end does too."""
    os.kill(stack.demo.consumer.pid, signal.SIGKILL)
    until("ConsumerDown does not fire", lambda: "ConsumerDown" in stack.firing())
    caught = stack.sinks
    until("no page", lambda: _pages(caught.pagerduty, "trigger"))
    until("no message", lambda: _mentions(caught.slack, "FIRING", "ConsumerDown"))
    until("no webhook", lambda: _hooks(caught.webhook, "firing", "ConsumerDown"))
    # The consumer's own series are gone; the broker's figures are not.
    until("its series stay", lambda: not stack.values("kafka_lag_messages"))
    assert_data(stack, "sum(consumer_group_lag)")
    stack.demo.consumer.restart()
    until("no end of the page", lambda: _pages(caught.pagerduty, "resolve"))
    until("no good news", lambda: _mentions(caught.slack, "RESOLVED", "ConsumerDown"))
    until("no end", lambda: _hooks(caught.webhook, "resolved", "ConsumerDown"))
    assert "ConsumerDown" not in stack.firing()


def test_rows_that_are_gone_are_heard_of_and_so_is_their_return(stack: Live) -> None:
    """AuditFailed pages who is on call; put back, the audit adds up again."""
    until("the audit is not made", lambda: stack.values("min(audit_ok)") == [1.0])
    with stack.demo.connect() as connection:
        cursor = connection.cursor()
        # Of a slice that landed long ago, for the consumer is writing meanwhile.
        some = "WHERE KAFKA_PARTITION = 0 AND KAFKA_OFFSET BETWEEN 1 AND 3"
        cursor.execute(
            f"CREATE TABLE RAW.KEPT AS SELECT * FROM RAW.RAW_INVENTORY {some}"
        )
        cursor.execute("SELECT COUNT(*) FROM RAW.KEPT")
        (kept,) = cursor.fetchone()
        assert kept > 0
        cursor.execute(f"DELETE FROM RAW.RAW_INVENTORY {some}")
        until("AuditFailed does not fire", lambda: "AuditFailed" in stack.firing())
        assert stack.values("sum(audit_offending)")[0] >= 1
        caught = stack.sinks
        until("no webhook", lambda: _hooks(caught.webhook, "firing", "AuditFailed"))
        until("no message", lambda: _mentions(caught.slack, "FIRING", "AuditFailed"))
        cursor.execute("INSERT INTO RAW.RAW_INVENTORY SELECT * FROM RAW.KEPT")
        cursor.execute("DROP TABLE RAW.KEPT")
    until("no end", lambda: _hooks(caught.webhook, "resolved", "AuditFailed"))
    assert stack.values("min(audit_ok)") == [1.0]


def test_a_warning_is_mailed_and_resolves(stack: Live) -> None:
    """MonitoringTargetDown comes by e-mail and Slack, and so does its end."""
    stack.node.stop()
    alert = "MonitoringTargetDown"
    until("no mail", lambda: _mailed(stack.sinks.mail, "[FIRING:", alert))
    until("no message", lambda: _mentions(stack.sinks.slack, "FIRING", alert))
    pages = json.dumps(stack.sinks.pagerduty)
    assert alert not in pages, "a warning pages nobody"
    stack.node.restart()
    until("no end", lambda: _mailed(stack.sinks.mail, "[RESOLVED]", alert))
    until("no good news", lambda: _mentions(stack.sinks.slack, "RESOLVED", alert))


def _pages(sent: list[Any], action: str) -> bool:
    return any(
        page["event_action"] == action and page["routing_key"] == "0" * 32
        for page in list(sent)
    )


def _mentions(sent: list[Any], state: str, alert: str) -> bool:
    return any(
        state in message["attachments"][0]["title"]
        and alert in message["attachments"][0]["text"]
        for message in list(sent)
    )


def _hooks(sent: list[Any], state: str, alert: str) -> bool:
    return any(
        each["labels"]["alertname"] == alert and each["status"] == state
        for message in list(sent)
        for each in message["alerts"]
    )


def _mailed(sent: list[str], state: str, alert: str) -> bool:
    return any(state in mail and alert in mail for mail in list(sent))
