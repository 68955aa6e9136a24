"""The pytest plugin by its name in the package: `-p winestream.testing.pytest_plugin`.

Installed, it needs no naming: pytest finds it by itself. The fixtures are

- `winestream_broker`: an `EmbeddedBroker` for all tests;
- `winestream_warehouse`: an `EmbeddedWarehouse` for all tests;
- `winestream_service`: a `ServiceUnderTest`, whose names, topics and database no other
  test has.
"""

from winestream_pytest import (
    winestream_broker,
    winestream_service,
    winestream_warehouse,
)

__all__ = ["winestream_broker", "winestream_service", "winestream_warehouse"]
