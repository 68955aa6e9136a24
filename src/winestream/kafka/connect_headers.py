"""The headers of a forwarded dead letter: Kafka Connect's, so that its tools read them.

Connect's stack trace is left out, for there is none.
"""

from collections.abc import Iterator
from typing import Final

from winestream.records import DeadLetter, LogPartition

_CONNECT: Final = "__connect.errors."


def connect_headers(
    where: LogPartition, letter: DeadLetter, slice_id: str, name: str, writer: type
) -> Iterator[tuple[str, bytes]]:
    """Yield Connect's headers, then what a join with the warehouse needs.

    `name` is the connector's, `writer` the class that wrote when a row was refused. No
    header quotes a payload.
    """
    refused = letter.reason == "rejected"
    context = {
        "topic": where.topic,
        "partition": where.partition,
        "offset": letter.offset,
        "connector.name": name,
        "task.id": 0,
        # Connect's own words for where it happened.
        "stage": "TASK_PUT" if refused else "VALUE_CONVERTER",
        "class.name": f"{writer.__module__}.{writer.__qualname__}"
        if refused
        else "winestream.codec.Routes",
        "exception.class.name": "winestream.errors.RejectedWriteError"
        if refused
        else "winestream.errors.DecodeError",
        "exception.message": f"{letter.reason} at {letter.path}",
    }
    for key, value in context.items():
        yield _CONNECT + key, str(value).encode()
    yield "winestream.cluster_id", where.cluster_id.encode()
    yield "winestream.topic_id", where.topic_id.encode()
    yield "winestream.slice_id", slice_id.encode()
    yield "winestream.reason", letter.reason.encode()
    yield "winestream.path", letter.path.encode()
