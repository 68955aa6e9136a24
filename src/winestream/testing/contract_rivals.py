"""Two owners of one log partition who take it from each other all the time."""

import threading
import time
from collections.abc import Iterator
from typing import Final

from winestream.errors import FencedError, RetryableWriteError
from winestream.ports import Writer
from winestream.records import LogPartition, Slice, Want
from winestream.testing.contract_world import WriterWorld, store

PATIENCE: Final = 60.0
"""Seconds that two rivals may take over a few slices."""

STEP: Final = 3
"""Offsets in a slice."""


def written_by_rivals(world: WriterWorld, where: LogPartition) -> Iterator[Slice]:
    """Let two rivals write the world's so many slices; yield those that landed."""
    rivals = [_Rival(world, where, name) for name in ("a", "b")]
    for rival in rivals:
        rival.start()
    for rival in rivals:
        rival.join()
    for rival in rivals:
        if rival.failure is not None:
            raise rival.failure
        yield from rival.landed


class _Rival(threading.Thread):
    """Claims, writes two slices, and claims again, until the log is written."""

    def __init__(self, world: WriterWorld, where: LogPartition, owner: str) -> None:
        super().__init__(name=f"rival-{owner}", daemon=True)
        self._world, self._where, self._owner = world, where, owner
        self._counter = 0
        self._finished = False
        self.landed: list[Slice] = []
        self.failure: BaseException | None = None

    def run(self) -> None:
        """Work; what goes wrong is kept for the test."""
        give_up = time.monotonic() + PATIENCE
        try:
            with self._world.opened() as writer:
                self._work(writer, give_up)
        except BaseException as error:  # noqa: BLE001 — raised by the test
            self.failure = error

    def _work(self, writer: Writer, give_up: float) -> None:
        misses = 0
        while not self._finished:
            _require_time(give_up)
            try:
                self._take_a_turn(writer, give_up)
                misses = 0
            except (FencedError, RetryableWriteError):
                # Growing and unequal: two who always claim at once get nowhere.
                misses += 1
                time.sleep(0.02 * misses * (1 if self._owner == "a" else 1.7))

    def _take_a_turn(self, writer: Writer, give_up: float) -> None:
        """Claim and write two slices; a write is tried again, until it is fenced."""
        here, end = self._where, self._world.rival_slices * STEP
        cursor = store(writer).claim(self._owner, {here: Want(0)})[here]
        position, turn_ends = cursor.position, cursor.position + 2 * STEP
        while position < min(end, turn_ends):
            _require_time(give_up)
            self._counter += 1
            name = f"{self._owner}-{self._counter}"
            piece = self._world.piece(name, (here, position, position + STEP))
            try:
                writer.write(piece, {here: cursor.epoch})
            except RetryableWriteError:
                continue
            self.landed.append(piece)
            position += STEP
        self._finished = position == end


def _require_time(give_up: float) -> None:
    if time.monotonic() > give_up:
        raise AssertionError(f"two rivals got nowhere in {PATIENCE:g} s")
