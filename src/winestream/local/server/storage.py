"""The data folder: one DuckDB file per database, one for the catalogue, the stages.

What DuckDB has committed survives SIGKILL. fakesnow keeps stages, file formats and
column lengths in a catalogue in memory; here that catalogue is a file as well, so a
restart finds them again. One process at a time owns a folder.
"""

import collections
import contextlib
import fcntl
import logging
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
from fakesnow import info_schema
from fakesnow.instance import GLOBAL_DATABASE_NAME, FakeSnow
from fakesnow.transforms import show, stage

from winestream.errors import ConfigurationError
from winestream.local.server import macros, variants

if TYPE_CHECKING:
    from fakesnow.conn import FakeSnowflakeConnection

_log = logging.getLogger(__name__)

_LOCK_FILE = "in-use.lock"
_CATALOGUE = "catalogue.duckdb"
_STAGES = "stages"
# RESULT_SCAN reaches this far back, if it was not large; fakesnow keeps all for ever.
_RESULTS_KEPT, _RESULT_BYTES = 20, 4_000_000


class _RecentResults(collections.OrderedDict[str, Any]):
    def __setitem__(self, key: str, value: Any) -> None:  # noqa: ANN401 - as stored
        if value[0].nbytes > _RESULT_BYTES:
            return
        super().__setitem__(key, value)
        while len(self) > _RESULTS_KEPT:
            self.popitem(last=False)


class _Instance(FakeSnow):
    """fakesnow's root object with its catalogue on disk instead of in memory."""

    def __init__(self, folder: Path) -> None:
        # Deliberately without super().__init__(): it would attach a catalogue in
        # memory under the same name, and there is no other place to say so.
        self.create_database_on_connect = True
        self.create_schema_on_connect = True
        self.db_path = folder
        self.nop_regexes = None
        self.results_cache = _RecentResults()
        self.duck_conn = duckdb.connect(
            ":memory:", config={"lambda_syntax": "ENABLE_SINGLE_ARROW"}
        )
        self.duck_conn.execute(
            f"ATTACH '{_quoted(folder / _CATALOGUE)}' AS {GLOBAL_DATABASE_NAME}"
        )
        self.duck_conn.execute(info_schema.fs_global_creation_sql())
        self.duck_conn.execute(show.fs_global_creation_sql())
        self.duck_conn.execute("SET GLOBAL TimeZone = 'UTC'")
        for file in sorted(folder.glob("*.db")):
            name = file.stem
            self.duck_conn.execute(f"ATTACH '{_quoted(file)}' AS {name}")
            self.duck_conn.execute(info_schema.per_db_creation_sql(name))
            self.duck_conn.execute(macros.creation_sql(name))


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")


class Storage:
    """An open data folder. Raises ConfigurationError if another process has it."""

    def __init__(self, folder: Path) -> None:
        with contextlib.suppress(OSError):  # fakesnow makes one when it is imported
            Path(stage.LOCAL_BUCKET_PATH).rmdir()
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder.resolve()
        self._lock = self._claim()
        macros.install()
        variants.install()
        self.stages = self.folder / _STAGES
        self.stages.mkdir(exist_ok=True)
        stage.LOCAL_BUCKET_PATH = str(self.stages)
        self._instance = _Instance(self.folder)

    def _claim(self) -> int:
        handle = os.open(self.folder / _LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(handle)
            raise ConfigurationError(
                f"{self.folder} is in use by another embedded warehouse; "
                "stop that process or choose another data folder."
            ) from None
        return handle

    def connect(
        self, database: str | None, schema: str | None
    ) -> "FakeSnowflakeConnection":
        """Open a DuckDB connection; not safe to call from two threads at once."""
        return self._instance.connect(database, schema)

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """Another DuckDB connection to the same databases, for the server itself."""
        return self._instance.duck_conn.cursor()

    def close(self) -> None:
        """Write everything into the data files and let go of the folder."""
        self._instance.duck_conn.close()
        os.close(self._lock)

    def remove(self) -> None:
        """Delete the folder; for a private, temporary one after `close`."""
        shutil.rmtree(self.folder, ignore_errors=True)
