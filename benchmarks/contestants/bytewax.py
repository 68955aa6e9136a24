"""Bytewax: its Kafka source, a map with `json.loads`, and a sink that counts."""

import json
from typing import Any

import bytewax.operators as op
from bytewax.connectors.kafka import KafkaSourceMessage
from bytewax.connectors.kafka import operators as kop
from bytewax.dataflow import Dataflow
from bytewax.outputs import DynamicSink, StatelessSinkPartition
from bytewax.run import cli_main

from benchmarks.contestants.meter import Meter, Task

Parsed = tuple[int, Any]


def parse(message: KafkaSourceMessage[bytes | None, bytes | None]) -> Parsed:
    """Return the payload's size, and the event, None for what is no JSON."""
    METER.start()
    if message.value is None:
        return 0, None
    try:
        return len(message.value), json.loads(message.value)
    except ValueError:
        return len(message.value), None


class Counting(StatelessSinkPartition[Parsed]):
    """Counts batches."""

    def write_batch(self, items: list[Parsed]) -> None:
        """Count one."""
        METER.add(len(items), sum(size for size, _ in items))


class CountingSink(DynamicSink[Parsed]):
    """One partition of it per worker."""

    def build(
        self, step_id: str, worker_index: int, worker_count: int
    ) -> StatelessSinkPartition[Parsed]:
        """Make it."""
        del step_id, worker_index, worker_count
        return Counting()


def main() -> None:
    """Run to the end of the topic."""
    task = Task.from_command_line()
    flow = Dataflow("bench")
    read = kop.input(
        "read", flow, brokers=[task.bootstrap], topics=[task.topic], tail=False
    )
    op.output("count", op.map("parse", read.oks, parse), CountingSink())
    cli_main(flow)
    METER.stop()
    METER.report()


METER = Meter()

if __name__ == "__main__":
    main()
