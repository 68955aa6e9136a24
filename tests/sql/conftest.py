import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import count
from pathlib import Path

import pytest
import snowflake.connector
from snowflake.connector import SnowflakeConnection

from winestream.local import EmbeddedWarehouse

# Tests are no package: what they share is found by its folder.
sys.path.append(str(Path(__file__).parent))

from elt import Pipeline

Connect = Callable[..., SnowflakeConnection]

_numbers = count(1)


@pytest.fixture(scope="session")
def warehouse() -> Iterator[EmbeddedWarehouse]:
    """One embedded warehouse for all tests; each takes a database of its own."""
    with EmbeddedWarehouse.start() as started:
        yield started


@pytest.fixture
def database() -> str:
    """Return a database name nobody else uses."""
    return f"WINE_{next(_numbers)}"


@pytest.fixture
def connect(warehouse: EmbeddedWarehouse, database: str) -> Iterator[Connect]:
    """Open connections to `database` that are closed after the test."""
    opened: list[SnowflakeConnection] = []

    def open_one(*, autocommit: bool = False) -> SnowflakeConnection:
        arguments = warehouse.connection
        arguments["session_parameters"]["TIMEZONE"] = "UTC"
        opened.append(
            snowflake.connector.connect(
                **arguments, database=database, autocommit=autocommit
            )
        )
        return opened[-1]

    yield open_one
    for connection in opened:
        connection.close()


@pytest.fixture
def connection(connect: Connect) -> Iterator[SnowflakeConnection]:
    """Open one connection with autocommit off, as the writer does."""
    with closing(connect()) as opened:
        yield opened


MakePipeline = Callable[[], Pipeline]


@pytest.fixture(scope="session")
def make_pipeline(warehouse: EmbeddedWarehouse) -> Iterator[MakePipeline]:
    """Deploy into a database of its own, as often as it is called."""
    opened: list[SnowflakeConnection] = []

    def make() -> Pipeline:
        arguments = warehouse.connection
        arguments["session_parameters"]["TIMEZONE"] = "UTC"
        arguments["paramstyle"] = "qmark"
        name = f"ELT_{next(_numbers)}"
        opened.append(
            snowflake.connector.connect(**arguments, database=name, autocommit=True)
        )
        return Pipeline(opened[-1])

    yield make
    for connection in opened:
        connection.close()


@pytest.fixture
def pipeline(make_pipeline: MakePipeline) -> Pipeline:
    """Deploy for one test."""
    return make_pipeline()
