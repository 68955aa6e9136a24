"""A real Apache Kafka for all tests of this folder, or the reason why there is none.

WINESTREAM_TEST_KAFKA=1 starts one. WINESTREAM_TEST_BROKERS=host:port uses a broker that
is there: tests that stop or secure the broker are then skipped.
"""

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

# Tests are no package: what they share is found by its folder.
sys.path.append(str(Path(__file__).parent))

from benchmarks.apache import ApacheKafka, NoKafkaError
from kafka_world import Cluster, Member

HERE = Path(__file__).parent
WHY_NOT = "set WINESTREAM_TEST_KAFKA=1, or WINESTREAM_TEST_BROKERS=host:port"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test of this folder, and skip it unless it was asked for."""
    asked = any(
        os.environ.get(f"WINESTREAM_TEST_{name}") for name in ("KAFKA", "BROKERS")
    )
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.kafka)
            item.add_marker(pytest.mark.timeout(150))
            if not asked:
                item.add_marker(pytest.mark.skip(reason=WHY_NOT))


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApacheKafka | None]:
    """Start a broker that nobody kills; None when another one is to be used."""
    if os.environ.get("WINESTREAM_TEST_BROKERS"):
        yield None
        return
    try:
        started = ApacheKafka(tmp_path_factory.mktemp("kafka"))
    except NoKafkaError as error:
        print(f"no Apache Kafka: {error}")
        pytest.skip(str(error))
    with started:
        yield started


@pytest.fixture(scope="session")
def cluster(kafka: ApacheKafka | None) -> Cluster:
    """Offer the broker as clients see it."""
    if kafka is None:
        return Cluster(os.environ["WINESTREAM_TEST_BROKERS"])
    return Cluster(kafka.bootstrap)


@pytest.fixture
def mortal(kafka: ApacheKafka | None, tmp_path: Path) -> Iterator[ApacheKafka]:
    """Start a broker of one's own, to be killed."""
    if kafka is None:
        pytest.skip("needs a broker that it may kill")
    with ApacheKafka(tmp_path / "mortal") as started:
        yield started


@pytest.fixture
def member() -> Iterator[Callable[..., Member]]:
    """Open sinks; they are closed at the end, however they ended."""
    made: list[Member] = []

    def make(*arguments: Any, **settings: Any) -> Member:
        made.append(Member(*arguments, **settings))
        return made[-1]

    yield make
    for each in made:
        each.close()
