"""The floor: bare `consume(1000)`, nothing done with a message but its size.

The queue settings are those winestream gives the client, so that the floor is no lower
than it has to be.
"""

from confluent_kafka import Consumer, Message

from benchmarks.contestants.meter import Meter, Task


def main() -> None:
    """Read, count, say."""
    task = Task.from_command_line()
    consumer = Consumer(
        {
            "bootstrap.servers": task.bootstrap,
            "group.id": task.group,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            "queued.max.messages.kbytes": 32 * 1024,
            "queued.min.messages": 100_000,
            "fetch.max.bytes": 16 * 1024 * 1024,
            "fetch.queue.backoff.ms": 10,
            "fetch.wait.max.ms": 100,
        }
    )
    consumer.subscribe([task.topic])
    meter = Meter()
    while meter.messages < task.messages:
        messages = consumer.consume(1000, timeout=0.1)
        if messages:
            meter.start()
            meter.count(map(Message.value, messages))
    meter.stop()
    consumer.close()
    meter.report()


if __name__ == "__main__":
    main()
