"""Grafana's dashboards as files; their queries are run in test_live_stack.py."""

import json
from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Any

import pytest
from stack_files import MONITORING, metric_names, read, rules

from full_stack.monitoring.grafana.make_dashboards import FOLDER, dashboards

GRAFANA = MONITORING / "grafana"
MADE = dashboards()
PANELS = [
    pytest.param(name, panel, id=f"{name}: {panel['title']}")
    for name, content in MADE.items()
    for panel in content["panels"]
    if panel["type"] != "row"
]
each_panel = pytest.mark.parametrize(("name", "panel"), PANELS)


def _boxes(content: Mapping[str, Any]) -> Iterator[tuple[int, int, int, int]]:
    for panel in content["panels"]:
        grid = panel["gridPos"]
        yield grid["x"], grid["y"], grid["x"] + grid["w"], grid["y"] + grid["h"]


def test_the_files_are_up_to_date() -> None:
    """What is committed is what make_dashboards.py makes."""
    there = {file.name: json.loads(file.read_text()) for file in FOLDER.glob("*")}
    assert there == MADE


def test_the_dashboards_are_those_of_the_source() -> None:
    """Four of the source document's, and one that answers the question."""
    assert {content["title"] for content in MADE.values()} == {
        "Consumer Performance",
        "Kafka Metrics",
        "System Resources",
        "Alerts",
        "Is anything lost?",
    }


@each_panel
def test_a_panel_explains_itself(name: str, panel: Mapping[str, Any]) -> None:
    """It has a title, a description in sentences, a unit, thresholds and a query."""
    assert panel["title"], name
    assert panel["description"].endswith(".")
    defaults = panel["fieldConfig"]["defaults"]
    assert defaults["unit"]
    steps = defaults["thresholds"]["steps"]
    assert steps[0]["value"] is None
    values = [step["value"] for step in steps[1:]]
    assert values == sorted(set(values))
    assert panel["targets"]


@each_panel
def test_a_panel_asks_a_datasource_that_is_provisioned(
    name: str, panel: Mapping[str, Any]
) -> None:
    """Each query names its datasource by the uid that Grafana is given."""
    config = read(GRAFANA / "provisioning" / "datasources" / "datasources.yml")
    known = {source["uid"]: source["type"] for source in config["datasources"]}
    for target in panel["targets"]:
        uid = target["datasource"]["uid"]
        assert known[uid] == target["datasource"]["type"], name


@pytest.mark.parametrize("name", MADE)
def test_panels_do_not_overlap(name: str) -> None:
    """Each has an id and a place of its own within 24 columns."""
    content = MADE[name]
    ids = [panel["id"] for panel in content["panels"]]
    assert len(ids) == len(set(ids))
    boxes = list(_boxes(content))
    assert all(right <= 24 for _, _, right, _ in boxes)
    for one, other in combinations(boxes, 2):
        apart = (
            one[2] <= other[0]
            or other[2] <= one[0]
            or one[3] <= other[1]
            or other[3] <= one[1]
        )
        assert apart


@pytest.mark.parametrize("name", MADE)
def test_variables_are_declared_and_used(name: str) -> None:
    """Each `$name` of a query is a variable or Grafana's own, with =~ before it."""
    content = MADE[name]
    declared = {variable["name"] for variable in content["templating"]["list"]}
    text = " ".join(
        target["expr"]
        for panel in content["panels"]
        for target in panel.get("targets", ())
    )
    used = {part.split('"')[0].split("]")[0] for part in text.split("$")[1:]}
    assert used - {"__rate_interval"} == declared
    for variable in declared:
        assert f'="${variable}"' not in text.replace("=~", "~")


def test_recorded_names_of_the_source_are_shown() -> None:
    """Every name that a recording rule gives is on a dashboard, or behind an alert."""
    shown = {
        metric
        for _, panel in (param.values for param in PANELS)
        for target in panel["targets"]
        for metric in metric_names(target["expr"])
    }
    asked = {m for rule in rules() for m in metric_names(rule["expr"])}
    recorded = {rule["record"] for rule in rules() if "record" in rule}
    assert recorded <= shown | asked


def test_provisioning_finds_the_dashboards() -> None:
    """The provider reads the folder that compose.yaml mounts."""
    (provider,) = read(GRAFANA / "provisioning" / "dashboards" / "dashboards.yml")[
        "providers"
    ]
    assert provider["options"]["path"] == "/etc/grafana/dashboards"
    assert provider["allowUiUpdates"] is False
