"""A warehouse for the page: deployed, and filled by the real sink, writer and tasks."""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any, Final

import attrs
import snowflake.connector
import streamlit as st

from full_stack.catalogue import load_catalogue
from full_stack.dashboard import settings as names
from full_stack.dashboard.frame import service
from full_stack.shop import Shop
from full_stack.wiring import DATABASE, PIPELINE, routes
from winestream.errors import ConfigurationError
from winestream.local import EmbeddedWarehouse
from winestream.operations.deploy import deploy, register_tables
from winestream.records import LogPartition
from winestream.sink import BatchingSink
from winestream.snowflake import ConnectionSettings, SnowflakeWriter
from winestream.testing import MemoryMessage, MemorySource

START: Final = datetime(2026, 1, 5, tzinfo=UTC)
BROKEN: Final = {"not json": b"{", "a wrong type": b'{"event_type": 7}', "none": None}
EVENTS: Final = 800
HOSTILE: Final = "<script>alert(1)</script><b>Grand Cru</b>"
"""A wine's name that a page must show, and never run."""


@attrs.frozen
class World:
    """A warehouse and how the page is told where it is."""

    warehouse: EmbeddedWarehouse

    @property
    def environment(self) -> dict[str, str]:
        """Variables for the page, and no other settings of this machine's."""
        return {names.EMBEDDED: json.dumps(self.warehouse.connection)}

    def connect(self) -> Any:
        """Open a session of one's own."""
        return snowflake.connector.connect(
            **self.warehouse.connection, database=DATABASE, autocommit=True
        )

    def rows(self, statement: str) -> list[Any]:
        """Ask something beside the page."""
        with self.connect() as connection:
            found: list[Any] = connection.cursor().execute(statement).fetchall()
            return found


@contextmanager
def deployed(data: Path | None = None) -> Iterator[World]:
    """Start a warehouse with every table and none of the rows."""
    with EmbeddedWarehouse.start(data, time_factor=0) as warehouse:
        with snowflake.connector.connect(
            **warehouse.connection, autocommit=True
        ) as connection:
            cursor = connection.cursor()
            cursor.execute(f"CREATE DATABASE IF NOT EXISTS {DATABASE}")
            cursor.execute(f"USE DATABASE {DATABASE}")
            deploy(connection)
            register_tables(connection, PIPELINE, routes().tables)
        yield World(warehouse)


def fill(world: World, events: int = EVENTS) -> None:
    """Let the shop's story land, a few broken messages among it, and run the tasks."""
    source = MemorySource(_messages(events))
    settings = ConnectionSettings.of(world.warehouse.connection, database=DATABASE)
    writer = SnowflakeWriter(settings, pipeline=PIPELINE, fingerprints=True)
    with BatchingSink(source, routes(), writer, pipeline=PIPELINE) as sink:
        wanted = sum(map(len, source.log.values()))
        while sum(source.commits.values()) < wanted:
            sink.step()
    _run_tasks(world)
    with world.connect() as connection:
        # A second row of history, as if time had passed.
        connection.cursor().execute(
            "INSERT INTO ANALYTICS.KPI_HISTORY SELECT * "
            "REPLACE (DATEADD('minute', -5, AS_OF) AS AS_OF) FROM ANALYTICS.KPI_HISTORY"
        )


def _messages(events: int) -> Mapping[LogPartition, list[MemoryMessage]]:
    shop = Shop(load_catalogue(), seed=1855, start=START)
    logs: dict[LogPartition, list[MemoryMessage]] = {}
    codec = routes()
    values = [
        (each.topic, each.key.encode(), codec.encode(each.event))
        for each in islice(shop.publications(), events)
    ]
    values += [("wine.orders", b"broken", value) for value in BROKEN.values()]
    for topic, key, value in values:
        log = LogPartition("memory", topic, topic, 0)
        held = logs.setdefault(log, [])
        held.append(MemoryMessage(len(held), value, key))
    return logs


def _run_tasks(world: World) -> None:
    for run in world.warehouse.run_tasks_until_idle(timedelta(minutes=2)):
        assert run.state == "SUCCEEDED", run.error_message


@contextmanager
def told(environment: Mapping[str, str]) -> Iterator[None]:
    """Give the page this environment and none of its own kind, and a fresh process."""
    before = dict(os.environ)
    for name in list(os.environ):
        if name.startswith("WINESTREAM_"):
            del os.environ[name]
    os.environ.update(environment)
    st.cache_resource.clear()
    try:
        yield
    finally:
        with suppress(ConfigurationError):
            service().warehouse.close()
        st.cache_resource.clear()
        os.environ.clear()
        os.environ.update(before)
