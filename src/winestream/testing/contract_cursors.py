"""The contract of a `Writer` that is a `CursorStore`: exactly once."""

from functools import partial
from unittest import SkipTest

from winestream.errors import (
    FencedError,
    NewLogError,
    RetryableWriteError,
)
from winestream.ports import CursorStore
from winestream.records import UNKNOWN_TOPIC_ID, Want
from winestream.testing.contract_rivals import STEP, written_by_rivals
from winestream.testing.contract_world import (
    WriterWorld,
    raised,
    require_cursors,
    store,
)
from winestream.testing.contract_writes import WriterContract


class CursorStoreContract(WriterContract):
    """Cursors move with the rows, and only for the owner in office."""

    def test_is_a_cursor_store(self, world: WriterWorld) -> None:
        """The sink finds the cursors, and so promises exactly once."""
        assert isinstance(world.writer(), CursorStore), "claim or read is missing"

    # ----------------------------------------------------------------------- claims

    def test_cursor_is_born_at_the_initial_position(self, world: WriterWorld) -> None:
        """The first claim gives epoch 1 at the position asked for."""
        here = world.partition(0)
        with world.opened() as writer:
            claimed = store(writer).claim("a", {here: Want(42)})
            assert dict(claimed) == dict(store(writer).read([here]))
            require_cursors(writer, {here: (42, 42, 1)})

    def test_take_raises_the_epoch_only(self, world: WriterWorld) -> None:
        """A later claim ignores its initial position: the cursor is the truth."""
        here = world.partition(0)
        piece = world.piece("1", (here, 42, 50))
        with world.opened() as writer:
            store(writer).claim("a", {here: Want(42)})
            writer.write(piece, {here: 1})
            store(writer).claim("b", {here: Want(7)})
            require_cursors(writer, {here: (50, 42, 2)})

    def test_keep_while_it_is_ours(self, world: WriterWorld) -> None:
        """A keep with the epoch in force succeeds and raises it."""
        here = world.partition(0)
        with world.opened() as writer:
            store(writer).claim("a", {here: Want(0)})
            kept = store(writer).claim("a", {here: Want(0, keep_epoch=1)})
            assert kept[here].epoch == 2  # noqa: PLR2004 — one more than kept
            require_cursors(writer, {here: (0, 0, 2)})

    def test_keep_of_what_is_no_longer_ours(self, world: WriterWorld) -> None:
        """A keep that misses is absent from the answer and changes nothing."""
        here = world.partition(0)
        with world.opened() as writer, world.opened() as rival:
            store(writer).claim("a", {here: Want(0)})
            store(rival).claim("b", {here: Want(0)})
            kept = store(writer).claim("a", {here: Want(0, keep_epoch=1)})
            assert here not in kept, "a keep took a cursor over"
            require_cursors(writer, {here: (0, 0, 2)})

    def test_keep_gives_no_birth(self, world: WriterWorld) -> None:
        """What does not exist cannot be kept."""
        here = world.partition(0)
        with world.opened() as writer:
            kept = store(writer).claim("a", {here: Want(0, keep_epoch=1)})
            assert not kept, "a keep gave birth to a cursor"
            require_cursors(writer, {})
            assert not store(writer).read([here])

    def test_claim_of_many(self, world: WriterWorld) -> None:
        """One claim takes, keeps, gives birth and misses, each partition by itself."""
        taken, kept, missed, born = (world.partition(n) for n in range(4))
        with world.opened() as writer:
            store(writer).claim("a", dict.fromkeys((taken, kept, missed), Want(5)))
            got = store(writer).claim(
                "b",
                {
                    taken: Want(0),
                    kept: Want(0, keep_epoch=1),
                    missed: Want(0, keep_epoch=9),
                    born: Want(8),
                },
            )
            assert got.keys() == {taken, kept, born}
            require_cursors(
                writer,
                {taken: (5, 5, 2), kept: (5, 5, 2), missed: (5, 5, 1), born: (8, 8, 1)},
            )

    def test_read_changes_nothing(self, world: WriterWorld) -> None:
        """Reading fences nobody, and what does not exist is absent."""
        here, nowhere = world.partition(0), world.partition(1)
        piece = world.piece("1", (here, 0, 9))
        with world.opened() as writer, world.opened() as reader:
            store(writer).claim("a", {here: Want(0)})
            for _ in range(2):
                assert store(reader).read([here, nowhere]).keys() == {here}
            writer.write(piece, {here: 1})
            require_cursors(reader, {here: (9, 0, 1)})
        world.require(piece)

    def test_cursors_outlive_the_writer(self, world: WriterWorld) -> None:
        """Another writer goes on where the last one stopped."""
        here = world.partition(0)
        pieces = [world.piece("1", (here, 0, 9)), world.piece("2", (here, 9, 20))]
        for epoch, piece in enumerate(pieces, start=1):
            with world.opened() as writer:
                cursor = store(writer).claim("a", {here: Want(0)})[here]
                start, _ = piece.ranges[here]
                assert (cursor.position, cursor.epoch) == (start, epoch)
                writer.write(piece, {here: epoch})
        world.require(*pieces)

    # --------------------------------------------------------------------- new logs

    def test_new_log_is_refused(self, world: WriterWorld) -> None:
        """A birth beside another log of the same name fails, and all of its claim."""
        old, new = world.partition(0), world.partition(0, "second-log")
        other = world.partition(1, "second-log")
        with world.opened() as writer:
            store(writer).claim("a", {old: Want(0)})
            wants = {other: Want(0), new: Want(0)}
            error = raised(NewLogError, lambda: store(writer).claim("a", wants))
            assert set(error.partitions) == {new}
            require_cursors(writer, {old: (0, 0, 1)})
            assert not store(writer).read([new, other]), "half of a claim took effect"

    def test_new_log_is_allowed(self, world: WriterWorld) -> None:
        """With `new_log` a cursor is born beside the old one, which stays."""
        old, new = world.partition(0), world.partition(0, "second-log")
        pieces = [world.piece("1", (old, 0, 9)), world.piece("2", (new, 0, 12))]
        with world.opened() as writer:
            store(writer).claim("a", {old: Want(0)})
            writer.write(pieces[0], {old: 1})
            store(writer).claim("a", {new: Want(0, new_log=True)})
            writer.write(pieces[1], {new: 1})
            store(writer).claim("a", {new: Want(0)})  # no birth: nothing to allow
            require_cursors(writer, {old: (9, 0, 1), new: (12, 0, 2)})
        world.require(*pieces)

    def test_unknown_topic_id_is_adopted(self, world: WriterWorld) -> None:
        """A cursor born while the topic's id was unknown takes the real one."""
        if not world.adopts:
            raise SkipTest("this writer adopts no topic ids")
        nameless, named = world.partition(0, UNKNOWN_TOPIC_ID), world.partition(0)
        with world.opened() as writer:
            store(writer).claim("a", {nameless: Want(3)})
            store(writer).claim("a", {named: Want(0)})
            require_cursors(writer, {named: (3, 3, 2)})
            assert not store(writer).read([nameless])

    # ---------------------------------------------------------------------- fencing

    def test_fenced_by_epoch(self, world: WriterWorld) -> None:
        """One partition taken over: it is named, and nothing of the slice is there."""
        here, taken = world.partition(0), world.partition(1)
        wants = {here: Want(0), taken: Want(0)}
        piece = world.piece("1", (here, 0, 20), (taken, 0, 20))
        with world.opened() as writer, world.opened() as rival:
            store(writer).claim("a", wants)
            store(rival).claim("b", {taken: Want(0)})
            error = raised(
                FencedError, lambda: writer.write(piece, {here: 1, taken: 1})
            )
            assert error.partitions == {taken}
            world.require()
            require_cursors(writer, {here: (0, 0, 1), taken: (0, 0, 2)})

    def test_fenced_by_position(self, world: WriterWorld) -> None:
        """Neither before nor behind its cursor does a slice land."""
        here, there = world.partition(0), world.partition(1)
        landed = world.piece("1", (here, 0, 10), (there, 0, 10))
        with world.opened() as writer:
            store(writer).claim("a", {here: Want(0), there: Want(0)})
            epochs = {here: 1, there: 1}
            writer.write(landed, epochs)
            for start in (0, 5, 11):
                piece = world.piece(f"2-{start}", (there, 10, 20), (here, start, 20))
                error = raised(FencedError, partial(writer.write, piece, epochs))
                assert error.partitions == {here}
            require_cursors(writer, {here: (10, 0, 1), there: (10, 0, 1)})
        world.require(landed)

    def test_fenced_without_a_claim(self, world: WriterWorld) -> None:
        """What nobody claimed nobody may write."""
        here = world.partition(0)
        piece = world.piece("1", (here, 0, 9))
        with world.opened() as writer:
            raised(FencedError, lambda: writer.write(piece, {here: 1}))
        world.require()

    def test_refused_slice_lands_later(self, world: WriterWorld) -> None:
        """A slice refused with a wrong epoch lands, once, with the right one."""
        here, there = world.partition(0), world.partition(1)
        piece = world.piece("1", (here, 0, 15), (there, 0, 15))
        with world.opened() as writer:
            store(writer).claim("a", {here: Want(0), there: Want(0)})
            raised(FencedError, lambda: writer.write(piece, {here: 1, there: 2}))
            world.require()
            writer.write(piece, {here: 1, there: 1})
        world.require(piece)

    def test_landed_slice_is_refused(self, world: WriterWorld) -> None:
        """The same slice a second time is fenced by its position."""
        here = world.partition(0)
        piece = world.piece("1", (here, 0, 15))
        with world.opened() as writer:
            store(writer).claim("a", {here: Want(0)})
            writer.write(piece, {here: 1})
            raised(FencedError, lambda: writer.write(piece, {here: 1}))
        world.require(piece)

    def test_keep_fences_the_doubtful_write(self, world: WriterWorld) -> None:
        """After a keep, an attempt that is still under way with the old epoch fails."""
        here = world.partition(0)
        piece = world.piece("1", (here, 0, 15))
        with world.opened() as writer, world.opened() as late:
            store(writer).claim("a", {here: Want(0)})
            store(writer).claim("a", {here: Want(0, keep_epoch=1)})
            raised(FencedError, lambda: late.write(piece, {here: 1}))
            writer.write(piece, {here: 2})
        world.require(piece)

    def test_broken_write_moves_no_cursor(self, world: WriterWorld) -> None:
        """After a failure the cursor stands where the rows end."""
        here = world.partition(0)
        piece = world.piece("1", (here, 0, 15))
        with world.opened() as writer:
            store(writer).claim("a", {here: Want(0)})
            world.break_next_write(writer)
            raised(RetryableWriteError, lambda: writer.write(piece, {here: 1}))
            require_cursors(writer, {here: (0, 0, 1)})
        world.require()

    def test_rivals_tile_the_log(self, world: WriterWorld) -> None:
        """Two owners who fence each other all the time write every offset once."""
        here = world.partition(0)
        world.require(*written_by_rivals(world, here))
        with world.opened() as writer:
            end = STEP * world.rival_slices
            assert store(writer).read([here])[here].position == end
