"""A consumer in a process of its own, to be killed: argv[1] is its settings as JSON."""

import json
import sys
from datetime import timedelta

from winestream.codec import Routes
from winestream.core import BatchPolicy
from winestream.kafka import KafkaSource
from winestream.sink import BatchingSink
from winestream.snowflake import ConnectionSettings, SnowflakeWriter
from winestream.telemetry import Telemetry


def complain(telemetry: Telemetry) -> None:
    """Print what went wrong, for whoever reads the log of a failed test."""
    if getattr(telemetry, "error", ""):
        print(telemetry, file=sys.stderr, flush=True)


def main() -> None:
    """Consume until killed, or until everything is read."""
    told = json.loads(sys.argv[1])
    protocol = told["protocol"]
    session = {"session_timeout": timedelta(seconds=1.5)}
    source = KafkaSource(
        [told["topic"]],
        group=told["group"],
        bootstrap=told["bootstrap"],
        protocol=protocol,
        **(session if protocol == "classic" else {}),
    )
    settings = ConnectionSettings.of(told["connection"], database=told["database"])
    sink = BatchingSink(
        source,
        Routes({}, unknown="RAW_EVENTS"),
        SnowflakeWriter(settings, pipeline=told["pipeline"], fingerprints=True),
        pipeline=told["pipeline"],
        batch=BatchPolicy(max_rows=100, linger=timedelta(seconds=0.2)),
        hooks=[complain],
    )
    sink.run(until_caught_up=told["until_caught_up"])


if __name__ == "__main__":
    main()
