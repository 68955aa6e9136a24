"""Takeover: a claim ends what a dead owner left behind, and nothing else."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from warehouse_world import World, segment

from winestream.errors import RetryableWriteError
from winestream.records import Cursor, Slice, Want
from winestream.snowflake.takeover import transaction_name

pytestmark = pytest.mark.timeout(60)

UPDATE = "UPDATE OPS.INGEST_CURSOR SET OWNER = OWNER WHERE PIPELINE = ?"


@contextmanager
def _open_transaction(
    world: World, name: str, sql: str, *values: Any
) -> Iterator[None]:
    """Stand in a transaction, as a process that was cut off does on the server."""
    connection = world.connect(autocommit=False)
    cursor = connection.cursor()
    cursor.execute(f"BEGIN TRANSACTION NAME {name}")
    cursor.execute(sql, values)
    yield
    connection.rollback()


def test_a_dead_owners_transaction_is_ended(world: World) -> None:
    """The claim that found the lock taken is retried, and the next one gets it."""
    here = world.partition()
    world.owned(None, here, owner="dead")
    writer = world.writer(patience=timedelta(0))
    name = transaction_name(world.pipeline, "dead")
    with _open_transaction(world, name, UPDATE, world.pipeline):
        with pytest.raises(RetryableWriteError, match="000625"):
            writer.claim("heir", {here: Want(0)})
        assert writer.claim("heir", {here: Want(0)}) == {here: Cursor(0, 0, 2)}
    writer.write(Slice("heir/1", (segment(here, 0, 2),)), {here: 2})
    world.assert_exactly_once()


@pytest.mark.parametrize(
    ("name", "patience"),
    [
        ("winestream_{pipeline}__sibling", timedelta(minutes=1)),
        ("winestream_{pipeline}x__other", timedelta(0)),
        ("somebody_elses", timedelta(0)),
    ],
)
def test_the_living_are_left_alone(
    world: World, name: str, patience: timedelta
) -> None:
    """A short hold, another pipeline and a stranger's transaction stay as they are."""
    here = world.partition()
    world.owned(None, here)
    writer = world.writer(patience=patience)
    given = name.format(pipeline=world.pipeline.replace("-", "_"))
    with _open_transaction(world, given, UPDATE, world.pipeline):
        for _ in range(2):
            with pytest.raises(RetryableWriteError, match="000625"):
                writer.claim("heir", {here: Want(0)})
    assert writer.claim("heir", {here: Want(0)}) == {here: Cursor(0, 0, 2)}


def test_a_sibling_in_a_long_copy_is_left_alone(world: World) -> None:
    """Who holds no lock of the cursor table is in nobody's way, however long."""
    mine, theirs = world.partition(0), world.partition(1)
    writer = world.writer(patience=timedelta(0))
    world.owned(None, mine, theirs)
    in_the_way = world.connect(autocommit=False)
    in_the_way.cursor().execute(UPDATE, [world.pipeline])
    sibling = transaction_name(world.pipeline, "sibling")
    insert = (
        "INSERT INTO OPS.INGEST_TABLES (PIPELINE, TABLE_NAME) SELECT ?, 'RAW_EVENTS'"
    )
    with _open_transaction(world, sibling, insert, world.pipeline):
        with pytest.raises(RetryableWriteError):
            writer.claim("me", {mine: Want(0)})
        shown = world.ask("SHOW TRANSACTIONS")
        assert any(sibling in row for row in shown)
    in_the_way.rollback()
