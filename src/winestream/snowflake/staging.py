"""Parquet files on their way: sealed locally, put on the stage, removed when done.

Files are put before the transaction, each attempt under names of its own: the
warehouse remembers loaded paths, and a path used twice could be skipped. They go in
folders of a few dozen slices, and a folder is removed only once all its slices are
confirmed. What a crash leaves behind is swept by age, which the path tells.
"""

import uuid
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import date, timedelta
from pathlib import Path

import attrs
import pyarrow as pa
import pyarrow.parquet as pq

from winestream.errors import ConfigurationError
from winestream.records import LogPartition, Slice
from winestream.snowflake.identifiers import qualified
from winestream.snowflake.session import Session
from winestream.snowflake.tables import Load

STAGE = "RAW.INGEST_STAGE"
FOLDER_SLICES = 20
"""Slices a folder takes: one REMOVE for so many."""
KEEP_DAYS = 2
"""Leftovers younger than this may belong to a process still alive."""

_UNIQUE = frozenset(
    {
        "EVENT_ID",
        "OCCURRED_AT",
        "KAFKA_OFFSET",
        "MESSAGE_KEY",
        "MESSAGE_TIMESTAMP",
        "PAYLOAD",
        "VALUE",
    }
)
"""Columns whose values hardly ever repeat."""

_MEANS_MORE = frozenset("'\\*?[")
"""To PUT these are not characters of a path."""


@attrs.frozen
class Staged:
    """One file on the stage. `data` as in `Load`."""

    path: str
    into: str
    rows: int
    data: bool


@attrs.define
class _Folder:
    path: str
    day: date
    slices: list[Mapping[LogPartition, int]] = attrs.field(factory=list)
    """For each slice in it the position that, once confirmed, makes it superfluous."""


@attrs.define
class Staging:
    """Knows which files of this writer are on the stage and still needed.

    `scratch` is a folder of its own for files on their way. Raises
    `ConfigurationError` when PUT could not be told its name.
    """

    pipeline: str
    scratch: Path
    _folders: list[_Folder] = attrs.field(factory=list)
    _confirmed: dict[LogPartition, int] = attrs.field(factory=dict)

    def __attrs_post_init__(self) -> None:
        if _MEANS_MORE & set(str(self.scratch)):
            raise ConfigurationError(
                f"{self.scratch} cannot be used for staging: point TMPDIR at a folder "
                "without quotes, backslashes, brackets and wildcards in its name"
            )

    def put(
        self, session: Session, piece: Slice, loads: Iterable[Load], today: date
    ) -> list[Staged]:
        """Seal and put the slice's files; return them. Raises `WriteError`.

        Loads are taken one by one, and each is let go of once it is sealed.
        """
        attempt = uuid.uuid4().hex
        # A long life in a folder for temporary files: somebody may have tidied up.
        self.scratch.mkdir(mode=0o700, parents=True, exist_ok=True)
        staged: list[Staged] = []
        folder: _Folder | None = None
        for load in loads:
            if folder is None:
                folder = self._folder(today)
                folder.slices.append({p: r.stop for p, r in piece.ranges.items()})
            local = self.scratch / f"{attempt}-{load.table.lower()}.parquet"
            path = f"{folder.path}/{local.name}"
            into = qualified(load.schema, load.table)
            file = Staged(path, into, load.rows.num_rows, load.data)
            try:
                seal(load, local)
                del load
                # Arrow keeps what it has freed, and PUT is about to need as much.
                pa.default_memory_pool().release_unused()
                session.run(
                    f"PUT 'file://{local}' @{STAGE}/{folder.path} "
                    "AUTO_COMPRESS=FALSE OVERWRITE=FALSE"
                )
            finally:
                local.unlink(missing_ok=True)
            staged.append(file)
        return staged

    def confirmed(self, positions: Mapping[LogPartition, int]) -> None:
        """Note how far cursors are known to stand."""
        self._confirmed.update(positions)

    def remove_confirmed(self, session: Session, *, also_open: bool = False) -> None:
        """Remove closed folders whose slices are all confirmed; at the end any."""
        for folder in list(self._folders):
            closed = also_open or _full(folder) or folder is not self._folders[-1]
            if closed and all(map(self._superfluous, folder.slices)):
                session.run(f"REMOVE @{STAGE}/{folder.path}/")
                self._folders.remove(folder)

    def sweep(self, session: Session, today: date) -> None:
        """Remove this pipeline's leftovers of days long gone."""
        listed = session.run(f"LIST @{STAGE}/{self.pipeline}/")
        days = {str(row[0]).partition(f"/{self.pipeline}/")[2][:10] for row in listed}
        for day in sorted(days):
            if _before(day, today - timedelta(days=KEEP_DAYS)):
                session.run(f"REMOVE @{STAGE}/{self.pipeline}/{day}/")

    def _folder(self, today: date) -> _Folder:
        last = self._folders[-1] if self._folders else None
        if last is None or _full(last) or last.day != today:
            name = f"{self.pipeline}/{today.isoformat()}/{uuid.uuid4().hex}"
            last = _Folder(name, today)
            self._folders.append(last)
        return last

    def _superfluous(self, stops: Mapping[LogPartition, int]) -> bool:
        return all(self._confirmed.get(p, -1) >= stop for p, stop in stops.items())


def _full(folder: _Folder) -> bool:
    return len(folder.slices) >= FOLDER_SLICES


def _before(day: str, limit: date) -> bool:
    """Say whether a folder is named by an earlier day; others are not ours."""
    with suppress(ValueError):
        return date.fromisoformat(day) < limit
    return False


_GROUP_ROWS = 16_384
"""What is compressed and waits in memory to be written; a group goes out whole."""


def seal(load: Load, path: Path) -> None:
    """Write the rows as Parquet.

    Dictionaries pay where values repeat; elsewhere looking for repetition costs a third
    of the whole and finds none. zstd level 1 is as small as needed.
    """
    names = [name for name in load.rows.schema.names if name not in _UNIQUE]
    pq.write_table(
        load.rows,
        path,
        compression="zstd",
        compression_level=1,
        use_dictionary=names,
        write_statistics=False,
        row_group_size=_GROUP_ROWS,
    )
