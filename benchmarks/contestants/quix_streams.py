"""Quix Streams: an `Application` and a `StreamingDataFrame`, JSON as its default.

The deserializer is the library's own (orjson), wrapped to count what goes in, and to
ignore what is no JSON the way its documentation says.
"""

from collections.abc import Iterable, Mapping
from typing import Any, cast

from quixstreams import Application
from quixstreams.models.serializers import (
    IgnoreMessage,
    JSONDeserializer,
    SerializationContext,
    SerializationError,
)

from benchmarks.contestants.meter import Meter, Task


class Counting(JSONDeserializer):
    """JSON, counted."""

    def __init__(self, task: Task) -> None:
        super().__init__()
        self.meter = Meter()
        self.left = task.messages
        self.size = 0

    def __call__(
        self, value: bytes, ctx: SerializationContext
    ) -> Iterable[Mapping[str, Any]] | Mapping[str, Any]:
        """Parse, or leave the message out."""
        self.meter.start()
        self.left -= 1
        self.size += len(value)
        try:
            return cast("Mapping[str, Any]", super().__call__(value, ctx))
        except SerializationError:
            raise IgnoreMessage from None


def main() -> None:
    """Run until all is read."""
    task = Task.from_command_line()
    application = Application(
        broker_address=task.bootstrap,
        consumer_group=task.group,
        auto_offset_reset="earliest",
        loglevel="WARNING",
    )
    counting = Counting(task)

    def handle(value: object) -> None:
        if value is None:  # a message without a value is not deserialized
            counting.left -= 1
        if counting.left <= 0:
            counting.meter.stop()
            application.stop()

    topic = application.topic(task.topic, value_deserializer=counting)
    application.dataframe(topic).update(handle)
    application.run()
    counting.meter.add(task.messages - counting.left, counting.size)
    counting.meter.report()


if __name__ == "__main__":
    main()
