"""`FileWriter`: slices into a folder, exactly once, through a cursor file."""

import re
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import get_args

import attrs

from winestream.errors import (
    ConfigurationError,
    FatalWriteError,
    FencedError,
    RejectedWriteError,
    RetryableWriteError,
    UnknownOutcomeError,
)
from winestream.files import books
from winestream.files.books import Entry, LedgerEntry, Listed, Owned, Standing
from winestream.files.claims import claimed
from winestream.files.disk import (
    FolderLock,
    make_folder,
    sync,
    sync_folder,
    write_error,
)
from winestream.files.formats import Format, FormatName, format_of
from winestream.files.shape import Load, loads_of
from winestream.files.sweep import sweep
from winestream.records import Cursor, LogPartition, Slice, Want

_PIPELINE = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,62}", re.ASCII)
"""A folder's name as it is; the rule is `BatchingSink`'s."""


def _utc_now() -> datetime:
    return datetime.now(UTC)


class FileWriter:
    """A `Writer` and `CursorStore` on a folder of a local disk. One thread owns it.

    Any number of processes of one machine may write one pipeline; the cursor file is
    changed under an exclusive lock, waited for at most `lock_timeout`. A slice becomes
    a file per table in `format`, and one of dead letters and of gaps where it has any.
    A file counts once the commit lists it, so read through `Archive`; what a crash left
    unlisted is removed at `open`, `sweep_after` later (longer than any write takes).
    `now` dates files and rows; give UTC.

    Not for network file systems. Raises `ConfigurationError` for a name or format that
    cannot work.
    """

    def __init__(
        self,
        folder: Path | str,
        *,
        pipeline: str,
        format: FormatName = "parquet",  # noqa: A002 — the word that users look for
        lock_timeout: timedelta = timedelta(seconds=20),
        sweep_after: timedelta = timedelta(days=1),
        now: Callable[[], datetime] = _utc_now,
    ) -> None:
        if not _PIPELINE.fullmatch(pipeline):
            raise ConfigurationError(
                f"pipeline {pipeline[:80]!r} must be a letter followed by at most 62 "
                "letters, digits, '-' or '_': it names a folder"
            )
        if format not in get_args(FormatName):
            raise ConfigurationError(
                f"format {format!r}: choose one of {', '.join(get_args(FormatName))}"
            )
        self._folder = Path(folder)
        self._home = self._folder / pipeline
        self._pipeline = pipeline
        self._format_name: FormatName = format
        self._format: Format | None = None
        self._lock = FolderLock(self._home / books.LOCK, lock_timeout.total_seconds())
        self._sweep_after = sweep_after
        self._now = now
        # Names are unique over all writers and attempts.
        self._token, self._numbers = secrets.token_hex(4), count(1)

    # ------------------------------------------------------------------- the writer

    @property
    def pipeline(self) -> str:
        """The pipeline whose cursors it keeps."""
        return self._pipeline

    def open(self) -> None:
        """Make the folder or check what is in it, and sweep old leftovers.

        Raises `FatalWriteError` for a folder of another format, version or pipeline and
        one that may not be written, `RetryableWriteError` when the lock is not free.
        """
        with self._errors(f"open {self._home}"):
            self._format = format_of(self._format_name)
            self._folder.mkdir(parents=True, exist_ok=True)
            make_folder(self._home, below=self._folder)
            with self._lock.held():
                if books.load(self._home) is None:
                    self._begin()
                else:
                    self._standing()
            sweep(self._home, self._lock, (self._now() - self._sweep_after).timestamp())

    def write(self, piece: Slice, epochs: Mapping[LogPartition, int]) -> None:
        """Commit the slice; see `Writer.write`.

        `UnknownOutcomeError` only when the disk failed after the cursor file was
        replaced. A value that the format cannot hold is a `RejectedWriteError`.
        """
        form = self._require_open()
        if not piece.ranges:
            return
        with self._errors(f"write a slice to {self._home}"):
            now = self._now()
            files: list[Listed] = []
            try:
                self._stage(piece, form, now, files)
                with self._lock.held():
                    self._commit(piece, epochs, files, now)
            except UnknownOutcomeError:
                raise  # they may be listed now
            except Exception:
                self._discard(files)
                raise

    def close(self) -> None:
        """Let go of the lock's file. Safe to call again."""
        self._lock.close()
        self._format = None

    # ------------------------------------------------------------- the cursor store

    def claim(
        self, owner: str, wants: Mapping[LogPartition, Want]
    ) -> Mapping[LogPartition, Cursor]:
        """Claim cursors; see `CursorStore.claim`."""
        self._require_open()
        with self._errors(f"claim in {self._home}"), self._lock.held():
            standing = self._standing()
            cursors, got = claimed(standing.cursors, owner, wants)
            if got:
                self._store_claim(attrs.evolve(standing, cursors=cursors))
            return got

    def read(self, partitions: Iterable[LogPartition]) -> Mapping[LogPartition, Cursor]:
        """Return committed cursors; see `CursorStore.read`."""
        self._require_open()
        with self._errors(f"read the cursors in {self._home}"):
            cursors = self._standing().cursors
            # Whoever asks will tell others: let it outlive a loss of power first.
            sync_folder(self._home)
        return {p: cursors[p].cursor for p in partitions if p in cursors}

    # -------------------------------------------------------------------- privately

    def _begin(self) -> None:
        """Write the first cursor file, unless one was there before."""
        if (self._home / books.MANIFEST).exists():
            raise FatalWriteError(
                f"{self._home} holds slices but no {books.CURSORS}, so nobody knows "
                "which of them count. Put it back from a backup, or start in another "
                "folder"
            )
        try:
            books.store(self._home, Standing(self._pipeline, self._format_name))
        except UnknownOutcomeError as error:
            raise RetryableWriteError(f"open: {error}") from None

    def _standing(self) -> Standing:
        """Read the cursor file and make sure that it is this writer's."""
        standing = books.load(self._home)
        if standing is None:
            raise FatalWriteError(f"{self._home / books.CURSORS} has disappeared")
        found = (standing.pipeline, standing.format)
        if found != (self._pipeline, self._format_name):
            raise FatalWriteError(
                f"{self._home} is of the pipeline {found[0]!r} in format {found[1]!r}, "
                f"not {self._pipeline!r} in {self._format_name!r}: use another folder"
            )
        return standing

    def _store_claim(self, standing: Standing) -> None:
        """Store, and after a doubt look: what can be seen now is in force.

        A claim need not outlive a loss of power, for its owner would not either.
        """
        try:
            books.store(self._home, standing)
        except UnknownOutcomeError as error:
            if books.load(self._home) != standing:
                raise RetryableWriteError(f"claim: {error}") from None

    def _commit(
        self,
        piece: Slice,
        epochs: Mapping[LogPartition, int],
        files: Sequence[Listed],
        now: datetime,
    ) -> None:
        """Compare, list the files, set the cursors. The lock is held."""
        standing = self._standing()
        cursors = dict(standing.cursors)
        fenced = [
            partition
            for partition, (start, _) in piece.ranges.items()
            if (owned := cursors.get(partition)) is None
            or (owned.cursor.position, owned.cursor.epoch) != (start, epochs[partition])
        ]
        if fenced:
            raise FencedError(fenced)
        for file in files:
            if not (self._home / file.path).is_file():
                raise RetryableWriteError(f"{file.path} was swept before its commit")
        for partition, (_, stop) in piece.ranges.items():
            owned = cursors[partition]
            moved = attrs.evolve(owned.cursor, position=stop)
            cursors[partition] = Owned(moved, owned.owner)
        entry = Entry(list(_ledger(piece, epochs, now)), files)
        length = books.append(self._home, standing, entry)
        books.store(
            self._home, attrs.evolve(standing, manifest_bytes=length, cursors=cursors)
        )

    def _stage(
        self, piece: Slice, form: Format, now: datetime, files: list[Listed]
    ) -> None:
        """Write and sync the data files; `files` grows by each before it is made."""
        try:
            for load in loads_of(piece, now):
                files.append(self._file_for(load, form, now))
                path = self._home / files[-1].path
                make_folder(path.parent, below=self._home)
                with path.open("xb") as into:
                    form.write(into, load)
                    sync(into)
        except (ValueError, OverflowError) as error:
            code = type(error).__name__
            raise RejectedWriteError(
                f"a {self._format_name} file cannot hold a value: {code}", code=code
            ) from None
        for folder in {(self._home / file.path).parent for file in files}:
            sync_folder(folder)

    def _file_for(self, load: Load, form: Format, now: datetime) -> Listed:
        """Choose a name that no other attempt has."""
        stamp = now.astimezone(UTC)
        name = f"{stamp:%Y%m%dT%H%M%S}-{self._token}-{next(self._numbers):06d}"
        folders = (load.kind, load.table, f"{stamp:%Y-%m-%d}")
        path = "/".join((*filter(None, folders), f"{name}.{form.SUFFIX}"))
        return Listed(load.kind, load.table, path, load.count)

    def _discard(self, files: Iterable[Listed]) -> None:
        """Remove what will not be committed; what stays is swept by age."""
        for file in files:
            with suppress(OSError):
                (self._home / file.path).unlink(missing_ok=True)

    def _require_open(self) -> Format:
        if self._format is None:
            raise RuntimeError("open() comes first")
        return self._format

    @contextmanager
    def _errors(self, doing: str) -> Iterator[None]:
        """Turn what the file system says into the port's errors."""
        try:
            yield
        except OSError as error:
            raise write_error(error, doing) from None


def _ledger(
    piece: Slice, epochs: Mapping[LogPartition, int], now: datetime
) -> Iterator[LedgerEntry]:
    for partition, (start, stop) in piece.ranges.items():
        parts = piece.segments_of(partition)
        yield LedgerEntry(
            slice_id=piece.id,
            partition=partition,
            start=start,
            stop=stop,
            rows=sum(part.row_count for part in parts),
            dead_letters=sum(len(part.dead) for part in parts),
            payload_bytes=sum(part.payload_bytes for part in parts),
            epoch=epochs[partition],
            committed_at=now.astimezone(UTC).isoformat(),
        )
