"""The consumer: `winestream run` with the demo's own settings.

    WINESTREAM_BOOTSTRAP=localhost:9092 python -m full_stack.consumer

Any setting can be overridden by its variable (docs/running-a-consumer.md); the
warehouse is told by WINESTREAM_SNOWFLAKE_… variables, secrets included.
"""

import json
import os
from collections.abc import Iterator, Mapping
from typing import Any, Final

import attrs

from full_stack.child import watch_parent
from full_stack.wiring import (
    CONSUMER_PORT,
    DATABASE,
    EMBEDDED_WAREHOUSE,
    GROUP,
    METRICS_ADDRESS,
    METRICS_PORT,
    PIPELINE,
    ROUTES,
    TOPICS,
    UNKNOWN,
)
from winestream.operations.consumer import Consumer
from winestream.operations.settings import (
    ConsumerSettings,
    Entry,
    from_environment,
    resolve,
)
from winestream.snowflake import ConnectionSettings

OWN: Final[Mapping[str, Any]] = {
    "pipeline": PIPELINE,
    "topics": list(TOPICS),
    "group": GROUP,
    "unknown_table": UNKNOWN,
    "fingerprints": True,
    "batch.max_rows": 100,
    "batch.linger": "3s",
    "retry.quick_retries": 3,
    "http.port": CONSUMER_PORT,
    "snowflake.database": DATABASE,
    # How long the group waits for a consumer that was killed; Kafka's default is 45 s.
    "kafka.session.timeout.ms": 6000,
}
SHORTER: Final = {
    METRICS_ADDRESS: "http.address",
    METRICS_PORT: "http.port",
    # The embedded broker is a new log at each start; a real one is asked about.
    "WINESTREAM_ON_NEW_LOG": "safety.on_new_log",
}
"""Variables that the demo's other programs share, and the setting each is."""


def settings(variables: Mapping[str, str]) -> ConsumerSettings:
    """Return the demo's settings with what the variables say.

    Raises `ConfigurationError`. Variables of the prefix that name no section or setting
    of a consumer belong to the demo's other programs.
    """
    known = {field.name for field in attrs.fields(ConsumerSettings)}
    told = [e for e in from_environment(variables) if e.path[0] in known]
    if EMBEDDED_WAREHOUSE in variables:
        told = [entry for entry in told if entry.path[0] != "snowflake"]
    entries = [*_own(), *told, *_shorter(variables), *_embedded(variables)]
    return resolve(ConsumerSettings, entries).require()


def main() -> None:
    """Consume until SIGTERM, then write what is held and leave."""
    watch_parent()
    Consumer(settings(os.environ)).run()


def _own() -> Iterator[Entry]:
    for key, value in OWN.items():
        yield Entry(tuple(key.split(".")), value, f"the demo's {key}", "file")
    for cls, table in ROUTES.items():
        name = f"{cls.__module__}:{cls.__qualname__}"
        yield Entry(("routes", name), table, f"the demo's route of {name}", "file")


def _shorter(variables: Mapping[str, str]) -> Iterator[Entry]:
    for name, key in SHORTER.items():
        if value := variables.get(name):
            yield Entry(tuple(key.split(".")), value, name, "environment")


def _embedded(variables: Mapping[str, str]) -> Iterator[Entry]:
    """Take the arguments of `snowflake.connector.connect` that the warehouse gives."""
    if EMBEDDED_WAREHOUSE not in variables:
        return
    known = {field.name for field in attrs.fields(ConnectionSettings)}
    for name, value in json.loads(variables[EMBEDDED_WAREHOUSE]).items():
        if name != "session_parameters":  # the writer sets its own
            section = ("snowflake",) if name in known else ("snowflake", "options")
            yield Entry((*section, name), value, EMBEDDED_WAREHOUSE, "environment")


if __name__ == "__main__":
    main()
