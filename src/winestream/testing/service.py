"""What a test of a service needs around it: names of its own, topics, a database."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from uuid import uuid4

from winestream.events import Event
from winestream.local import EmbeddedBroker, EmbeddedWarehouse

if TYPE_CHECKING:
    from snowflake.connector import SnowflakeConnection

    from winestream.ports import Codec
    from winestream.snowflake import ConnectionSettings


class ServiceUnderTest:
    """One test's corner of a broker and a warehouse. Used from the test's thread.

    `pipeline`, `group` and `database` are names that nobody else has, so that tests can
    share the processes. Nothing is made before it is asked for.
    """

    def __init__(self, broker: EmbeddedBroker, warehouse: EmbeddedWarehouse) -> None:
        self.broker, self.warehouse = broker, warehouse
        self._mark = uuid4().hex[:8]
        self.pipeline = f"test-{self._mark}"
        self.group = f"test-{self._mark}"
        self.database = f"TEST_{self._mark}".upper()
        self._connection: SnowflakeConnection | None = None

    @property
    def bootstrap(self) -> str:
        """The broker's address."""
        return self.broker.bootstrap

    @property
    def connection(self) -> "ConnectionSettings":
        """How a `SnowflakeWriter` signs in to the test's database."""
        from winestream.snowflake import ConnectionSettings  # noqa: PLC0415 — slow

        return ConnectionSettings.of(self.warehouse.connection, database=self.database)

    def topic(self, name: str, *, partitions: int = 1) -> str:
        """Make a topic of the test's own; return its name."""
        own = f"{name}.{self._mark}"
        self.broker.create_topic(own, partitions=partitions)
        return own

    def deploy(self, tables: Mapping[type[Event], str] | None = None) -> None:
        """Make the database: RAW, OPS, and a table with a typed view for each class.

        The views are in RAW and have the names of the event types.
        """
        from winestream.operations.deploy import deploy, register_tables  # noqa: PLC0415
        from winestream.operations.schema import (  # noqa: PLC0415 — loads Arrow
            describe,
            raw_table,
            typed_view,
        )
        from winestream.operations.schema.ddl import default_view  # noqa: PLC0415

        deploy(self._connected())
        for cls, table in (tables or {}).items():
            shape = describe(cls)
            self.query(raw_table(table))
            self.query(typed_view(shape, table=table, view=default_view(shape)))
        if tables:
            register_tables(self._connected(), self.pipeline, tables.values())

    def produce(self, topic: str, codec: "Codec", events: Iterable[Event]) -> int:
        """Publish events and wait until the broker has them; return how many."""
        from winestream.kafka import EventProducer  # noqa: PLC0415 — loads the client

        ordered = list(events)
        with EventProducer(self.bootstrap, codec) as producer:
            for event in ordered:
                producer.publish(topic, event.event_id, event)
        return len(ordered)

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Run one statement in the test's database and return its rows."""
        with self._connected().cursor() as cursor:
            cursor.execute(sql.strip().removesuffix(";"))
            return [tuple(row) for row in cursor.fetchall()]

    def close(self) -> None:
        """Hang up."""
        if self._connection is not None:
            with suppress(Exception):  # the warehouse may have been killed by the test
                self._connection.close()
            self._connection = None

    def _connected(self) -> "SnowflakeConnection":
        if self._connection is None:
            import snowflake.connector  # noqa: PLC0415 — slow

            settings = self.connection
            parameters = settings.session_parameters("winestream test")
            self._connection = snowflake.connector.connect(
                **settings.sign_in(), session_parameters=parameters, autocommit=True
            )
        return self._connection

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
