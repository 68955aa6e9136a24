"""Every writer of the house through the one contract."""

import itertools
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import snowflake.connector
from contract_worlds import FileWorld, MemoryWorld
from snowflake_contract import DATABASE, SnowflakeWorld

from winestream.files.formats import FormatName
from winestream.local import EmbeddedWarehouse
from winestream.operations.deploy import deploy
from winestream.testing.contract import CursorStoreContract, WriterWorld

_numbers = itertools.count(1)


class TestMemoryWriter(CursorStoreContract):
    @pytest.fixture
    def world(self) -> WriterWorld:
        return MemoryWorld()


class _FailingDisk(FileWorld):
    """A folder whose disk fails at the commit: before it, or after."""

    def __init__(
        self, folder: Path, file_format: FormatName, patch: pytest.MonkeyPatch
    ) -> None:
        super().__init__(folder, file_format)
        self._patch = patch

    def break_next_write(self, _writer: object) -> None:
        # The last sync before the commit is that of the new cursor file.
        new = self.folder / "wine" / "cursor.json.new"
        self._fail_at_sync(lambda number: _is(number, new))

    def lose_next_answer(self, _writer: object) -> None:
        real = os.replace

        def replace(source: Path, target: Path) -> None:
            real(source, target)
            self._patch.setattr(os, "replace", real)
            self._fail_at_sync(lambda _: True)

        self._patch.setattr(os, "replace", replace)

    def _fail_at_sync(self, here: Callable[[int], bool]) -> None:
        real = os.fsync

        def fsync(number: int) -> None:
            if here(number):
                self._patch.setattr(os, "fsync", real)
                raise OSError(5, "planned: input/output error")
            real(number)

        self._patch.setattr(os, "fsync", fsync)


def _is(descriptor: int, path: Path) -> bool:
    return path.exists() and os.path.samestat(os.fstat(descriptor), path.stat())


@pytest.mark.parametrize("file_format", ["parquet", "jsonl"])
class TestFileWriter(CursorStoreContract):
    @pytest.fixture
    def world(
        self, tmp_path: Path, file_format: FormatName, monkeypatch: pytest.MonkeyPatch
    ) -> WriterWorld:
        return _FailingDisk(tmp_path / "archive", file_format, monkeypatch)


@pytest.fixture(scope="module")
def warehouse() -> Iterator[EmbeddedWarehouse]:
    """One deployed warehouse for the module; every world has a log of its own."""
    with EmbeddedWarehouse.start() as started:
        with snowflake.connector.connect(**started.connection) as connection:
            connection.cursor().execute(f"CREATE DATABASE {DATABASE}")
            connection.cursor().execute(f"USE DATABASE {DATABASE}")
            deploy(connection)
        yield started


class TestSnowflakeWriter(CursorStoreContract):
    @pytest.fixture
    def world(self, warehouse: EmbeddedWarehouse) -> Iterator[WriterWorld]:
        with SnowflakeWorld(warehouse, f"contract{next(_numbers)}") as world:
            yield world
