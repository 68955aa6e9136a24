"""What pytest loads of winestream at every start: three fixtures, and nothing else.

Not inside the package, since importing any part of that takes a tenth of a second. The
broker and the warehouse are processes of their own, started by the first test that
asks for them. Their extra is needed: pip install 'winestream[local]'.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from winestream.local import EmbeddedBroker, EmbeddedWarehouse
    from winestream.testing.service import ServiceUnderTest


@pytest.fixture(scope="session")
def winestream_broker() -> "Iterator[EmbeddedBroker]":
    """Give a Kafka broker in a process of its own, one for all tests."""
    from winestream.local import EmbeddedBroker  # noqa: PLC0415 — see above

    with EmbeddedBroker.start() as broker:
        yield broker


@pytest.fixture(scope="session")
def winestream_warehouse() -> "Iterator[EmbeddedWarehouse]":
    """Give a Snowflake account in a process of its own, one for all tests."""
    from winestream.local import EmbeddedWarehouse  # noqa: PLC0415 — see above

    with EmbeddedWarehouse.start() as warehouse:
        yield warehouse


@pytest.fixture
def winestream_service(
    winestream_broker: "EmbeddedBroker", winestream_warehouse: "EmbeddedWarehouse"
) -> "Iterator[ServiceUnderTest]":
    """Give names, topics and a database of the test's own; see `ServiceUnderTest`."""
    from winestream.testing.service import ServiceUnderTest  # noqa: PLC0415 — see above

    with ServiceUnderTest(winestream_broker, winestream_warehouse) as service:
        yield service
