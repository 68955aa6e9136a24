"""The line to the warehouse breaks, for longer than the connector itself retries."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from cutting_proxy import CuttingProxy, Lost
from warehouse_world import World, segment

from winestream.errors import FencedError, RetryableWriteError, UnknownOutcomeError
from winestream.records import Cursor, Slice, Want

pytestmark = pytest.mark.timeout(90)


SHORT = timedelta(seconds=2)
"""How long the connector may try again: less than the line is broken."""


@pytest.fixture
def proxy(world: World) -> Iterator[CuttingProxy]:
    """Stand between a writer and the warehouse."""
    limits = {
        "login_timeout": SHORT,
        "request_timeout": SHORT,
        "put_get_max_attempts": 1,
    }
    with CuttingProxy(world.warehouse.connection | limits) as standing:
        yield standing
        standing.heal()


@pytest.mark.parametrize("lost", ["request", "answer"])
def test_a_commit_without_an_answer_is_cleared_up_by_keeping(
    world: World, proxy: CuttingProxy, lost: Lost
) -> None:
    """Whether it landed or not, the kept cursor tells, and nothing doubles."""
    here = world.partition()
    # The lost request leaves a transaction open on the server, locks and all.
    options = {"connection": proxy.connection, "patience": timedelta(0)}
    writer, epochs = world.owned(None, here, **options)
    proxy.cut("commit", lost)
    piece = Slice("me/1", (segment(here, 0, 3),))
    with pytest.raises(UnknownOutcomeError):
        writer.write(piece, epochs)
    assert proxy.cuts == 1
    landed = 3 if lost == "answer" else 0
    assert len(world.offsets(here)) == landed
    proxy.heal()
    keep = {here: Want(0, keep_epoch=epochs[here])}
    try:
        kept = writer.claim("me", keep)
    except RetryableWriteError:
        assert lost == "request"
        kept = writer.claim("me", keep)
    assert kept == {here: Cursor(landed, 0, 2)}
    writer.write(piece.trimmed({here: landed}, "me/2"), {here: 2})
    with pytest.raises(FencedError):
        writer.write(piece, epochs)
    assert world.offsets(here) == [0, 1, 2]
    world.assert_exactly_once()


@pytest.mark.parametrize(("step", "lost"), [("upload", "request"), ("lock", "answer")])
def test_any_other_cut_is_retryable(
    world: World, proxy: CuttingProxy, step: str, lost: Lost
) -> None:
    """Nothing was committed: the slice is simply written again, in a new session.

    What the old session left holding the cursors' lock does not block it for ever.
    """
    here = world.partition()
    writer, epochs = world.owned(None, here, connection=proxy.connection)
    proxy.cut(step, lost)
    piece = Slice("me/1", (segment(here, 0, 3),))
    with pytest.raises(RetryableWriteError):
        writer.write(piece, epochs)
    assert writer._session is None
    assert world.offsets(here) == []
    proxy.heal()
    if step == "lock":  # its transaction lives on without us, and is in the way once
        writer._patience = timedelta(0)
        with pytest.raises(RetryableWriteError, match="000625"):
            writer.write(piece, epochs)
    writer.write(piece, epochs)
    world.assert_exactly_once()


def test_a_server_that_hangs_is_given_up(world: World, proxy: CuttingProxy) -> None:
    """No answer at all is bounded too, for the statement and for the sign-out."""
    here = world.partition()
    writer, epochs = world.owned(None, here, connection=proxy.connection)
    proxy.cut("ledger", "request", hang=True)
    with pytest.raises(RetryableWriteError):
        writer.write(Slice("me/1", (segment(here, 0, 3),)), epochs)
    proxy.heal()
    writer.write(Slice("me/1", (segment(here, 0, 3),)), epochs)
    world.assert_exactly_once()


def test_a_lost_answer_that_comes_back_is_no_fault(
    world: World, proxy: CuttingProxy
) -> None:
    """The connector asks again under the same request id and gets the one answer."""
    here = world.partition()
    writer, epochs = world.owned(None, here, connection=proxy.connection)
    for number, step in enumerate(("ledger", "copy", "commit")):
        proxy.cut(step, "answer", once=True)
        writer.write(Slice(f"me/{step}", (segment(here, number, number + 1),)), epochs)
    assert proxy.cuts == 3
    world.assert_exactly_once()
