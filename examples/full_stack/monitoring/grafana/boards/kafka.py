"""*Kafka Metrics*: the broker's own figures."""

from typing import Any

from full_stack.monitoring.grafana.layout import dashboard, variable
from full_stack.monitoring.grafana.panels import GREEN, RED, YELLOW, lines, rate, stat

_TOPIC = 'redpanda_topic=~"$topic"'
_RECORDS = "redpanda_kafka_records_produced_total"
_END = "redpanda_kafka_max_offset"
_COMMITTED = "redpanda_kafka_consumer_group_committed_offset"


def board() -> dict[str, Any]:
    """Make the dashboard."""
    return dashboard(
        "kafka",
        "Kafka Metrics",
        "Redpanda's public metrics, or the embedded broker's under the same names.",
        [("Broker", _broker()), ("Topics", _topics()), ("Consumer groups", _groups())],
        [
            variable("topic", "Topic", "label_values(partition_count, redpanda_topic)"),
            variable(
                "group", "Group", "label_values(consumer_group_lag, redpanda_group)"
            ),
        ],
    )


def _broker() -> list[dict[str, Any]]:
    return [
        stat(
            "Broker",
            "kafka_broker_health: it answers, and every partition has a leader.",
            "none",
            "min(kafka_broker_health)",
            steps=[(1, GREEN)],
            base=RED,
            words={"1": "Healthy", "0": "Ill"},
            nothing="not watched",
            width=6,
        ),
        stat(
            "Brokers",
            "Brokers in the cluster.",
            "short",
            "max(redpanda_cluster_brokers)",
            steps=[(1, GREEN)],
            base=RED,
            width=6,
        ),
        stat(
            "Partitions",
            "partition_count: six for each of the two topics.",
            "short",
            "sum(partition_count)",
            steps=[(1, GREEN)],
            base=RED,
            width=6,
        ),
        stat(
            "Partitions without a leader",
            "Nothing can be written to or read from them.",
            "short",
            "max(redpanda_cluster_unavailable_partitions)",
            steps=[(1, RED)],
            width=6,
        ),
    ]


def _topics() -> list[dict[str, Any]]:
    return [
        lines(
            "Messages produced",
            "message_throughput: records the broker took, by topic.",
            "cps",
            (f"message_throughput{{{_TOPIC}}}", "{{redpanda_topic}}"),
            stacked=True,
        ),
        lines(
            "Records in all",
            "redpanda_kafka_records_produced_total since the broker's start.",
            "short",
            (
                f"sum by (redpanda_topic) ({_RECORDS}{{{_TOPIC}}})",
                "{{redpanda_topic}}",
            ),
        ),
        lines(
            "Log's end by partition",
            "redpanda_kafka_max_offset. Keys spread evenly when lines rise together.",
            "short",
            (
                f"max by (redpanda_topic, redpanda_partition) ({_END}{{{_TOPIC}}})",
                "{{redpanda_topic}} {{redpanda_partition}}",
            ),
            width=24,
        ),
    ]


def _groups() -> list[dict[str, Any]]:
    by = ("redpanda_group", "redpanda_topic")
    legend = "{{redpanda_group}} {{redpanda_topic}}"
    chosen = f'{_TOPIC}, redpanda_group=~"$group"'
    return [
        lines(
            "Lag by group and topic",
            "consumer_group_lag: the log's end less what the group committed. Computed "
            "from the broker's raw offsets, so that it holds without any consumer.",
            "short",
            (
                f"sum by ({', '.join(by)}) (consumer_group_lag{{{chosen}}})",
                legend,
            ),
            steps=[(1000, YELLOW), (10000, RED)],
        ),
        lines(
            "Lag by partition",
            "One that stands out is stuck, or has a key that everybody uses.",
            "short",
            (
                f"consumer_group_lag{{{chosen}}}",
                "{{redpanda_topic}} {{redpanda_partition}}",
            ),
            steps=[(1000, YELLOW)],
        ),
        lines(
            "Committed messages",
            "How fast the groups' committed offsets move.",
            "cps",
            (
                rate(_COMMITTED, *by, where=chosen),
                legend,
            ),
            width=24,
        ),
    ]
