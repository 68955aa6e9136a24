"""*Consumer Performance*: the path from poll to commit, and the producer beside it."""

from typing import Any

from full_stack.monitoring.grafana.layout import dashboard, variable
from full_stack.monitoring.grafana.panels import (
    GREEN,
    RED,
    YELLOW,
    lines,
    logs,
    rate,
    stat,
)

_TOPIC = 'topic=~"$topic"'
_SLOW = [(10.0, RED)]


def board() -> dict[str, Any]:
    """Make the dashboard."""
    return dashboard(
        "consumer",
        "Consumer Performance",
        "What the consumer reads, writes, waits for and complains about.",
        [
            ("State", _state()),
            ("Reading and writing", _slices()),
            ("Trouble", _trouble()),
            ("Producer", _producer()),
            ("Logs", _logs()),
        ],
        [variable("topic", "Topic", "label_values(events_consumed_total, topic)")],
    )


def _state() -> list[dict[str, Any]]:
    return [
        stat(
            "Consumers",
            "Processes that answer a scrape.",
            "short",
            'sum(up{job="consumer"})',
            steps=[(1, GREEN)],
            base=RED,
        ),
        stat(
            "Partitions",
            "Partitions that all processes read; twelve are all of them.",
            "short",
            "sum(partitions_assigned)",
            steps=[(1, YELLOW), (12, GREEN)],
            base=RED,
        ),
        stat(
            "Reading",
            "Paused means that both slices are full and writing is what takes long.",
            "none",
            "max(sink_paused)",
            steps=[(1, YELLOW)],
            words={"0": "On", "1": "Paused"},
        ),
        stat(
            "Writing",
            "The outage state: quick retries used up, trying on, nothing dropped.",
            "none",
            "max(sink_outage)",
            steps=[(1, RED)],
            words={"0": "On", "1": "Outage"},
        ),
        stat(
            "Oldest unwritten",
            "Age of the oldest message that is held and not in the warehouse yet.",
            "s",
            "max(oldest_unwritten_age_seconds)",
            steps=[(10, YELLOW), (60, RED)],
        ),
        stat(
            "Last slice",
            "Time since something was last committed in the warehouse.",
            "s",
            "time() - max(last_write_timestamp_seconds > 0)",
            steps=[(60, YELLOW), (600, RED)],
            nothing="none yet",
        ),
    ]


def _slices() -> list[dict[str, Any]]:
    return [
        lines(
            "Read by topic",
            "events_consumed_total: messages polled, valid or not.",
            "cps",
            (
                rate("events_consumed_total", "topic", where=_TOPIC),
                "{{topic}}",
            ),
            stacked=True,
        ),
        lines(
            "Landed by event type",
            "events_processed_total: rows in committed slices.",
            "cps",
            (
                rate("events_processed_total", "event_type"),
                "{{event_type}}",
            ),
            stacked=True,
        ),
        lines(
            "Time to write a slice",
            "batch_processing_seconds: files, upload and transaction.",
            "s",
            *(_quantile(q, "batch_processing_seconds_bucket") for q in (50, 95, 99)),
            steps=_SLOW,
        ),
        lines(
            "Size of a slice",
            "batch_size_events: rows and dead letters. A hundred is the bound; less "
            "means that time was up first (3 s).",
            "short",
            *(_quantile(q, "batch_size_events_bucket") for q in (50, 95)),
        ),
        lines(
            "From event to queryable",
            "A slice's oldest and newest event at its commit, 95 %. The objective for "
            "RAW is 10 s.",
            "s",
            *(
                _quantile(95, "event_to_queryable_seconds_bucket", f'event="{which}"')
                for which in ("oldest", "newest")
            ),
            steps=_SLOW,
        ),
        lines(
            "Lag as the consumer sees it",
            "kafka_lag_messages: from what is written to the log's end. It ends with "
            "the consumer; the broker's figure on Kafka Metrics does not.",
            "short",
            (
                'sum by (topic) (kafka_lag_messages{topic=~"$topic"})',
                "{{topic}}",
            ),
            steps=[(1000, RED)],
        ),
    ]


def _trouble() -> list[dict[str, Any]]:
    return [
        lines(
            "Failed writes by kind",
            "snowflake_insert_errors: each is tried again or, when rejected, halved.",
            "cps",
            (
                rate("snowflake_insert_errors", "kind"),
                "{{kind}}",
            ),
            steps=[(0.1, RED)],
            width=8,
        ),
        lines(
            "Retries by kind",
            "write_retries_total: the same slice once more.",
            "cps",
            (rate("write_retries_total", "kind"), "{{kind}}"),
            steps=[(0.1, RED)],
            width=8,
        ),
        lines(
            "Polls, claims and commits that failed",
            "None of them loses anything; many of them cost time.",
            "cps",
            (rate("poll_failures_total"), "polls"),
            (rate("claim_failures_total"), "claims"),
            (rate("kafka_commit_errors_total"), "commits"),
            steps=[(0.1, RED)],
            width=8,
        ),
    ]


def _producer() -> list[dict[str, Any]]:
    return [
        lines(
            "Published by topic",
            "events_produced_total: messages handed to Kafka.",
            "cps",
            (
                rate("events_produced_total", "topic", where=_TOPIC),
                "{{topic}}",
            ),
            stacked=True,
            width=8,
        ),
        lines(
            "Published by event type",
            "event_type_counter.",
            "cps",
            (
                rate("event_type_counter", "event_type"),
                "{{event_type}}",
            ),
            stacked=True,
            width=8,
        ),
        lines(
            "Acknowledgement",
            "producer_latency_ms: from handing a message over to Kafka's answer. 20 "
            "milliseconds of it are the producer's own wait for company.",
            "ms",
            *(_quantile(q, "producer_latency_ms_bucket") for q in (50, 95)),
            steps=[(1000, RED)],
            width=8,
        ),
    ]


def _logs() -> list[dict[str, Any]]:
    return [
        logs(
            "Warnings and errors",
            "Lines of producer and consumer from warning up. No line holds a payload.",
            '{service=~"producer|consumer.*"} | level =~ "warning|error|critical"',
        )
    ]


def _quantile(percent: int, buckets: str, labels: str = "") -> tuple[str, str]:
    """Of the last five minutes; without any observation there is no point."""
    selected = f"{buckets}{{{labels}}}" if labels else buckets
    which = labels.partition("=")[2].strip('"')
    return (
        f"histogram_quantile({percent / 100}, sum by (le) (rate({selected}[5m]))) >= 0",
        f"{which} {percent} %".strip(),
    )
