"""*Is anything lost?*: the page to look at first."""

from typing import Any

from full_stack.monitoring.grafana.layout import dashboard
from full_stack.monitoring.grafana.panels import (
    GREEN,
    RED,
    YELLOW,
    bars,
    lines,
    rate,
    stat,
)

_NOBODY = "nobody audits"


def board() -> dict[str, Any]:
    """Make the dashboard."""
    return dashboard(
        "overview",
        "Is anything lost?",
        "The audit's verdict, and how old, how far behind and how dear things are.",
        [
            ("Verdict", _verdict()),
            ("How old is it?", _age()),
            ("Does it flow?", _flow()),
            ("What does the warehouse do?", _warehouse()),
        ],
    )


def _verdict() -> list[dict[str, Any]]:
    return [
        stat(
            "Audit",
            "Whether rows, dead letters and gaps account for every offset up to the "
            "cursor, each exactly once. From the audit, which asks the warehouse and "
            "never the consumer.",
            "none",
            "min(audit_ok)",
            steps=[(1, GREEN)],
            base=RED,
            words={"1": "Nothing lost", "0": "Does not add up"},
            nothing=_NOBODY,
            width=5,
        ),
        stat(
            "Audited",
            "How long ago. A verdict that is no longer renewed says nothing of today.",
            "s",
            "time() - min(audit_timestamp_seconds)",
            steps=[(900, YELLOW), (1800, RED)],
            nothing=_NOBODY,
            width=3,
        ),
        stat(
            "Offending offsets",
            "Offsets that the audit found missing, doubled or altered. Zero is the "
            "only good number.",
            "short",
            "sum(audit_offending)",
            steps=[(1, RED)],
            nothing=_NOBODY,
        ),
        stat(
            "Lag",
            "Messages in the log that the group has not committed, by the broker's "
            "figures: they stay when the consumer goes.",
            "short",
            "sum(consumer_group_lag)",
            steps=[(1000, YELLOW), (10000, RED)],
        ),
        stat(
            "Dead letters, last hour",
            "Messages that could not become rows. They are kept whole: not lost.",
            "short",
            "sum(increase(dead_letters_total[1h])) or vector(0)",
            steps=[(1, YELLOW), (100, RED)],
        ),
        stat(
            "Warehouse",
            "Whether writing works. In an outage nothing is dropped: the consumer "
            "waits and tries again for ever.",
            "none",
            "max(sink_outage)",
            steps=[(1, RED)],
            words={"0": "Writing", "1": "Outage"},
            nothing="no consumer",
        ),
    ]


def _age() -> list[dict[str, Any]]:
    return [
        bars(
            "Freshness by layer",
            "How far each layer is behind the shop. Objectives: RAW 10 s, STAGING "
            "5 min, PRODUCTION 10 min. RAW from the consumer, the rest from the audit: "
            "how long the oldest row has waited that the layer lacks. ANALYTICS is the "
            "history of figures, taken every five minutes.",
            "s",
            "max by (layer) (freshness_seconds)",
            "{{layer}}",
            steps=[(10, RED)],
            own={
                "STAGING": [(240, YELLOW), (300, RED)],
                "PRODUCTION": [(480, YELLOW), (600, RED)],
                "ANALYTICS": [(600, YELLOW)],
            },
        ),
        lines(
            "Freshness against its objective",
            "1 is the objective; above it the layer is too late.",
            "percentunit",
            (
                "freshness_seconds / on (layer) group_left freshness_objective_seconds",
                "{{layer}}",
            ),
            steps=[(1, RED)],
            width=16,
        ),
    ]


def _flow() -> list[dict[str, Any]]:
    return [
        lines(
            "Throughput",
            "Published, read and landed. They lie on each other when all is well; read "
            "includes what becomes a dead letter.",
            "cps",
            (rate("events_produced_total"), "published"),
            (rate("events_consumed_total"), "read"),
            (rate("rows_written_total"), "landed"),
        ),
        lines(
            "Lag by topic",
            "Messages between the log's end and what the group committed.",
            "short",
            ("sum by (redpanda_topic) (consumer_group_lag)", "{{redpanda_topic}}"),
            steps=[(1000, RED)],
        ),
        lines(
            "Dead letters by reason",
            "Since each consumer's start. A step is an incident, a slope is a producer "
            "that changed its form.",
            "short",
            ("sum by (reason) (dead_letters_total) or vector(0)", "{{reason}}"),
            width=24,
            height=7,
        ),
    ]


def _warehouse() -> list[dict[str, Any]]:
    return [
        stat(
            "Transactions, last hour",
            "One a slice. Larger slices make fewer.",
            "short",
            "warehouse_transactions:1h",
            steps=[(2400, YELLOW)],
            width=6,
        ),
        stat(
            "Statements, last hour",
            "Estimated from the slices, nine each: ledger, lock, compare-and-set and "
            "their transaction, a PUT and a COPY for two tables. Tasks are not in it.",
            "short",
            "warehouse_statements:1h",
            steps=[(21600, YELLOW)],
            width=6,
        ),
        stat(
            "Wake-ups, last hour",
            "How often writing stopped for a minute, so that a warehouse would suspend "
            "and be resumed. Each resume is billed for a minute at least.",
            "short",
            "warehouse_wake_ups:1h",
            steps=[(20, YELLOW), (40, RED)],
            width=6,
        ),
        stat(
            "Awake",
            "Share of the last hour with slices. At 100 % the warehouse never sleeps, "
            "which for an XS is about 24 credits a day.",
            "percentunit",
            "warehouse_awake:ratio_1h",
            steps=[(0.9, YELLOW)],
            width=6,
        ),
    ]
