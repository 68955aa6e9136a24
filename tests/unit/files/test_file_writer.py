"""`FileWriter` beyond the contract: the folder, its books, and a failing disk."""

import errno
import fcntl
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import attrs
import pytest

from winestream.errors import (
    ConfigurationError,
    FatalWriteError,
    RejectedWriteError,
    RetryableWriteError,
)
from winestream.files import Archive, FileWriter, read_rows
from winestream.files.formats import FormatName
from winestream.files.parquet import SCHEMAS
from winestream.files.shape import Kind
from winestream.records import LogPartition, Slice, Want
from winestream.snowflake import columns
from winestream.testing.contract import sample

HERE = LogPartition("cluster", "log", "corks", 0)
TABLES = ("RAW_CORKS", "RAW_BOTTLES")
FORMATS = pytest.mark.parametrize("file_format", ["parquet", "jsonl"])


def piece(start: int, stop: int) -> Slice:
    """Return a slice with something of everything."""
    return Slice(f"owner/{start}", (sample(HERE, start, stop, tables=TABLES),))


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[FileWriter]:
    """Open a writer that has claimed the partition."""
    made = FileWriter(tmp_path, pipeline="corks", format="jsonl")
    made.open()
    made.claim("owner", {HERE: Want(0)})
    yield made
    made.close()


def data_files(folder: Path) -> set[Path]:
    """Return every data file, listed or not."""
    return {p for kind in Kind for p in (folder / "corks" / kind).rglob("*.*")}


@FORMATS
def test_read_rows(tmp_path: Path, file_format: FormatName) -> None:
    """Rows are read back by table, with every column of the one RAW shape."""
    writer = FileWriter(tmp_path, pipeline="corks", format=file_format)
    writer.open()
    writer.claim("owner", {HERE: Want(0)})
    writer.write(piece(0, 20), {HERE: 1})
    writer.close()
    rows = list(read_rows(tmp_path, "corks", "RAW_CORKS"))
    assert [row.offset for row in rows] == [0, 2, 4, 6, 8, 14, 16, 18]
    assert rows[1].occurred_at == datetime(2026, 1, 31, 16, 20, 2, 123456, tzinfo=UTC)
    assert list(read_rows(tmp_path, "corks", "RAW_NOTHING")) == []


def test_files_have_the_warehouse_s_columns() -> None:
    """An archive can be loaded into the warehouse: same names, types and order."""
    assert SCHEMAS[Kind.ROWS].equals(columns.RAW_SCHEMA)
    assert SCHEMAS[Kind.DEAD].equals(columns.DEAD_LETTER_SCHEMA)
    assert SCHEMAS[Kind.GAPS].equals(columns.GAP_SCHEMA)


def test_json_lines_need_no_vendor(tmp_path: Path) -> None:
    """Writing and reading JSON lines loads no pyarrow."""
    code = (
        "import sys; from winestream.files import Archive, FileWriter\n"
        "w = FileWriter(sys.argv[1], pipeline='corks', format='jsonl'); w.open()\n"
        "assert list(Archive(sys.argv[1], 'corks').rows('RAW')) == []\n"
        "assert 'pyarrow' not in sys.modules and 'confluent_kafka' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True, timeout=60)


def test_commit_does_not_grow_with_history(tmp_path: Path, writer: FileWriter) -> None:
    """The cursor file stays small, and a commit only adds its line to the manifest."""
    sizes, grown = [], []
    for start in range(0, 200, 10):
        writer.write(piece(start, start + 10), {HERE: 1})
        sizes.append((tmp_path / "corks" / "cursor.json").stat().st_size)
        grown.append((tmp_path / "corks" / "manifest.jsonl").stat().st_size)
    assert sizes[-1] <= sizes[0] + 10
    steps = [b - a for a, b in zip([0, *grown], grown, strict=False)]
    assert max(steps) <= min(steps) + 20


def test_ledger(tmp_path: Path, writer: FileWriter) -> None:
    """The ledger has a line per slice and partition, with what it held."""
    slices = [piece(0, 20), piece(20, 33)]
    for each in slices:
        writer.write(each, {HERE: 1})
    entries = list(Archive(tmp_path, "corks").ledger())
    assert [(e.slice_id, e.start, e.stop, e.epoch) for e in entries] == [
        ("owner/0", 0, 20, 1),
        ("owner/20", 20, 33, 1),
    ]
    assert [(e.rows, e.dead_letters, e.payload_bytes) for e in entries] == [
        (s.row_count, s.dead_count, s.payload_bytes) for s in slices
    ]


def test_archive_is_a_moment(tmp_path: Path, writer: FileWriter) -> None:
    """What is committed later does not show in an archive opened before."""
    writer.write(piece(0, 10), {HERE: 1})
    archive = Archive(tmp_path, "corks")
    before = list(archive.rows("RAW_CORKS"))
    writer.write(piece(10, 20), {HERE: 1})
    assert list(archive.rows("RAW_CORKS")) == before
    assert len(list(read_rows(tmp_path, "corks", "RAW_CORKS"))) > len(before)


def test_unlisted_file_does_not_count(tmp_path: Path, writer: FileWriter) -> None:
    """A data file, or a manifest line, that no cursor file vouches for is nothing."""
    writer.write(piece(0, 10), {HERE: 1})
    archive = Archive(tmp_path, "corks")
    rows = list(archive.rows("RAW_CORKS"))
    listed = next(archive.files("RAW_CORKS"))
    listed.with_name("stray.jsonl").write_bytes(listed.read_bytes())
    with (tmp_path / "corks" / "manifest.jsonl").open("ab") as manifest:
        manifest.write(b'{"ledger":[],"fil')
    assert list(read_rows(tmp_path, "corks", "RAW_CORKS")) == rows
    writer.write(piece(10, 20), {HERE: 1})
    again = list(read_rows(tmp_path, "corks", "RAW_CORKS"))
    assert [row.offset for row in again] == [0, 2, 4, 6, 8, 14, 16, 18]


def test_two_pipelines_share_a_folder(tmp_path: Path) -> None:
    """Pipelines have folders, cursors and locks of their own."""
    for name in ("corks", "bottles"):
        writer = FileWriter(tmp_path, pipeline=name, format="jsonl")
        writer.open()
        writer.claim("owner", {HERE: Want(0)})
        writer.write(piece(0, 10), {HERE: 1})
        writer.close()
    for name in ("corks", "bottles"):
        assert len(list(read_rows(tmp_path, name, "RAW_CORKS"))) == 5


# ------------------------------------------------------------------ what is in the way


def test_another_format_is_fatal(tmp_path: Path, writer: FileWriter) -> None:
    """A folder keeps the format it was begun with."""
    writer.close()
    with pytest.raises(FatalWriteError, match="jsonl"):
        FileWriter(tmp_path, pipeline="corks", format="parquet").open()


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"not JSON", b'{"what": "winestream files"}'],
)
def test_damaged_cursor_file_is_fatal(
    tmp_path: Path, writer: FileWriter, content: bytes
) -> None:
    """Nothing is written through a cursor file that says nothing."""
    (tmp_path / "corks" / "cursor.json").write_bytes(content)
    with pytest.raises(FatalWriteError, match="damaged"):
        writer.write(piece(0, 10), {HERE: 1})


def test_another_version_is_fatal(tmp_path: Path, writer: FileWriter) -> None:
    """A later winestream's folder is refused, and the message says what to do."""
    writer.close()
    path = tmp_path / "corks" / "cursor.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "version": 2}))
    with pytest.raises(FatalWriteError, match="version 2"):
        FileWriter(tmp_path, pipeline="corks", format="jsonl").open()


def test_missing_cursor_file_is_fatal(tmp_path: Path, writer: FileWriter) -> None:
    """Slices without the file that says which count are not begun over."""
    writer.write(piece(0, 10), {HERE: 1})
    writer.close()
    (tmp_path / "corks" / "cursor.json").unlink()
    with pytest.raises(FatalWriteError, match="nobody knows"):
        FileWriter(tmp_path, pipeline="corks", format="jsonl").open()
    assert data_files(tmp_path)


def test_cut_manifest_is_fatal(tmp_path: Path, writer: FileWriter) -> None:
    """A manifest shorter than the cursor file says is noticed, not patched."""
    writer.write(piece(0, 10), {HERE: 1})
    os.truncate(tmp_path / "corks" / "manifest.jsonl", 10)
    with pytest.raises(FatalWriteError, match="lacks lines"):
        writer.write(piece(10, 20), {HERE: 1})


def test_no_archive(tmp_path: Path) -> None:
    """Reading where nobody wrote says so."""
    with pytest.raises(ConfigurationError, match="holds no"):
        Archive(tmp_path, "corks")


@pytest.mark.parametrize("name", ["", "../corks", "a/b", "1st", "x" * 64])
def test_pipeline_must_be_a_name(tmp_path: Path, name: str) -> None:
    """A pipeline is one folder, never a path."""
    with pytest.raises(ConfigurationError, match="pipeline"):
        FileWriter(tmp_path, pipeline=name)


def test_table_must_be_a_name(tmp_path: Path, writer: FileWriter) -> None:
    """A table of a codec of one's own cannot lead out of the folder."""
    part = sample(HERE, 0, 10, tables=("../../etc", "RAW"))
    with pytest.raises(FatalWriteError, match="table"):
        writer.write(Slice("owner/1", (part,)), {HERE: 1})
    assert data_files(tmp_path) == set()


@FORMATS
def test_value_that_does_not_fit(tmp_path: Path, file_format: FormatName) -> None:
    """A payload that is no text is rejected with a code, never quoted."""
    writer = FileWriter(tmp_path, pipeline="corks", format=file_format)
    writer.open()
    writer.claim("owner", {HERE: Want(0)})
    part = sample(HERE, 0, 2, tables=TABLES)
    rows = attrs.evolve(part.rows[0], payloads=[b"\xff secret"])
    broken = Slice("owner/1", (attrs.evolve(part, rows=(rows, part.rows[1])),))
    with pytest.raises(RejectedWriteError) as caught:
        writer.write(broken, {HERE: 1})
    assert "secret" not in str(caught.value) + caught.value.code
    assert data_files(tmp_path) == set()
    writer.close()


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (errno.ENOSPC, RetryableWriteError),
        (errno.EIO, RetryableWriteError),
        (errno.EROFS, FatalWriteError),
    ],
)
def test_disk_that_fails(
    tmp_path: Path,
    writer: FileWriter,
    monkeypatch: pytest.MonkeyPatch,
    number: int,
    expected: type[Exception],
) -> None:
    """A full disk is waited for, a read-only one is not; neither keeps leftovers."""

    def fsync(_: int) -> None:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fsync)
        with pytest.raises(expected):
            writer.write(piece(0, 10), {HERE: 1})
    assert data_files(tmp_path) == set()
    writer.write(piece(0, 10), {HERE: 1})
    assert len(list(read_rows(tmp_path, "corks", "RAW_CORKS"))) == 5


def test_everything_is_synced_before_it_counts(
    tmp_path: Path, writer: FileWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Data, folders, manifest and the new cursor file come before the rename."""
    steps: list[str] = []
    fsync, replace = os.fsync, os.replace

    home = tmp_path / "corks"

    def noted_fsync(number: int) -> None:
        synced = os.fstat(number)
        steps.extend(
            str(path.relative_to(home))
            for path in (home, *home.rglob("*"))
            if os.path.samestat(path.stat(), synced)
        )
        fsync(number)

    def noted_replace(source: Path, target: Path) -> None:
        steps.append("commit")
        replace(source, target)

    writer.write(piece(0, 10), {HERE: 1})
    monkeypatch.setattr(os, "fsync", noted_fsync)
    monkeypatch.setattr(os, "replace", noted_replace)
    writer.write(piece(10, 20), {HERE: 1})
    before = [step for step in steps if step not in ("manifest.jsonl", "commit", ".")]
    assert len([step for step in before if step.endswith(".jsonl")]) == 4
    assert steps[-4:] == ["manifest.jsonl", "cursor.json.new", "commit", "."]
    assert {Path(s).parent for s in before if s.endswith(".jsonl")} <= set(
        map(Path, before)
    )


# ------------------------------------------------------------------------- the lock


def test_lock_that_is_not_free(tmp_path: Path, writer: FileWriter) -> None:
    """A lock that somebody else holds too long is retryable, and nothing is left."""
    hasty = FileWriter(
        tmp_path,
        pipeline="corks",
        format="jsonl",
        lock_timeout=timedelta(milliseconds=30),
    )
    hasty.open()
    with (tmp_path / "corks" / "cursor.lock").open("r+b") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(RetryableWriteError, match="locked"):
            hasty.write(piece(0, 10), {HERE: 1})
        with pytest.raises(RetryableWriteError, match="locked"):
            hasty.claim("rival", {HERE: Want(0)})
        assert hasty.read([HERE])[HERE].position == 0
    assert data_files(tmp_path) == set()
    hasty.write(piece(0, 10), {HERE: 1})
    hasty.close()
    writer.claim("owner", {HERE: Want(0)})


def test_lock_that_was_removed(tmp_path: Path, writer: FileWriter) -> None:
    """Who removes the lock's file does not let two writers in at once."""
    writer.write(piece(0, 10), {HERE: 1})
    path = tmp_path / "corks" / "cursor.lock"
    path.unlink()
    with path.open("w+b") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        late = threading.Thread(
            target=lambda: writer.write(piece(10, 20), {HERE: 1}), daemon=True
        )
        late.start()
        time.sleep(0.1)
        assert Archive(tmp_path, "corks").cursors[HERE].position == 10
    late.join(20)
    assert Archive(tmp_path, "corks").cursors[HERE].position == 20


# ------------------------------------------------------------------------ the sweep


def test_old_leftovers_are_swept(tmp_path: Path, writer: FileWriter) -> None:
    """At open what is unlisted and old goes; what is listed or young stays."""
    writer.write(piece(0, 10), {HERE: 1})
    listed = data_files(tmp_path)
    some = next(iter(listed))
    old, young = some.with_name("old.jsonl"), some.with_name("young.jsonl")
    for path in (old, young):
        path.write_bytes(b"{}\n")
    days_ago = (datetime.now(UTC) - timedelta(days=3)).timestamp()
    for path in (old, *listed):
        os.utime(path, (days_ago, days_ago))
    sweeping = FileWriter(tmp_path, pipeline="corks", format="jsonl")
    sweeping.open()
    sweeping.close()
    assert data_files(tmp_path) == {*listed, young}


def test_swept_before_its_commit(
    tmp_path: Path, writer: FileWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A writer so slow that its files were swept notices, and writes them again."""
    stage = FileWriter._stage

    def slow(self: FileWriter, *arguments: object) -> None:
        stage(self, *arguments)  # type: ignore[arg-type]
        for path in data_files(tmp_path):
            path.unlink()

    with monkeypatch.context() as patch:
        patch.setattr(FileWriter, "_stage", slow)
        with pytest.raises(RetryableWriteError, match="swept"):
            writer.write(piece(0, 10), {HERE: 1})
    writer.write(piece(0, 10), {HERE: 1})
    assert len(list(read_rows(tmp_path, "corks", "RAW_CORKS"))) == 5
