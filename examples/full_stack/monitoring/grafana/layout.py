"""Puts panels onto a dashboard, in Grafana's own JSON."""

from collections.abc import Iterable
from typing import Any

from full_stack.monitoring.grafana.panels import COLUMNS, PROMETHEUS, RED, Panel


def variable(name: str, label: str, values: str) -> dict[str, Any]:
    """Offer several values to choose from; all of them to begin with."""
    return {
        "type": "query",
        "name": name,
        "label": label,
        "datasource": PROMETHEUS,
        "query": {"query": values, "refId": "values"},
        "refresh": 2,
        "multi": True,
        "includeAll": True,
        "allValue": ".*",
        "current": {"text": ["All"], "value": ["$__all"]},
        "sort": 1,
    }


def dashboard(
    uid: str,
    title: str,
    description: str,
    rows: Iterable[tuple[str, Iterable[Panel]]],
    variables: Iterable[dict[str, Any]] = (),
) -> dict[str, Any]:
    """Place the panels from left to right, below a heading for each row."""
    placed: list[Panel] = []
    top = 0
    for heading, panels in rows:
        placed.append(
            {
                "type": "row",
                "title": heading,
                "collapsed": False,
                "panels": [],
                "gridPos": {"x": 0, "y": top, "w": COLUMNS, "h": 1},
            }
        )
        top += 1
        left = tallest = 0
        for each in panels:
            grid = each["gridPos"]
            if left + grid["w"] > COLUMNS:
                top, left, tallest = top + tallest, 0, 0
            placed.append({**each, "gridPos": {"x": left, "y": top, **grid}})
            left += grid["w"]
            tallest = max(tallest, grid["h"])
        top += tallest
    for number, each in enumerate(placed, start=1):
        each["id"] = number
    return {
        "uid": uid,
        "title": title,
        "description": description,
        "tags": ["caves-albert"],
        "timezone": "browser",
        "schemaVersion": 41,
        "version": 1,
        "editable": False,
        "graphTooltip": 1,
        "refresh": "15s",
        "time": {"from": "now-1h", "to": "now"},
        "links": [
            {
                "type": "dashboards",
                "title": "Les Caves d'Albert",
                "tags": ["caves-albert"],
                "asDropdown": True,
                "keepTime": True,
            }
        ],
        "annotations": {
            "list": [
                {
                    "name": "Critical alerts",
                    "datasource": PROMETHEUS,
                    "enable": True,
                    "iconColor": RED,
                    "expr": 'ALERTS{alertstate="firing", severity="critical"}',
                    "titleFormat": "{{alertname}}",
                }
            ]
        },
        "templating": {"list": list(variables)},
        "panels": placed,
    }
