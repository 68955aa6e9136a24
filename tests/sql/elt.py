"""A deployed warehouse to play events into: RAW in, STAGING, PRODUCTION, views out.

Task bodies run as they stand in `sql/`, each in a transaction of its own, as a task
does. `Pipeline.run` is told which and when: no test waits for a scheduler.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import chain, zip_longest
from typing import Any, Final

import attrs
from snowflake.connector import SnowflakeConnection
from sql_files import STREAMS, files, streams_of, task_bodies

from winestream.codec.wire import to_json
from winestream.events import Event, OrderCreated
from winestream.operations.columns import deployed_columns

TASKS: Final = task_bodies()
LOADS: Final = tuple(name for name in TASKS if name.startswith("LOAD_"))
CONTENTS: Final = (
    "STAGING.STAGING_ORDERS",
    "STAGING.STAGING_ORDER_LINES",
    "STAGING.STAGING_INVENTORY",
    "STAGING.REJECTS",
    "PRODUCTION.PROD_ORDERS",
    "PRODUCTION.PROD_ORDER_LINES",
    "PRODUCTION.PROD_INVENTORY",
    "ANALYTICS.DAILY_SALES",
    "ANALYTICS.CUSTOMER_METRICS",
    "ANALYTICS.INVENTORY_STATUS",
    "ANALYTICS.PRODUCT_PERFORMANCE",
)
"""What may depend on the events alone."""

_WHEN_IT_RAN: Final = {"STAGED_AT", "REFRESHED_AT"}
_COLUMNS: Final = (
    "EVENT_ID, EVENT_TYPE, OCCURRED_AT, SCHEMA_VERSION, CLUSTER_ID, TOPIC_ID, TOPIC, "
    "KAFKA_PARTITION, KAFKA_OFFSET, SLICE_ID, LOADED_AT, PAYLOAD"
)


@attrs.frozen
class Message:
    """One message as the sink lands it: a head that was validated, and the text."""

    table: str
    event_id: str
    event_type: str
    occurred_at: datetime
    payload: str


def message(event: Event, **changed: object) -> Message:
    """Return an event's message; `changed` fields are put into its JSON by force.

    A dotted name goes into nested objects: `{"customer.name": …}`.
    """
    fields = json.loads(to_json(event))
    for name, value in changed.items():
        *path, last = name.split(".")
        inside: Any = fields
        for step in path:
            inside = inside[int(step)] if isinstance(inside, list) else inside[step]
        inside[last] = value
    return Message(
        "RAW_ORDERS" if isinstance(event, OrderCreated) else "RAW_INVENTORY",
        event.event_id,
        event.event_type,
        event.occurred_at,
        json.dumps(fields, ensure_ascii=False),
    )


Round = Sequence[Event | Message]
"""What arrives before the tasks run next."""


class Pipeline:
    """One database with everything deployed, and what was put into RAW so far."""

    def __init__(self, connection: SnowflakeConnection) -> None:
        self._connection = connection
        self._cursor = connection.cursor()
        self._landed = 0
        for folder in ("migrations", "repeatable"):
            for file in files(folder):
                if file.applies:
                    self._deploy(statement.text for statement in file.statements)

    def _deploy(self, statements: Iterable[str]) -> None:
        for statement in statements:
            # Tasks are run by hand here, and roles mean nothing.
            if not statement.startswith(("ALTER TASK", "CREATE TASK", "GRANT")):
                self._cursor.execute(statement)

    def execute(self, *statements: str) -> None:
        """Run statements as they are."""
        for statement in statements:
            self._cursor.execute(statement)

    def land(self, messages: Sequence[Message]) -> None:
        """Put messages into RAW, each at an offset of its own."""
        for table in ("RAW_ORDERS", "RAW_INVENTORY"):
            rows = [self._row(each) for each in messages if each.table == table]
            if rows:
                marks = ", ".join("?" * len(rows[0]))
                self._cursor.executemany(
                    f"INSERT INTO RAW.{table} ({_COLUMNS}) VALUES ({marks})", rows
                )

    def _row(self, each: Message) -> tuple[object, ...]:
        self._landed += 1
        at = each.occurred_at.replace(tzinfo=None).isoformat(sep=" ")
        head = (each.event_id, each.event_type, at, 1)
        log = ("cluster", "topic", "wine", 0, self._landed, f"slice/{self._landed}")
        return (*head, *log, "2026-01-01 00:00:00", each.payload)

    def run(self, *tasks: str) -> None:
        """Run tasks in this order, each once."""
        for task in tasks:
            self._cursor.execute(TASKS[task])

    def drain(self) -> None:
        """Run every LOAD task that has rows to read until none has, layer by layer."""
        while waiting := self.waiting():
            layer = "_".join(waiting[0].split("_")[:2])  # LOAD_STAGING, LOAD_PROD
            self.run(*(task for task in waiting if task.startswith(layer)))

    def play(self, *events: Event | Message) -> None:
        """Land events, or messages that were tampered with, and drain."""
        self.land([e if isinstance(e, Message) else message(e) for e in events])
        self.drain()

    def play_side_by_side(self, stories: Iterable[Sequence[Round]]) -> None:
        """Play the first round of every story at once, then every second round, etc.

        Stories have keys of their own, so that each ends as if it were alone.
        """
        for rounds in zip_longest(*stories, fillvalue=()):
            self.play(*chain.from_iterable(rounds))

    def rows(self, table: str, where: str = "TRUE") -> list[dict[str, Any]]:
        """Return a table's rows as dicts, less the columns that say when a task ran."""
        self._cursor.execute(f"SELECT * FROM {table} WHERE {where}")
        names = [column[0] for column in self._cursor.description]
        return [
            {n: v for n, v in zip(names, row, strict=True) if n not in _WHEN_IT_RAN}
            for row in self._cursor.fetchall()
        ]

    def columns(self, schema: str) -> Mapping[str, Mapping[str, str]]:
        """Return table → column → data type, as INFORMATION_SCHEMA has them."""
        return deployed_columns(self._connection, schema)

    def one(self, table: str, where: str = "TRUE") -> dict[str, Any]:
        """Return the only row there is."""
        (row,) = self.rows(table, where)
        return row

    def contents(self) -> dict[str, list[tuple[tuple[str, Any], ...]]]:
        """Return all that may depend on the events alone, in an order of its own."""
        return {
            table: sorted((tuple(row.items()) for row in self.rows(table)), key=repr)
            for table in CONTENTS
        }

    def waiting(self) -> list[str]:
        """Return the LOAD tasks that a scheduler would run: their streams have rows."""
        counts = (f"SELECT '{name}', COUNT(*) FROM {name}" for name in STREAMS)
        self._cursor.execute(" UNION ALL ".join(counts))
        filled = {name for name, rows in self._cursor.fetchall() if int(rows)}
        return [task for task in LOADS if streams_of(TASKS[task]) & filled]
