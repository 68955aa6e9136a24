"""FastStream: a batch subscriber of its Confluent broker, JSON decoded by FastStream.

`max_records` is a thousand: the ten of its default would be unfair. Nothing is
validated, for the handler takes anything.
"""

import asyncio
from typing import Any

from faststream import FastStream
from faststream.confluent import KafkaBroker, KafkaMessage

from benchmarks.contestants.meter import Meter, Task


def main() -> None:
    """Run until all is read."""
    task = Task.from_command_line()
    broker = KafkaBroker(task.bootstrap)
    application = FastStream(broker)
    meter = Meter()

    @broker.subscriber(
        task.topic,
        group_id=task.group,
        auto_offset_reset="earliest",
        batch=True,
        max_records=1000,
    )
    async def handle(events: list[Any], message: KafkaMessage) -> None:
        meter.start()
        assert len(events) == len(message.raw_message)
        meter.count(each.value() for each in message.raw_message)
        if meter.messages >= task.messages:
            meter.stop()
            application.exit()

    asyncio.run(application.run(log_level=30))
    meter.report()


if __name__ == "__main__":
    main()
