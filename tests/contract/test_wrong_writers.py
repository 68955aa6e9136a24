"""The contract is worth something: it fails writers that are wrong on purpose."""

from collections.abc import Mapping
from unittest import SkipTest

import attrs
import pytest
from contract_worlds import MemoryWorld

from winestream.errors import FencedError, RetryableWriteError
from winestream.ports import Writer
from winestream.records import Cursor, LogPartition, Slice, Want
from winestream.testing import Fault, MemoryWriter
from winestream.testing.contract import CursorStoreContract, WriterContract

Epochs = Mapping[LogPartition, int]


class CommitsHalf(MemoryWriter):
    """Writes partition by partition: what precedes an error stays."""

    def write(self, piece: Slice, epochs: Epochs) -> None:
        for part in piece.segments:
            super().write(Slice(piece.id, (part,)), epochs)


class IgnoresEpoch(MemoryWriter):
    """Compares positions only, so that an owner who was replaced goes on."""

    def write(self, piece: Slice, epochs: Epochs) -> None:
        held = {p: c.epoch for p, c in self.read(epochs).items()}
        super().write(piece, {**epochs, **held})


class IgnoresPosition(MemoryWriter):
    """Compares epochs only, so that a slice that comes twice lands twice."""

    def _compare(self, piece: Slice, epochs: Epochs) -> None:
        cursors = self.warehouse.cursors
        fenced = [
            p for p in piece.ranges if p not in cursors or cursors[p].epoch != epochs[p]
        ]
        if fenced:
            raise FencedError(fenced)


class MovesTheCursorFirst(MemoryWriter):
    """Two steps, and the truth comes before the rows."""

    def write(self, piece: Slice, epochs: Epochs) -> None:
        with self.warehouse.lock:
            self._compare(piece, epochs)
            cursors = self.warehouse.cursors
            for partition, (_, stop) in piece.ranges.items():
                cursors[partition] = attrs.evolve(cursors[partition], position=stop)
            if self.faults.next() is not Fault.NONE:
                raise RetryableWriteError("in between")
            self.warehouse.append(piece)


class LosesDeadLetters(MemoryWriter):
    """Rows are what counts."""

    def write(self, piece: Slice, epochs: Epochs) -> None:
        parts = tuple(attrs.evolve(part, dead=()) for part in piece.segments)
        super().write(Slice(piece.id, parts), epochs)


class TakesWhatItShouldKeep(MemoryWriter):
    """A keep that takes over whatever it finds."""

    def claim(
        self, owner: str, wants: Mapping[LogPartition, Want]
    ) -> Mapping[LogPartition, Cursor]:
        taken = {p: attrs.evolve(want, keep_epoch=None) for p, want in wants.items()}
        return super().claim(owner, taken)


class ReadsByClaiming(MemoryWriter):
    """A read that fences."""

    def read(self, partitions: object) -> Mapping[LogPartition, Cursor]:
        found = super().read(partitions)  # type: ignore[arg-type]
        super().claim("me", dict.fromkeys(found, Want(0)))
        return found


class _World(MemoryWorld):
    def __init__(self, kind: type[MemoryWriter]) -> None:
        super().__init__()
        self._kind = kind

    def writer(self) -> Writer:
        return self._kind(warehouse=self.warehouse)


def failures(
    kind: type[MemoryWriter], contract: type[WriterContract] = CursorStoreContract
) -> set[str]:
    """Return the names of the contract's tests that this writer fails."""
    failed = set()
    for name in dir(contract):
        if name.startswith("test_"):
            try:
                getattr(contract(), name)(_World(kind))
            except SkipTest:
                pass
            except Exception:  # noqa: BLE001 — any failure counts
                failed.add(name)
    return failed


@pytest.mark.parametrize(
    ("kind", "caught_by"),
    [
        (CommitsHalf, {"test_fenced_by_epoch", "test_refused_slice_lands_later"}),
        (IgnoresEpoch, {"test_fenced_by_epoch", "test_keep_fences_the_doubtful_write"}),
        (IgnoresPosition, {"test_fenced_by_position", "test_landed_slice_is_refused"}),
        (
            MovesTheCursorFirst,
            {"test_broken_write_moves_no_cursor", "test_broken_write_leaves_nothing"},
        ),
        (LosesDeadLetters, {"test_lands_everything", "test_lands_dead_letters_alone"}),
        (
            TakesWhatItShouldKeep,
            {"test_keep_of_what_is_no_longer_ours", "test_keep_gives_no_birth"},
        ),
        (ReadsByClaiming, {"test_read_changes_nothing"}),
    ],
)
def test_fails(kind: type[MemoryWriter], caught_by: set[str]) -> None:
    """A wrong writer fails, and fails the tests that are about what is wrong."""
    assert failures(kind) >= caught_by


def test_passes_a_right_one() -> None:
    """The same run finds nothing to blame in the writer they are all derived from."""
    assert failures(MemoryWriter) == set()


def test_fails_without_cursors_too() -> None:
    """What has nothing to do with cursors is found by the smaller contract."""
    assert "test_lands_everything" in failures(LosesDeadLetters, WriterContract)
