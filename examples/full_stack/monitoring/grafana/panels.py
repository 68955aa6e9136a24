"""What dashboards are made of: panels as plain dicts in Grafana's own JSON."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

Panel = dict[str, Any]

PROMETHEUS: Final = {"type": "prometheus", "uid": "prometheus"}
LOKI: Final = {"type": "loki", "uid": "loki"}

GREEN, YELLOW, RED, BLUE = "green", "#EAB839", "red", "blue"
COLUMNS: Final = 24
"""The width of a dashboard."""

Steps = Sequence[tuple[float, str]]
CALM: Final[Steps] = ()
"""For figures that are neither good nor bad: one colour."""


def thresholds(steps: Steps, base: str = GREEN) -> dict[str, Any]:
    """From each value on its colour; `base` below the first."""
    return {
        "mode": "absolute",
        "steps": [
            {"value": None, "color": base},
            *({"value": value, "color": color} for value, color in steps),
        ],
    }


def query(expr: str, legend: str = "", *, table: bool = False) -> dict[str, Any]:
    """One PromQL. A table shows the present only."""
    return {
        "datasource": PROMETHEUS,
        "expr": " ".join(expr.split()),
        "legendFormat": legend or "__auto",
        **({"instant": True, "format": "table"} if table else {"range": True}),
    }


def rate(metric: str, *by: str, where: str = "") -> str:
    """Sum a counter's rate a second, by these labels."""
    selected = f"{metric}{{{where}}}" if where else metric
    of = f" by ({', '.join(by)})" if by else ""
    return f"sum{of} (rate({selected}[$__rate_interval]))"


def panel(  # noqa: PLR0913 — Grafana's own settings, most of them optional
    kind: str,
    title: str,
    description: str,
    unit: str,
    targets: Iterable[dict[str, Any]],
    *,
    size: tuple[int, int],
    steps: Steps = CALM,
    base: str = GREEN,
    defaults: dict[str, Any] | None = None,
    options: dict[str, Any] | None = None,
) -> Panel:
    """One panel, not placed yet."""
    width, height = size
    return {
        "type": kind,
        "title": title,
        "description": description,
        "datasource": PROMETHEUS,
        "gridPos": {"w": width, "h": height},
        "targets": [
            {"refId": chr(ord("A") + number), **target}
            for number, target in enumerate(targets)
        ],
        "fieldConfig": {
            "defaults": {
                "unit": unit,
                "thresholds": thresholds(steps, base),
                **(defaults or {}),
            },
            "overrides": [],
        },
        "options": options or {},
    }


def stat(  # noqa: PLR0913 — as above
    title: str,
    description: str,
    unit: str,
    expr: str,
    *,
    steps: Steps = CALM,
    base: str = GREEN,
    words: dict[str, str] | None = None,
    nothing: str = "no data",
    width: int = 4,
) -> Panel:
    """One large figure. `words` replace values, `nothing` an absent one."""
    defaults: dict[str, Any] = {"noValue": nothing}
    if words:
        options = {
            value: {"text": text, "index": index}
            for index, (value, text) in enumerate(words.items())
        }
        defaults["mappings"] = [{"type": "value", "options": options}]
    return panel(
        "stat",
        title,
        description,
        unit,
        [query(expr)],
        size=(width, 5),
        steps=steps,
        base=base,
        defaults=defaults,
        options={
            "reduceOptions": {"calcs": ["lastNotNull"]},
            "colorMode": "background_solid" if words else "value",
            "graphMode": "none" if words else "area",
        },
    )


def lines(
    title: str,
    description: str,
    unit: str,
    *queries: tuple[str, str],
    steps: Steps = CALM,
    width: int = 12,
    height: int = 8,
    stacked: bool = False,
) -> Panel:
    """Curves over time, each (PromQL, legend); thresholds are drawn as lines."""
    return panel(
        "timeseries",
        title,
        description,
        unit,
        [query(expr, legend) for expr, legend in queries],
        size=(width, height),
        steps=steps,
        defaults={
            "min": 0,
            "custom": {
                "fillOpacity": 15 if stacked else 5,
                "lineWidth": 2,
                "showPoints": "never",
                "stacking": {"mode": "normal" if stacked else "none"},
                "thresholdsStyle": {"mode": "dashed" if steps else "off"},
            },
        },
        options={
            "legend": {
                "displayMode": "table",
                "placement": "bottom",
                "calcs": ["last"],
            },
            "tooltip": {"mode": "multi", "sort": "desc"},
        },
    )


def bars(  # noqa: PLR0913 — as above
    title: str,
    description: str,
    unit: str,
    expr: str,
    legend: str,
    *,
    steps: Steps = CALM,
    own: Mapping[str, Steps] | None = None,
    maximum: float | None = None,
) -> Panel:
    """One bar a series, as things stand now. `own` thresholds for some, by legend."""
    made = panel(
        "bargauge",
        title,
        description,
        unit,
        [query(expr, legend)],
        size=(8, 8),
        steps=steps,
        defaults={"min": 0, **({} if maximum is None else {"max": maximum})},
        options={
            "orientation": "horizontal",
            "displayMode": "basic",
            "reduceOptions": {"calcs": ["lastNotNull"]},
        },
    )
    made["fieldConfig"]["overrides"] = [
        {
            "matcher": {"id": "byName", "options": name},
            "properties": [{"id": "thresholds", "value": thresholds(theirs)}],
        }
        for name, theirs in (own or {}).items()
    ]
    return made


def table(
    title: str, description: str, expr: str, hidden: Sequence[str], *, height: int = 8
) -> Panel:
    """Series as rows, labels as columns."""
    made = panel(
        "table",
        title,
        description,
        "none",
        [query(expr, table=True)],
        size=(COLUMNS, height),
        options={"showHeader": True},
    )
    made["transformations"] = [
        {
            "id": "organize",
            "options": {
                "excludeByName": dict.fromkeys(["Time", "Value", *hidden], True)
            },
        }
    ]
    return made


def logs(title: str, description: str, expr: str) -> Panel:
    """Lines from Loki."""
    made = panel(
        "logs",
        title,
        description,
        "none",
        [{"datasource": LOKI, "expr": expr, "queryType": "range"}],
        size=(COLUMNS, 9),
        options={"showTime": True, "wrapLogMessage": True, "enableLogDetails": True},
    )
    made["datasource"] = LOKI
    return made
