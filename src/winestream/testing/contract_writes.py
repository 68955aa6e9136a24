"""The contract of every `Writer`, with cursors or without."""

from winestream.errors import (
    RetryableWriteError,
    UnknownOutcomeError,
    WriteError,
)
from winestream.ports import CursorStore, Writer
from winestream.records import Gap, LogPartition, Segment, Slice, Want
from winestream.testing.contract_world import (
    WriterWorld,
    epochs_of,
    raised,
    sample,
    store,
)

LARGE = 2**40
"""An offset that no 32-bit integer holds."""


class WriterContract:
    """What a slice becomes: rows, dead letters and gaps, whole or not at all."""

    def test_lands_everything(self, world: WriterWorld) -> None:
        """Rows of two tables, dead letters and gaps land as they are, each once."""
        first, second = world.partition(0), world.partition(1)
        piece = world.piece("1", (first, 0, 20), (second, 100, 117))
        with world.opened() as writer:
            writer.write(piece, epochs_of(writer, {first: 0, second: 100}))
        world.require(piece)

    def test_lands_segment_after_segment(self, world: WriterWorld) -> None:
        """A slice may hold several segments of one partition."""
        here = world.partition(0)
        piece = world.piece("1", (here, 0, 9), (here, 9, 11), (here, 11, 30))
        with world.opened() as writer:
            writer.write(piece, epochs_of(writer, {here: 0}))
        world.require(piece)

    def test_lands_slice_after_slice(self, world: WriterWorld) -> None:
        """One slice follows another under the same claim."""
        here = world.partition(0)
        pieces = [world.piece(str(n), (here, n * 8, n * 8 + 8)) for n in range(4)]
        with world.opened() as writer:
            epochs = epochs_of(writer, {here: 0})
            for piece in pieces:
                writer.write(piece, epochs)
        world.require(*pieces)

    def test_lands_gaps_alone(self, world: WriterWorld) -> None:
        """A slice without a single message is written like any other."""
        here = world.partition(0)
        gaps = (Gap(0, 5, "retention"), Gap(5, 9, "trailing"))
        piece = Slice(f"{world.cluster}/1", (Segment(here, 0, 9, gaps=gaps),))
        with world.opened() as writer:
            writer.write(piece, epochs_of(writer, {here: 0}))
        world.require(piece)

    def test_lands_dead_letters_alone(self, world: WriterWorld) -> None:
        """A slice without a single row keeps its dead letters."""
        here = world.partition(0)
        dead = sample(here, 3, 4, tables=world.tables).dead
        piece = Slice(f"{world.cluster}/1", (Segment(here, 3, 4, dead=dead),))
        with world.opened() as writer:
            writer.write(piece, epochs_of(writer, {here: 3}))
        world.require(piece)

    def test_lands_large_offsets(self, world: WriterWorld) -> None:
        """Offsets are 64-bit integers."""
        here = world.partition(0)
        piece = world.piece("1", (here, LARGE, LARGE + 15))
        with world.opened() as writer:
            writer.write(piece, epochs_of(writer, {here: LARGE}))
        world.require(piece)

    def test_broken_write_leaves_nothing(self, world: WriterWorld) -> None:
        """What fails retryably left nothing behind, and lands when tried again."""
        here, there = world.partition(0), world.partition(1)
        before = world.piece("1", (here, 0, 10), (there, 0, 10))
        piece = world.piece("2", (here, 10, 25), (there, 10, 25))
        with world.opened() as writer:
            epochs = epochs_of(writer, {here: 0, there: 0})
            writer.write(before, epochs)
            world.break_next_write(writer)
            raised(RetryableWriteError, lambda: writer.write(piece, epochs))
            world.require(before)
            writer.write(piece, epochs)
        world.require(before, piece)

    def test_lost_answer_lost_nothing(self, world: WriterWorld) -> None:
        """After an unknown outcome nothing is lost; with cursors nothing is doubled."""
        here = world.partition(0)
        piece = world.piece("1", (here, 0, 15))
        with world.opened() as writer:
            epochs = epochs_of(writer, {here: 0})
            world.lose_next_answer(writer)
            raised(UnknownOutcomeError, lambda: writer.write(piece, epochs))
            if isinstance(writer, CursorStore):
                _keep_and_write_the_rest(writer, here, piece, epochs[here])
                world.require(piece)
            else:
                writer.write(piece, epochs)
                world.require_at_least(piece)

    def test_same_slice_again(self, world: WriterWorld) -> None:
        """A slice that landed and comes again is refused, or doubled, but not lost."""
        here = world.partition(0)
        piece = world.piece("1", (here, 0, 15))
        with world.opened() as writer:
            epochs = epochs_of(writer, {here: 0})
            writer.write(piece, epochs)
            try:
                writer.write(piece, epochs)
            except WriteError:
                world.require(piece)
        world.require_at_least(piece)

    def test_close_is_final_and_harmless(self, world: WriterWorld) -> None:
        """Closing twice, with or without a write, raises nothing."""
        here = world.partition(0)
        idle, busy = world.writer(), world.writer()
        idle.open()
        idle.close()
        idle.close()
        busy.open()
        piece = world.piece("1", (here, 0, 9))
        busy.write(piece, epochs_of(busy, {here: 0}))
        busy.close()
        busy.close()
        world.require(piece)


def _keep_and_write_the_rest(
    writer: Writer, where: LogPartition, piece: Slice, epoch: int
) -> None:
    """Do what a sink does after an unknown outcome."""
    kept = store(writer).claim("contract", {where: Want(0, keep_epoch=epoch)})
    rest = piece.trimmed({where: kept[where].position}, f"{piece.id}-rest")
    if rest.segments:
        writer.write(rest, {where: kept[where].epoch})
