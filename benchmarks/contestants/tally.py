"""What the processes of one contestant share: who is ready, and how much is read."""

import mmap
import os
import time
from pathlib import Path

_WIDTH = 8
_PATIENCE_SECONDS = 30.0


class Tally:
    """One number per process, in a file all map; each writes only its own.

    The number is one more than the messages read, and zero until the process is ready.
    """

    def __init__(self, path: str, processes: int, index: int) -> None:
        self._mine = slice(index * _WIDTH, (index + 1) * _WIDTH)
        with Path(path).open("r+b") as file:
            self._view = mmap.mmap(file.fileno(), processes * _WIDTH)

    def gather(self) -> None:
        """Wait until every process is ready, so that all join the group at once."""
        self.set(0)
        give_up = time.monotonic() + _PATIENCE_SECONDS
        while 0 in self._numbers():
            if time.monotonic() > give_up:
                raise TimeoutError("another process of this contestant never started")
            time.sleep(0.001)

    @staticmethod
    def make(path: Path, processes: int) -> None:
        """Make the file, all numbers zero."""
        path.touch()
        os.truncate(path, processes * _WIDTH)

    def set(self, number: int) -> None:
        """Tell the others how far this process is."""
        self._view[self._mine] = (number + 1).to_bytes(_WIDTH, "little")

    def total(self) -> int:
        """Return how many messages all have read."""
        return sum(max(0, number - 1) for number in self._numbers())

    def _numbers(self) -> list[int]:
        whole = bytes(self._view)
        return [
            int.from_bytes(whole[at : at + _WIDTH], "little")
            for at in range(0, len(whole), _WIDTH)
        ]
