"""*System Resources* and *Alerts*."""

from typing import Any

from full_stack.monitoring.grafana.layout import dashboard
from full_stack.monitoring.grafana.panels import (
    COLUMNS,
    GREEN,
    RED,
    YELLOW,
    bars,
    lines,
    rate,
    stat,
    table,
)

_LOAD = """
sum by (instance) (node_load1)
  / count by (instance) (node_cpu_seconds_total{mode="idle"})
"""


def system() -> dict[str, Any]:
    """Make *System Resources*."""
    return dashboard(
        "system",
        "System Resources",
        "The machine, from node_exporter.",
        [
            (
                "Processor and memory",
                [
                    lines(
                        "CPU",
                        "cpu_usage_percent: all cores together.",
                        "percent",
                        ("cpu_usage_percent", "{{instance}}"),
                        steps=[(80, YELLOW), (95, RED)],
                    ),
                    lines(
                        "Memory in use",
                        "memory_usage_mb, and what there is.",
                        "decmbytes",
                        ("memory_usage_mb", "in use"),
                        ("node_memory_MemTotal_bytes / 1e6", "installed"),
                    ),
                    lines(
                        "Load",
                        "Processes that run or want to, a core. Above 1 they queue.",
                        "short",
                        (
                            _LOAD,
                            "{{instance}}",
                        ),
                        steps=[(1, YELLOW), (2, RED)],
                        width=COLUMNS,
                        height=6,
                    ),
                ],
            ),
            (
                "Disks and network",
                [
                    bars(
                        "Disk in use",
                        "By file system. An alert comes at 85 % and at 95 %.",
                        "percentunit",
                        "1 - filesystem_free:ratio",
                        "{{mountpoint}}",
                        steps=[(0.85, YELLOW), (0.95, RED)],
                        maximum=1,
                    ),
                    lines(
                        "Disk operations",
                        "disk_io_operations: reads and writes that completed.",
                        "iops",
                        (
                            rate("disk_io_operations", "device"),
                            "{{device}}",
                        ),
                        width=8,
                    ),
                    lines(
                        "Network, sent",
                        "network_bytes_sent, by interface. In Compose these are the "
                        "exporter's own interfaces; on the host they are the host's.",
                        "Bps",
                        (
                            rate("network_bytes_sent", "device"),
                            "{{device}}",
                        ),
                        width=8,
                    ),
                ],
            ),
        ],
    )


def alerts() -> dict[str, Any]:
    """Make *Alerts*."""
    return dashboard(
        "alerts",
        "Alerts",
        "What fires, what is about to, and whether anybody hears of it.",
        [
            ("Now", _now()),
            ("Lately", _lately()),
            ("Does it reach anybody?", _delivery()),
        ],
    )


def _now() -> list[dict[str, Any]]:
    def count(selector: str) -> str:
        return f"count(ALERTS{{{selector}}}) or vector(0)"

    return [
        stat(
            "Critical",
            "Alerts that page somebody.",
            "short",
            count('alertstate="firing", severity="critical"'),
            steps=[(1, RED)],
            width=6,
        ),
        stat(
            "Warning",
            "Alerts for working hours.",
            "short",
            count('alertstate="firing", severity="warning"'),
            steps=[(1, YELLOW)],
            width=6,
        ),
        stat(
            "Pending",
            "True, but not for long enough yet.",
            "short",
            count('alertstate="pending"'),
            steps=[(1, YELLOW)],
            width=6,
        ),
        stat(
            "Targets that are down",
            "What cannot be scraped tells nothing, good or bad.",
            "short",
            "count(up == 0) or vector(0)",
            steps=[(1, RED)],
            width=6,
        ),
        table(
            "Active alerts",
            "Firing and pending, with what they are about. Empty is good. Each has a "
            "page in docs/runbooks.",
            "ALERTS",
            ["__name__"],
        ),
    ]


def _lately() -> list[dict[str, Any]]:
    return [
        lines(
            "Alerts over time",
            "Firing alerts by name.",
            "short",
            (
                'sum by (alertname) (ALERTS{alertstate="firing"}) or vector(0)',
                "{{alertname}}",
            ),
            steps=[(1, RED)],
            width=16,
            stacked=True,
        ),
        bars(
            "Targets",
            "1: it answered the last scrape.",
            "short",
            "min by (job) (up)",
            "{{job}}",
            steps=[(0, RED), (1, GREEN)],
            maximum=1,
        ),
    ]


def _delivery() -> list[dict[str, Any]]:
    return [
        lines(
            "Notifications",
            "Sent by Alertmanager, by way.",
            "cps",
            (
                rate("alertmanager_notifications_total", "integration"),
                "{{integration}}",
            ),
        ),
        lines(
            "Notifications that failed",
            "Nobody heard of these. An empty secret is the usual cause.",
            "cps",
            (
                rate("alertmanager_notifications_failed_total", "integration"),
                "{{integration}}",
            ),
            steps=[(0.001, RED)],
        ),
    ]
