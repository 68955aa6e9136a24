"""The consumer: wiring only. Everything it does is the library's.

    WINESTREAM_BOOTSTRAP=localhost:9092 python -m full_stack.consumer

The warehouse is told by WINESTREAM_SNOWFLAKE_… variables, secrets included.
"""

import json
import os
from pathlib import Path

from full_stack.child import watch_parent
from full_stack.wiring import (
    BATCH,
    BOOTSTRAP,
    CONSUMER_PORT,
    DATABASE,
    EMBEDDED_WAREHOUSE,
    GROUP,
    METRICS_PORT,
    PIPELINE,
    RETRY,
    SESSION,
    TOPICS,
    metrics_address,
    routes,
    setting,
)
from winestream.core import SafetyPolicy
from winestream.events import InventoryAdjusted, OrderCreated, event_type_of
from winestream.instrumentation.prometheus import PrometheusHook
from winestream.instrumentation.server import serve_metrics
from winestream.instrumentation.structlog import StructlogHook, configure_json_logging
from winestream.kafka import KafkaSource
from winestream.sink import BatchingSink
from winestream.snowflake import ConnectionSettings, SnowflakeWriter

KNOWN_TYPES = [event_type_of(cls) for cls in (OrderCreated, InventoryAdjusted)]


def warehouse() -> ConnectionSettings:
    """Return how to sign in: the demo's embedded warehouse, or a real account."""
    embedded = os.environ.get(EMBEDDED_WAREHOUSE)
    if embedded:
        return ConnectionSettings.of(json.loads(embedded), database=DATABASE)
    return ConnectionSettings(
        account=setting("WINESTREAM_SNOWFLAKE_ACCOUNT"),
        user=setting("WINESTREAM_SNOWFLAKE_USER"),
        private_key_file=Path(setting("WINESTREAM_SNOWFLAKE_PRIVATE_KEY_FILE")),
        private_key_passphrase=os.environ.get(
            "WINESTREAM_SNOWFLAKE_PRIVATE_KEY_PASSPHRASE"
        ),
        warehouse=setting("WINESTREAM_SNOWFLAKE_WAREHOUSE"),
        role=os.environ.get("WINESTREAM_SNOWFLAKE_ROLE") or None,
        database=setting("WINESTREAM_SNOWFLAKE_DATABASE", DATABASE),
    )


def main() -> None:
    """Consume until SIGTERM, then write what is held and leave."""
    configure_json_logging()
    watch_parent()
    metrics = PrometheusHook(known_types=KNOWN_TYPES)
    source = KafkaSource(
        TOPICS, group=GROUP, bootstrap=setting(BOOTSTRAP), session_timeout=SESSION
    )
    sink = BatchingSink(
        source,
        routes(),
        SnowflakeWriter(warehouse(), pipeline=PIPELINE, fingerprints=True),
        pipeline=PIPELINE,
        batch=BATCH,
        retry=RETRY,
        # The embedded broker is a new log at each start; a real one is asked about.
        safety=SafetyPolicy(
            on_new_log="start"
            if setting("WINESTREAM_ON_NEW_LOG", "stop") == "start"
            else "stop"
        ),
        hooks=[metrics, StructlogHook()],
        settings=source.settings,
    )
    port = int(setting(METRICS_PORT, str(CONSUMER_PORT)))
    with serve_metrics(metrics.registry, port, metrics_address()):
        sink.run()


if __name__ == "__main__":
    main()
