"""Prometheus' configuration without containers: only what runs, where it runs."""

from pathlib import Path

from full_stack.native_monitoring import (
    ALERTMANAGER,
    AUDIT,
    PROMETHEUS,
    prometheus_config,
    read,
)

CONSUMER = "consumer:8000"


def test_what_does_not_run_is_left_out(tmp_path: Path) -> None:
    """Jobs without an address are gone, and so are alerts' ways; rules stay whole."""
    addresses = {CONSUMER: "127.0.0.1:1", AUDIT: "127.0.0.1:2"}
    config = read(prometheus_config(tmp_path, addresses, every="2s"))
    jobs = {
        job["job_name"]: job["static_configs"][0]["targets"]
        for job in config["scrape_configs"]
    }
    assert jobs == {"consumer": ["127.0.0.1:1"], "audit": ["127.0.0.1:2"]}
    assert "alerting" not in config
    assert config["global"]["scrape_interval"] == "2s"
    for file in (PROMETHEUS / "rules").glob("*.yml"):
        assert read(tmp_path / "rules" / file.name) == read(file)


def test_alerts_wait_as_long_as_asked(tmp_path: Path) -> None:
    """Only those that wait at all; Alertmanager is where it was said to be."""
    addresses = {ALERTMANAGER: "127.0.0.1:3"}
    made = prometheus_config(tmp_path, addresses, every="1s", patience="3s")
    (way,) = read(made)["alerting"]["alertmanagers"]
    assert way["static_configs"] == [{"targets": ["127.0.0.1:3"]}]
    before = _waits(PROMETHEUS / "rules" / "alerts.yml")
    after = _waits(tmp_path / "rules" / "alerts.yml")
    assert before.keys() == after.keys()
    assert {alert for alert, wait in before.items() if wait} == {
        alert for alert, wait in after.items() if wait == "3s"
    }


def _waits(file: Path) -> dict[str, str | None]:
    rules = [rule for group in read(file)["groups"] for rule in group["rules"]]
    return {rule["alert"]: rule.get("for") for rule in rules}
