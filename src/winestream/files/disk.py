"""What makes bytes durable on a local disk, and who may change a folder just now.

A name is durable only when the folder that holds it was synced as well. POSIX only.
"""

import errno
import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Final

from winestream.errors import (
    FatalWriteError,
    RetryableWriteError,
    UnknownOutcomeError,
    WriteError,
)

# What somebody has to mend by hand. Anything else, a full disk first of all, passes.
_HOPELESS: Final = {
    errno.EACCES: "give this process the right to write there",
    errno.EPERM: "give this process the right to write there",
    errno.EROFS: "the file system is read-only; mount it otherwise or move the folder",
    errno.ENOTDIR: "a file stands where a folder must be",
    errno.EISDIR: "a folder stands where a file must be",
    errno.ENAMETOOLONG: "choose a shorter folder or table name",
}

_LOOK_AGAIN_SECONDS = 0.005
"""Between two looks at a taken lock; a commit holds it for some syncs of the disk."""


def write_error(error: OSError, doing: str) -> WriteError:
    """Return the error to raise for one of the file system's; nothing was committed."""
    said = f"{doing}: {error.strerror or type(error).__name__}"
    advice = _HOPELESS.get(error.errno or 0)
    if advice is not None:
        return FatalWriteError(f"{said}; {advice}")
    return RetryableWriteError(said)


def sync(file: BinaryIO) -> None:
    """Make what was written into a file durable; its name is another matter."""
    file.flush()
    os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_folder(folder: Path, *, below: Path) -> None:
    """Make a folder and its parents, durably, but nothing at or above `below`.

    So an archive whose disk is not mounted just now is not begun anew elsewhere.
    """
    if folder == below or folder.is_dir():
        return
    make_folder(folder.parent, below=below)
    folder.mkdir(exist_ok=True)
    sync_folder(folder.parent)


def swap(path: Path, content: bytes) -> None:
    """Put a whole new file in the place of `path`, atomically and durably.

    An `OSError` means that nothing happened, `UnknownOutcomeError` that the new file
    may be there, or there only until the machine loses power. One caller at a time.
    """
    new = path.with_name(f"{path.name}.new")
    with new.open("wb") as file:
        file.write(content)
        sync(file)
    try:
        new.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        raise UnknownOutcomeError(
            f"{path.name}: {error.strerror}, it may have been replaced"
        ) from None


class FolderLock:
    """An exclusive lock between processes and writers of one machine: flock on a file.

    The system lets it go when its process dies. Not for network file systems. One
    thread owns it.
    """

    def __init__(self, path: Path, patience: float) -> None:
        self._path = path
        self._patience = patience
        self._descriptor: int | None = None

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the lock for the body.

        Raises `RetryableWriteError` when somebody else has it for `patience` seconds.
        """
        give_up = time.monotonic() + self._patience
        while not self._take():
            if time.monotonic() >= give_up:
                raise RetryableWriteError(
                    f"{self._path} is locked by another process for more than "
                    f"{self._patience:g} s"
                )
            time.sleep(_LOOK_AGAIN_SECONDS)
        try:
            yield
        finally:
            self._let_go()

    def close(self) -> None:
        """Let go of the file. Safe to call again."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            with suppress(OSError):
                os.close(descriptor)

    def _let_go(self) -> None:
        """Unlock, without a word: what was done under the lock is done."""
        if self._descriptor is not None:
            try:
                fcntl.flock(self._descriptor, fcntl.LOCK_UN)
            except OSError:
                self.close()

    def _take(self) -> bool:
        if self._descriptor is None:
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
            self._descriptor = os.open(self._path, flags, 0o666)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        if self._is_the_file():
            return True
        # Somebody removed the file: others lock the one that has its name now.
        self.close()
        return False

    def _is_the_file(self) -> bool:
        if self._descriptor is None:
            return False
        try:
            return os.path.samestat(os.fstat(self._descriptor), self._path.stat())
        except FileNotFoundError:
            return False
