"""Claims: who owns a cursor, and what a claim must not do."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from warehouse_world import World, segment

from winestream.errors import (
    FatalWriteError,
    FencedError,
    NewLogError,
    RetryableWriteError,
)
from winestream.records import UNKNOWN_TOPIC_ID, Cursor, Slice, Want
from winestream.snowflake import cursors

pytestmark = pytest.mark.timeout(60)


def test_taking_bears_a_cursor_at_its_initial_position(world: World) -> None:
    """What nobody owned starts at the position asked for, with epoch 1."""
    first, second = world.partition(0), world.partition(1)
    claimed = world.writer().claim("me", {first: Want(0), second: Want(2**40)})
    assert claimed == {
        first: Cursor(position=0, first=0, epoch=1),
        second: Cursor(position=2**40, first=2**40, epoch=1),
    }
    assert world.cursors() == claimed


def test_taking_over_raises_the_epoch_and_moves_nothing(world: World) -> None:
    """The position is the cursor's, not the one the claim brings for a birth."""
    here, new = world.partition(0), world.partition(1)
    writer, epochs = world.owned(None, here)
    writer.write(Slice("me/1", (segment(here, 0, 3),)), epochs)
    claimed = world.writer().claim("rival", {here: Want(99), new: Want(5)})
    assert claimed == {here: Cursor(3, 0, 2), new: Cursor(5, 5, 1)}
    assert world.cursors() == claimed


def test_the_old_owner_is_fenced(world: World) -> None:
    """After a takeover the old owner writes nothing, and the new one goes on."""
    here = world.partition()
    old, old_epochs = world.owned(None, here)
    old.write(Slice("old/1", (segment(here, 0, 2),)), old_epochs)
    new, new_epochs = world.owned(None, here, owner="new")
    with pytest.raises(FencedError) as caught:
        old.write(Slice("old/2", (segment(here, 2, 4),)), old_epochs)
    assert caught.value.partitions == {here}
    assert world.offsets(here) == [0, 1]
    new.write(Slice("new/1", (segment(here, 2, 5),)), new_epochs)
    with pytest.raises(FencedError):
        old.write(Slice("old/2", (segment(here, 2, 4),)), old_epochs)
    world.assert_exactly_once()


def test_keeping_succeeds_while_the_epoch_is_ours(world: World) -> None:
    """A kept cursor has the next epoch and tells what landed."""
    here = world.partition()
    writer, epochs = world.owned(None, here)
    writer.write(Slice("me/1", (segment(here, 0, 3),)), epochs)
    kept = writer.claim("me", {here: Want(0, keep_epoch=epochs[here])})
    assert kept == {here: Cursor(3, 0, 2)}
    writer.write(Slice("me/2", (segment(here, 3, 4),)), {here: 2})
    world.assert_exactly_once()


def test_keeping_what_somebody_took_is_a_miss(world: World) -> None:
    """It is absent from the answer, and the new owner's cursor stays as it is."""
    lost, mine = world.partition(0), world.partition(1)
    writer, epochs = world.owned(None, lost, mine)
    world.owned(None, lost, owner="rival")
    wants = {p: Want(0, keep_epoch=epoch) for p, epoch in epochs.items()}
    assert writer.claim("me", wants) == {mine: Cursor(0, 0, 2)}
    assert world.cursors()[lost] == Cursor(0, 0, 2)
    # Not even by the epoch that the rival has now.
    again = writer.claim("me", {lost: Want(0, keep_epoch=1)})
    assert again == {}


def test_keeping_what_never_was_bears_nothing(world: World) -> None:
    """Only a take makes a cursor."""
    here = world.partition()
    assert world.writer().claim("me", {here: Want(0, keep_epoch=1)}) == {}
    assert world.cursors() == {}


def test_a_claim_may_take_and_keep_at_once(world: World) -> None:
    """Some partitions are new while the outcome of others is in doubt."""
    kept, new = world.partition(0), world.partition(1)
    writer, _ = world.owned(None, kept)
    claimed = writer.claim("me", {kept: Want(0, keep_epoch=1), new: Want(4)})
    assert claimed == {kept: Cursor(0, 0, 2), new: Cursor(4, 4, 1)}


def test_every_claim_has_a_session_of_its_own(world: World) -> None:
    """An old session might not see a fresh commit, so none is claimed in."""
    here = world.partition()
    writer, epochs = world.owned(None, here)
    first, before = writer._session, writer.sessions
    writer.claim("me", {here: Want(0)})
    assert writer.sessions == before + 1
    assert first is not None
    assert first.broken, "the old one is closed"
    assert writer._session is not first
    with pytest.raises(FencedError):
        writer.write(Slice("me/1", (segment(here, 0, 2),)), epochs)
    assert writer.sessions == before + 1, "and the new one is the writer's"


# ------------------------------------------------------------------------ new logs


@pytest.mark.parametrize(
    "other", [{"topic_id": "id-2"}, {"topic_id": UNKNOWN_TOPIC_ID}]
)
def test_another_log_of_the_same_name_is_refused(
    world: World, other: dict[str, str]
) -> None:
    """A topic made again stops the claim, and nothing at all is born by it."""
    old, new, fresh = (
        world.partition(0),
        world.partition(0, **other),
        world.partition(1),
    )
    world.owned(None, old)
    before = world.cursors()
    with pytest.raises(NewLogError) as caught:
        world.writer().claim("me", {new: Want(0), fresh: Want(0)})
    assert caught.value.partitions == (new,)
    assert world.cursors() == before


def test_another_cluster_is_another_log(world: World) -> None:
    """The embedded broker is a new log at every start, and so is a wrong address."""
    old = world.partition()
    world.owned(None, old)
    with pytest.raises(NewLogError):
        world.writer().claim("me", {old._replace(cluster_id="elsewhere"): Want(0)})


def test_a_new_log_may_begin_beside_the_old_one(world: World) -> None:
    """With `new_log` its cursor is born, the old one stays, and claims go on."""
    old, new = world.partition(), world.partition(topic_id="id-2")
    writer, epochs = world.owned(None, old)
    writer.write(Slice("me/1", (segment(old, 0, 3),)), epochs)
    assert writer.claim("me", {new: Want(0, new_log=True)}) == {new: Cursor(0, 0, 1)}
    # Once it exists nobody has to be asked again.
    assert writer.claim("me", {new: Want(0)}) == {new: Cursor(0, 0, 2)}
    assert world.cursors() == {old: Cursor(3, 0, 1), new: Cursor(0, 0, 2)}


def test_other_pipelines_do_not_count(world: World, new_world: Any) -> None:
    """Two pipelines read one topic with cursors of their own."""
    here = world.partition()
    world.owned(None, here)
    other = new_world(world.warehouse)
    assert other.writer().claim("me", {here: Want(9)}) == {here: Cursor(9, 9, 1)}
    assert world.cursors() == {here: Cursor(0, 0, 1)}


def test_an_unknown_topic_id_that_becomes_real_is_adopted(world: World) -> None:
    """The cursor goes on under the real id; the rest of the topic is left alone."""
    unknown = [world.partition(n, topic_id=UNKNOWN_TOPIC_ID) for n in (0, 1)]
    real = world.partition(0)
    writer, epochs = world.owned(None, *unknown)
    writer.write(Slice("me/1", (segment(unknown[0], 0, 3),)), epochs)
    assert writer.claim("me", {real: Want(0)}) == {real: Cursor(3, 0, 2)}
    assert world.cursors() == {real: Cursor(3, 0, 2), unknown[1]: Cursor(0, 0, 1)}
    with pytest.raises(FencedError):
        writer.write(Slice("me/2", (segment(unknown[0], 3, 4),)), epochs)
    writer.write(Slice("me/2", (segment(real, 3, 4),)), {real: 2})
    assert world.offsets(real) == [0, 1, 2, 3]


# ------------------------------------------------------------------- broken tables


@contextmanager
def _doubled(world: World, epoch: int) -> Iterator[None]:
    """Commit a second row for partition 0, as no claim of ours ever would."""
    world.ask(
        "INSERT INTO OPS.INGEST_CURSOR (PIPELINE, CLUSTER_ID, TOPIC_ID, TOPIC, "
        "KAFKA_PARTITION, FIRST_OFFSET, NEXT_OFFSET, EPOCH, OWNER) "
        "SELECT ?, ?, 'id-1', 'wine.orders', 0, 0, 0, ?, 'ghost'",
        world.pipeline,
        world.cluster,
        epoch,
    )
    yield
    world.ask(
        "DELETE FROM OPS.INGEST_CURSOR WHERE PIPELINE = ? AND OWNER = 'ghost'",
        world.pipeline,
    )


@pytest.mark.parametrize(("epoch", "keep"), [(1, None), (7, None), (1, 1)])
def test_two_rows_of_one_cursor_are_fatal(
    world: World, epoch: int, keep: int | None
) -> None:
    """They are never claimed, read or written through; the error says what to do."""
    here = world.partition()
    writer, epochs = world.owned(None, here)
    with _doubled(world, epoch):
        with pytest.raises(FatalWriteError, match=r"two rows for wine.orders\[0\]"):
            writer.claim("me", {here: Want(0, keep_epoch=keep)})
        with pytest.raises(FatalWriteError, match="Delete"):
            writer.read([here])
        with pytest.raises(FatalWriteError, match="two rows"):
            writer.write(Slice("me/1", (segment(here, 0, 2),)), epochs)
        assert world.offsets(here) == []
    writer.write(Slice("me/1", (segment(here, 0, 2),)), epochs)
    world.assert_exactly_once()


def test_two_rows_cannot_make_up_for_a_cursor_that_is_gone(world: World) -> None:
    """Two cursors moved are two partitions only if each of them has one row."""
    doubled, gone = world.partition(0), world.partition(1)
    writer, epochs = world.owned(None, doubled, gone)
    writer.claim("rival", {gone: Want(0)})
    with _doubled(world, 1), pytest.raises(FatalWriteError):
        writer.write(
            Slice("me/1", (segment(doubled, 0, 2), segment(gone, 0, 2))), epochs
        )
    assert world.offsets(doubled) == world.offsets(gone) == []


def test_a_birth_beside_a_birth_is_tried_again(world: World) -> None:
    """A row of epoch 1 that came in between is not yet a broken table.

    The twin refuses two births at once, an account may not: so the rule itself.
    """
    here = world.partition()
    mine = cursors.Held(here, Cursor(0, 0, 1), "me")
    for epoch, owner in ((1, "rival"), (1, "me"), (3, "rival"), (2, "me")):
        other = cursors.Held(here, Cursor(0, 0, epoch), owner)
        with pytest.raises(RetryableWriteError):
            cursors._require_one_row_each([mine, other], {here: Want(0)}, "me")
        with pytest.raises(RetryableWriteError):
            cursors._require_one_row_each([other], {here: Want(0)}, "you")
    with pytest.raises(RetryableWriteError, match="not born"):
        cursors._require_one_row_each([], {here: Want(0)}, "me")
