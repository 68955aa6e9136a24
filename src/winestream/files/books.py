"""The books of an archive: the cursor file, and the manifest that it makes count.

    <folder>/<pipeline>/cursor.json      the truth: cursors, and how much of the
                                         manifest counts; replaced at every commit
    <folder>/<pipeline>/manifest.jsonl   append-only: a line a slice, ranges and files
    <folder>/<pipeline>/rows/<TABLE>/<day>/…, dead_letters/<day>/…, gaps/<day>/…

Only the manifest's first `bytes`, as the cursor file has them, count: what a crash left
behind them is overwritten. So a commit writes a line and the cursors, however long the
history is. A data file counts only if a line that counts lists it.
"""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, get_args

import attrs

from winestream.errors import FatalWriteError
from winestream.files.disk import swap, sync, sync_folder
from winestream.files.formats import FormatName
from winestream.files.shape import Kind
from winestream.records import Cursor, LogPartition

CURSORS: Final = "cursor.json"
MANIFEST: Final = "manifest.jsonl"
LOCK: Final = "cursor.lock"

_WHAT: Final = "winestream files"
VERSION: Final = 1


@attrs.frozen
class Owned:
    """A cursor and who claimed it last."""

    cursor: Cursor
    owner: str


@attrs.frozen
class Standing:
    """What the cursor file says."""

    pipeline: str
    format: FormatName
    manifest_bytes: int = 0
    cursors: Mapping[LogPartition, Owned] = attrs.field(factory=dict)


@attrs.frozen
class Listed:
    """A data file that counts; `path` is relative to the pipeline's folder."""

    kind: Kind
    table: str
    path: str
    rows: int


@attrs.frozen
class LedgerEntry:
    """One log partition of one slice, as it was committed.

    Offsets `[start, stop)`; `rows`, `dead_letters` and `payload_bytes` are what they
    hold. `committed_at` is the writer's clock, ISO 8601 in UTC.
    """

    slice_id: str
    partition: LogPartition
    start: int
    stop: int
    rows: int
    dead_letters: int
    payload_bytes: int
    epoch: int
    committed_at: str


@attrs.frozen
class Entry:
    """A line of the manifest: a slice's ledger and its files."""

    ledger: Sequence[LedgerEntry]
    files: Sequence[Listed]


def load(home: Path) -> Standing | None:
    """Read the cursor file; None where there is none yet.

    Raises `FatalWriteError` for a file of another kind or version, `OSError`.
    """
    path = home / CURSORS
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    try:
        found = json.loads(content)
        made_by = (found["what"], found["version"])
        if made_by != (_WHAT, VERSION) or found["format"] not in get_args(FormatName):
            raise FatalWriteError(
                f"{path} is of {made_by[0]!r}, version {made_by[1]!r}, format "
                f"{found['format']!r}: this winestream reads version {VERSION}. Use "
                "another folder, or the winestream that wrote it"
            )
        return Standing(
            found["pipeline"],
            found["format"],
            found["manifest_bytes"],
            dict(map(_owned, found["cursors"])),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise FatalWriteError(
            f"{path} is damaged ({type(error).__name__}): nothing is written through "
            "that. Put it back from a backup, or start in another folder"
        ) from None


def store(home: Path, standing: Standing) -> None:
    """Put a new cursor file in place: this is the commit. Hold the lock.

    Raises `OSError` when nothing happened, `UnknownOutcomeError` when it may have.
    """
    content = {
        "what": _WHAT,
        "version": VERSION,
        "pipeline": standing.pipeline,
        "format": standing.format,
        "manifest_bytes": standing.manifest_bytes,
        "cursors": [
            {
                **where._asdict(),
                "first": owned.cursor.first,
                "position": owned.cursor.position,
                "epoch": owned.cursor.epoch,
                "owner": owned.owner,
            }
            for where, owned in standing.cursors.items()
        ],
    }
    swap(home / CURSORS, json.dumps(content, indent=1).encode() + b"\n")


def append(home: Path, standing: Standing, entry: Entry) -> int:
    """Write a line behind those that count; return how many bytes would count then.

    Hold the lock. Raises `OSError`, and `FatalWriteError` where lines that count are
    missing.
    """
    path = home / MANIFEST
    line = json.dumps(_plain(entry), separators=(",", ":")).encode() + b"\n"
    new = not path.exists()
    with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o666), "r+b") as file:
        if file.seek(0, os.SEEK_END) < standing.manifest_bytes:
            raise _too_short(path)
        file.seek(standing.manifest_bytes)
        file.truncate()
        file.write(line)
        sync(file)
    if new:
        sync_folder(home)
    return standing.manifest_bytes + len(line)


def entries(home: Path, start: int, stop: int) -> Iterator[Entry]:
    """Yield the manifest's lines between two lengths that count or counted.

    Raises `FatalWriteError` where they are missing, `OSError`.
    """
    if start >= stop:
        return
    path = home / MANIFEST
    with path.open("rb") as file:
        file.seek(start)
        while start < stop:
            line = file.readline()
            start += len(line)
            if not line or start > stop:
                raise _too_short(path)
            yield _entry(json.loads(line))


def _too_short(path: Path) -> FatalWriteError:
    return FatalWriteError(
        f"{path} lacks lines that {CURSORS} counts on: nothing is written through "
        "that. Put both back from one backup, or start in another folder"
    )


def _owned(found: Mapping[str, Any]) -> tuple[LogPartition, Owned]:
    cursor = Cursor(found["position"], found["first"], found["epoch"])
    return _where(found), Owned(cursor, found["owner"])


def _where(found: Mapping[str, Any]) -> LogPartition:
    return LogPartition(*(found[name] for name in LogPartition._fields))


def _plain(entry: Entry) -> dict[str, Any]:
    return {
        "ledger": [
            {**attrs.asdict(each, recurse=False), "partition": each.partition}
            for each in entry.ledger
        ],
        "files": [attrs.asdict(each) for each in entry.files],
    }


def _entry(found: Mapping[str, Any]) -> Entry:
    return Entry(
        [
            LedgerEntry(**{**each, "partition": LogPartition(*each["partition"])})
            for each in found["ledger"]
        ],
        [Listed(**{**each, "kind": Kind(each["kind"])}) for each in found["files"]],
    )
