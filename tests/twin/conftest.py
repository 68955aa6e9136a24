"""A deployed warehouse for all tests of the writer, and a pipeline for each."""

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from winestream.local import EmbeddedWarehouse

# Tests are no package: what the twin's tests share is found by its folder.
sys.path.append(str(Path(__file__).parent))

from warehouse_world import DATABASE, World, deployed


@pytest.fixture(scope="session")
def wine_warehouse() -> Iterator[EmbeddedWarehouse]:
    """One warehouse with the tables of sql/; nobody may kill it."""
    with EmbeddedWarehouse.start() as warehouse:
        deployed(warehouse, DATABASE)
        yield warehouse


@pytest.fixture(scope="module")
def mortal_warehouse() -> Iterator[EmbeddedWarehouse]:
    """One warehouse with the tables of sql/ that a test may kill and restart."""
    with EmbeddedWarehouse.start() as warehouse:
        deployed(warehouse, DATABASE)
        yield warehouse


@pytest.fixture
def new_world() -> Iterator[Callable[[EmbeddedWarehouse], World]]:
    """Make worlds that are closed after the test."""
    with ExitStack() as stack:
        yield lambda warehouse: stack.enter_context(World(warehouse))


@pytest.fixture
def world(
    wine_warehouse: EmbeddedWarehouse,
    new_world: Callable[[EmbeddedWarehouse], World],
) -> World:
    """Return a pipeline and a log of the test's own in the shared warehouse."""
    return new_world(wine_warehouse)
