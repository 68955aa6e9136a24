"""aiokafka: `getmany`, `json.loads`, the client's own commits, one event loop."""

import asyncio
import json
from contextlib import suppress

from aiokafka import AIOKafkaConsumer

from benchmarks.contestants.meter import Meter, Task


async def read(task: Task, meter: Meter) -> None:
    """Read until all is read."""
    consumer = AIOKafkaConsumer(
        task.topic,
        bootstrap_servers=task.bootstrap,
        group_id=task.group,
        auto_offset_reset="earliest",
    )
    await consumer.start()
    try:
        while meter.messages < task.messages:
            batches = await consumer.getmany(timeout_ms=1000)
            if batches:
                meter.start()
            for messages in batches.values():
                values = [message.value for message in messages]
                meter.count(values)
                events = []
                for value in values:
                    if value is not None:
                        with suppress(ValueError):
                            events.append(json.loads(value))
        meter.stop()
    finally:
        await consumer.stop()


def main() -> None:
    """Run, report."""
    task = Task.from_command_line()
    meter = Meter()
    asyncio.run(read(task, meter))
    meter.report()


if __name__ == "__main__":
    main()
