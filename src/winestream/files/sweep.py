"""Data files that no commit lists: what a crash or an outage left behind."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from winestream.files import books
from winestream.files.disk import FolderLock
from winestream.files.shape import Kind


def sweep(home: Path, lock: FolderLock, older_than: float) -> int:
    """Remove unlisted data files last changed before `older_than`; count them.

    `older_than` is in seconds since the epoch. Looks through the whole archive once;
    the lock is held only for the end of it. Raises as `FileWriter.open` does.
    """
    candidates = set(_old(home, older_than))
    if not candidates:
        return 0
    standing = books.load(home)
    known = standing.manifest_bytes if standing else 0
    _forget_listed(home, candidates, 0, known)
    if not candidates:
        return 0
    with lock.held():  # a commit looks under the lock that its files are still there
        standing = books.load(home)
        if standing is None:
            return 0
        _forget_listed(home, candidates, known, standing.manifest_bytes)
        for path in candidates:
            (home / path).unlink(missing_ok=True)
    return len(candidates)


def _old(home: Path, older_than: float) -> Iterator[str]:
    for kind in Kind:
        for path in (home / kind).rglob("*"):
            with suppress(FileNotFoundError):
                if path.is_file() and path.stat().st_mtime < older_than:
                    yield path.relative_to(home).as_posix()


def _forget_listed(home: Path, candidates: set[str], start: int, stop: int) -> None:
    for entry in books.entries(home, start, stop):
        candidates.difference_update(file.path for file in entry.files)
