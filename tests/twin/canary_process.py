"""A consumer with every logger at DEBUG that says all it can; argv[1] is JSON.

What it prints, and what its clients print, is searched for canaries by the test.
"""

import json
import logging
import os
import signal
import sys
import traceback
from datetime import timedelta
from typing import Any

import attrs
import snowflake.connector
import structlog
from prometheus_client import generate_latest

from winestream import Event
from winestream.codec import Routes
from winestream.core import BatchPolicy, RetryPolicy
from winestream.errors import WinestreamError
from winestream.instrumentation.prometheus import PrometheusHook
from winestream.instrumentation.structlog import StructlogHook, configure_json_logging
from winestream.kafka import KafkaSource
from winestream.sink import BatchingSink
from winestream.snowflake import ConnectionSettings, SnowflakeWriter
from winestream.telemetry import SliceWritten, Telemetry


@attrs.frozen(kw_only=True)
class GuestInvited(Event):
    """A customer, who has an e-mail address."""

    name: str
    email: str
    bottles: int


def everything_at_debug() -> None:
    """As somebody does who looks for a fault: each logger there is, one by one."""
    configure_json_logging("DEBUG", sys.stderr)
    assert snowflake.connector.__name__  # its loggers are there before ours hush them
    for name in ["", *logging.root.manager.loggerDict]:
        logging.getLogger(name).setLevel(logging.DEBUG)


def say(what: str, thing: object) -> None:
    """Print a line for the test, in full."""
    print(f"said {what}: {thing}", file=sys.stderr, flush=True)


def main() -> None:
    """Consume until it ends, however it ends; then tell everything."""
    told = json.loads(sys.argv[1])
    everything_at_debug()
    if told["leak"]:  # so that the test knows that it would be found
        structlog.get_logger().debug("leak", value=told["leak"])
    source = KafkaSource(
        [told["topic"]],
        group=told["group"],
        bootstrap=told["bootstrap"],
        session_timeout=timedelta(seconds=3),
        config={"debug": "all", "log_level": 7, **told["kafka"]},
    )
    settings = attrs.evolve(
        ConnectionSettings.of(told["connection"], database=told["database"]),
        # The warehouse is killed under it.
        login_timeout=timedelta(seconds=2),
        request_timeout=timedelta(seconds=20),
    )
    writer = SnowflakeWriter(
        settings, pipeline=told["pipeline"], insert_below=told["insert_below"]
    )
    metrics = PrometheusHook(known_types=["GUEST_INVITED"])
    routes = Routes({GuestInvited: "RAW_ORDERS"}, unknown="RAW_EVENTS")
    seen: list[Any] = []

    def hook(telemetry: Telemetry) -> None:
        seen.append(telemetry)
        del seen[:-2000]
        if isinstance(telemetry, SliceWritten):
            print("slice", sum(telemetry.rows.values()), flush=True)

    sink = BatchingSink(
        source,
        routes,
        writer,
        pipeline=told["pipeline"],
        batch=BatchPolicy(max_rows=40, linger=timedelta(seconds=0.2)),
        retry=RetryPolicy(
            first=timedelta(seconds=0.1), outage_cap=timedelta(seconds=1)
        ),
        hooks=[hook, metrics, StructlogHook()],
        settings=source.settings,
        stop_within=timedelta(seconds=20),
    )
    try:
        sink.run()
    except WinestreamError as error:
        say("error", f"{error} {error!r} {error.args} {traceback.format_exc()}")
        structlog.get_logger().exception("crash")
        logging.getLogger("anybody").exception("crash")
    for thing in (source, settings, writer, sink, routes, sink.snapshot, seen):
        say(type(thing).__name__, repr(thing))
        say(type(thing).__name__, str(thing))
    say("settings", dict(source.settings))
    say("metrics", generate_latest(metrics.registry).decode())
    say("end", os.getpid())


if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    main()
