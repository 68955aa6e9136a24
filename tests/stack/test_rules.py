"""Prometheus' rules and Alertmanager's routes, without any process running."""

import re
from collections.abc import Mapping
from typing import Any

import pytest
from stack_files import (
    MONITORING,
    PROMETHEUS,
    ROOT,
    RUNBOOKS,
    metric_names,
    read,
    rules,
    run,
    system_packages,
    tool,
)

ALERTS = [rule for rule in rules() if "alert" in rule]
RECORDED = {rule["record"] for rule in rules() if "record" in rule}
TESTS = sorted((PROMETHEUS / "tests").glob("*.yml"))
ALERTMANAGER = MONITORING / "alertmanager" / "alertmanager.yml"

EXPOSED = {
    "events_consumed_total",
    "events_processed_total",
    "batch_processing_seconds",
    "batch_size_events",
    "kafka_lag_messages",
    "events_produced_total",
    "producer_latency_ms",
}
"""The source's names that come from our processes under those names."""

RECORDED_NAMES = {
    "snowflake_insert_errors",
    "event_type_counter",
    "kafka_broker_health",
    "partition_count",
    "consumer_group_lag",
    "message_throughput",
    "cpu_usage_percent",
    "memory_usage_mb",
    "disk_io_operations",
    "network_bytes_sent",
}
"""The source's names that recording rules give."""

each_alert = pytest.mark.parametrize("alert", ALERTS, ids=lambda rule: rule["alert"])


def test_every_name_of_the_source_exists() -> None:
    """All of its metrics are exposed or recorded, and none is both."""
    assert RECORDED_NAMES <= RECORDED
    assert not EXPOSED & RECORDED


@system_packages
def test_the_configuration_is_valid() -> None:
    """Promtool accepts prometheus.yml and its rules, amtool alertmanager.yml."""
    said = run(tool("promtool"), "check", "config", PROMETHEUS / "prometheus.yml")
    assert "SUCCESS" in said
    run(tool("promtool"), "check", "rules", *(PROMETHEUS / "rules").glob("*.yml"))
    run(tool("amtool"), "check-config", ALERTMANAGER)


@system_packages
@pytest.mark.parametrize("file", TESTS, ids=lambda file: file.stem)
def test_alerts_fire_when_they_should(file: Any) -> None:
    """Promtool's unit tests of the alerts pass."""
    assert "SUCCESS" in run(tool("promtool"), "test", "rules", file)


@each_alert
def test_each_alert_has_a_unit_test_that_fires_it(alert: Mapping[str, Any]) -> None:
    """An alert nobody has seen firing is a hope."""
    fired = {
        case["alertname"]
        for file in TESTS
        for test in read(file)["tests"]
        for case in test.get("alert_rule_test", ())
        if case.get("exp_alerts")
    }
    assert alert["alert"] in fired


@each_alert
def test_each_alert_says_what_to_do(alert: Mapping[str, Any]) -> None:
    """It has a severity, a component, a summary, and a runbook that names it."""
    assert alert["labels"]["severity"] in ("critical", "warning")
    assert alert["labels"]["component"]
    assert alert["annotations"]["summary"]
    assert alert["annotations"]["description"]
    runbook = ROOT / alert["annotations"]["runbook"]
    text = runbook.read_text(encoding="utf-8")
    assert alert["alert"] in text.splitlines()[0]
    for heading in ("**Means:**", "## Do\n", "## Over when"):
        assert heading in text, heading
    assert f"`{alert['alert']}`" in (RUNBOOKS / "README.md").read_text(encoding="utf-8")


def test_each_runbook_has_an_alert() -> None:
    """No page is left over from an alert that is gone."""
    named = {alert["annotations"]["runbook"] for alert in ALERTS}
    there = {
        str(page.relative_to(ROOT))
        for page in RUNBOOKS.glob("*.md")
        if page.name != "README.md"
    }
    assert named == there


@each_alert
def test_lag_and_progress_do_not_depend_on_the_consumer(
    alert: Mapping[str, Any],
) -> None:
    """Alerts on lag use the broker's figures: the consumer's end with the consumer."""
    assert "kafka_lag_messages" not in metric_names(alert["expr"])


def test_no_alert_waits_longer_than_its_objective_allows() -> None:
    """Whoever is paged is paged within minutes."""
    for alert in ALERTS:
        minutes = int(alert.get("for", "0m").removesuffix("m"))
        assert minutes <= (2 if alert["labels"]["severity"] == "critical" else 10) or (
            alert["alert"] == "DeadLettersMany"
        )


@system_packages
@pytest.mark.parametrize(
    ("labels", "receiver"),
    [("severity=critical", "on-call"), ("severity=warning", "office")],
)
def test_alerts_reach_whom_they_should(labels: str, receiver: str) -> None:
    """Amtool routes critical to the one on call, the rest to the office."""
    said = run(
        tool("amtool"),
        "config",
        "routes",
        "test",
        f"--config.file={ALERTMANAGER}",
        f"--verify.receivers={receiver}",
        labels,
    )
    assert receiver in said


def test_every_way_of_the_source_has_a_receiver() -> None:
    """E-mail, Slack and PagerDuty, each with a resolution, each secret from a file."""
    config = read(ALERTMANAGER)
    ways = {
        key: way
        for receiver in config["receivers"]
        for key, given in receiver.items()
        if key != "name"
        for way in given
    }
    assert ways.keys() == {"email_configs", "slack_configs", "pagerduty_configs"}
    assert all(way["send_resolved"] for way in ways.values())
    text = ALERTMANAGER.read_text(encoding="utf-8")
    for setting in ("auth_password", "api_url", "routing_key"):
        assert re.search(rf"{setting}_file: /run/secrets/", text)
        assert not re.search(rf"{setting}: ", text)


def test_inhibitions_name_alerts_that_exist() -> None:
    """A rule that keeps something quiet matches it, and its cause is critical."""
    names = {alert["alert"]: alert for alert in ALERTS}
    for rule in read(ALERTMANAGER)["inhibit_rules"]:
        (source,) = rule["source_matchers"]
        cause = source.split("=")[1].strip('"')
        assert cause in names
        (target,) = rule["target_matchers"]
        pattern = target.split("=", 1)[1].removeprefix("~").strip('"')
        for alternative in pattern.split("|"):
            matched = [name for name in names if re.fullmatch(alternative, name)]
            assert matched, alternative
            assert cause not in matched
