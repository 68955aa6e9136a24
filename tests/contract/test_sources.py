"""Every source of the house through the one contract; a real Kafka in tests/kafka."""

from collections.abc import Iterator

import pytest
from source_worlds import EmbeddedSourceWorld, MemorySourceWorld

from winestream.kafka.settings import Protocol
from winestream.local import EmbeddedBroker
from winestream.testing.contract import SourceContract, SourceWorld


class TestMemorySource(SourceContract):
    @pytest.fixture
    def world(self) -> SourceWorld:
        return MemorySourceWorld()


@pytest.fixture(scope="module")
def broker() -> Iterator[EmbeddedBroker]:
    """One broker for the module; every world has a topic and a group of its own."""
    with EmbeddedBroker.start() as started:
        yield started


@pytest.mark.parametrize("protocol", ["classic", "consumer"])
class TestKafkaSource(SourceContract):
    @pytest.fixture
    def world(
        self, broker: EmbeddedBroker, protocol: Protocol
    ) -> Iterator[SourceWorld]:
        with EmbeddedSourceWorld(broker, protocol) as world:
            yield world
