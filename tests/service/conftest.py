"""A broker, a warehouse and a service of one's own, by the library's own fixtures."""

import sys
from pathlib import Path

from winestream.testing.pytest_plugin import (
    winestream_broker,
    winestream_service,
    winestream_warehouse,
)

__all__ = ["winestream_broker", "winestream_service", "winestream_warehouse"]

# Tests are no package: `cork_project` is found by its folder.
sys.path.append(str(Path(__file__).parent))
