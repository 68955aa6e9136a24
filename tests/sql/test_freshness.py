"""How far each layer is behind, asked of a warehouse whose tasks run when told."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import snowflake.connector

from winestream.local import EmbeddedWarehouse
from winestream.operations.deploy import deploy
from winestream.operations.freshness import freshness

ARRIVED = (
    "insert into RAW.RAW_INVENTORY select '{id}', 'INVENTORY_ADJUSTED', sysdate(), 1, "
    "'c', 't', 'wine.inventory', 0, {offset}, null, null, 's', "
    "dateadd('second', -{ago}, sysdate()), '{{}}'"
)


@pytest.fixture
def warehouse() -> Iterator[EmbeddedWarehouse]:
    """Offer one whose tasks run only when told."""
    with EmbeddedWarehouse.start(time_factor=0) as started:
        yield started


@pytest.fixture
def deployed(warehouse: EmbeddedWarehouse) -> Iterator[Any]:
    """Connect to it, with all layers in place."""
    with snowflake.connector.connect(
        **warehouse.connection, database="WINE", autocommit=True
    ) as connection:
        deploy(connection)
        yield connection


def behind(connection: Any) -> Mapping[str, int]:
    """Return the layers' figures."""
    return {each.layer: each.behind_seconds for each in freshness(connection)}


def arrive(connection: Any, name: str, ago: int) -> None:
    """Put a row into RAW that was loaded some seconds ago."""
    offset = int(name.removeprefix("e"))
    connection.cursor().execute(ARRIVED.format(id=name, offset=offset, ago=ago))


def test_what_waits_makes_a_layer_late_and_the_layers_above_it(
    warehouse: EmbeddedWarehouse, deployed: Any
) -> None:
    """The oldest row counts; once the tasks have run, nothing is late, however old."""
    arrive(deployed, "e1", 4000)
    arrive(deployed, "e2", 50)
    seen = behind(deployed)
    assert 50 <= seen["RAW"] < 90, "RAW is as old as its newest row"
    for layer in ("STAGING", "PRODUCTION", "ANALYTICS"):
        assert 4000 <= seen[layer] < 4090, layer
    warehouse.run_tasks_until_idle()
    seen = behind(deployed)
    assert seen["STAGING"] == seen["PRODUCTION"] == seen["ANALYTICS"] == 0


def test_looking_takes_nothing_away(
    warehouse: EmbeddedWarehouse, deployed: Any
) -> None:
    """A stream that was looked at still brings its rows to the next layer."""
    arrive(deployed, "e1", 10)
    for _ in range(2):
        freshness(deployed)
    warehouse.run_tasks_until_idle()
    found = deployed.cursor().execute("select count(*) from STAGING.STAGING_INVENTORY")
    assert found.fetchone() == (1,)


def test_a_repeated_event_is_not_late_for_ever(
    warehouse: EmbeddedWarehouse, deployed: Any
) -> None:
    """STAGING takes no event twice; such a row does not wait once it was looked at."""
    arrive(deployed, "e1", 500)
    warehouse.run_tasks_until_idle()
    deployed.cursor().execute(ARRIVED.format(id="e1", offset=2, ago=400))
    assert 400 <= behind(deployed)["STAGING"] < 440
    warehouse.run_tasks_until_idle()
    assert behind(deployed)["STAGING"] == 0


def test_an_empty_warehouse_is_not_late(deployed: Any) -> None:
    """Nothing waits before the first row, and RAW has no age then."""
    assert behind(deployed) == {"STAGING": 0, "PRODUCTION": 0, "ANALYTICS": 0}


def test_what_is_not_deployed_is_not_told(warehouse: EmbeddedWarehouse) -> None:
    """A database without layers has no figures."""
    with snowflake.connector.connect(
        **warehouse.connection, database="EMPTY", autocommit=True
    ) as bare:
        assert freshness(bare) == ()
