"""What every writer and every source must keep to, as tests: put yours through them.

    from winestream.testing.contract import CursorStoreContract, WriterWorld

    class MyWorld(WriterWorld): ...      # makes writers, reads back what landed

    class TestMyWriter(CursorStoreContract):
        @pytest.fixture
        def world(self, tmp_path):
            return MyWorld(tmp_path)

A writer without cursors takes `WriterContract`, a source `SourceContract` with a
`SourceWorld`. The classes are plain, with methods `test_…(self, world)`, so that any
runner can call them; importing this loads no pytest.
A world must be empty at the beginning of each test, and so new for each.
"""

from winestream.testing.contract_cursors import CursorStoreContract
from winestream.testing.contract_source import SourceContract
from winestream.testing.contract_source_world import Sent, SourceWorld
from winestream.testing.contract_world import (
    EVERYTHING,
    LandedRow,
    WriterWorld,
    sample,
)
from winestream.testing.contract_writes import WriterContract

__all__ = [
    "EVERYTHING",
    "CursorStoreContract",
    "LandedRow",
    "Sent",
    "SourceContract",
    "SourceWorld",
    "WriterContract",
    "WriterWorld",
    "sample",
]
