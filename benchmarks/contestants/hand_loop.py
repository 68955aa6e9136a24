"""The loop people write by hand: `poll`, `json.loads`, a list, a commit per hundred."""

import json
from contextlib import suppress

from confluent_kafka import Consumer

from benchmarks.contestants.meter import Meter, Task

BATCH = 100


def main() -> None:
    """Read, parse, collect, commit."""
    task = Task.from_command_line()
    consumer = Consumer(
        {
            "bootstrap.servers": task.bootstrap,
            "group.id": task.group,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
        }
    )
    consumer.subscribe([task.topic])
    meter = Meter()
    batch: list[object] = []
    seen = size = 0
    while seen < task.messages:
        message = consumer.poll(1.0)
        if message is None or message.error():
            continue
        if not seen:
            meter.start()
        value = message.value()
        seen += 1
        if value is not None:
            size += len(value)
            with suppress(ValueError):  # what is no JSON is left out
                batch.append(json.loads(value))
        if len(batch) >= BATCH:
            batch.clear()  # here the rows would go to a warehouse
            consumer.commit(asynchronous=False)
    if batch:
        consumer.commit(asynchronous=False)
    meter.stop()
    meter.add(seen, size)
    consumer.close()
    meter.report()


if __name__ == "__main__":
    main()
