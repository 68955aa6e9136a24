"""`KafkaSource` against a real broker, through the contract of every source."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from kafka_world import Cluster

from winestream.kafka.settings import Protocol
from winestream.testing.contract import SourceContract, SourceWorld

# Tests are no package: what they share is found by its folder.
sys.path.append(str(Path(__file__).parents[1] / "contract"))

from source_worlds import RealSourceWorld


@pytest.mark.parametrize("protocol", ["classic", "consumer"])
class TestKafkaSource(SourceContract):
    @pytest.fixture
    def world(self, cluster: Cluster, protocol: Protocol) -> Iterator[SourceWorld]:
        with RealSourceWorld(cluster.bootstrap, protocol) as world:
            yield world
