"""The guards of the delivery protocol: what can end, cut in or go missing."""

from contextlib import closing
from typing import Any

import attrs
import pytest
import snowflake.connector
from warehouse_world import (
    HookedWriter,
    World,
    abort_transactions,
    deployed,
    segment,
    settings_of,
)

from winestream.errors import (
    FatalWriteError,
    FencedError,
    RetryableWriteError,
    UnknownOutcomeError,
)
from winestream.local import EmbeddedWarehouse
from winestream.records import Cursor, Slice, Want

pytestmark = pytest.mark.timeout(60)

STEPS = ("ledger", "copy", "lock", "compare")


def test_the_statements_come_in_the_protocols_order(world: World) -> None:
    """Files first, ROLLBACK before BEGIN, ledger before data, lock before compare."""
    seen: list[str] = []
    here = world.partition()
    writer, epochs = world.owned(
        lambda when, step: seen.append(step) if when == "before" else None, here
    )
    parts = (segment(here, 0, 2), segment(here, 2, 4, table="RAW_EVENTS"))
    writer.write(Slice("me/1", parts), epochs)
    data = ["put", "put", "rollback", "begin", "ledger", "copy", "copy"]
    assert seen == [*data, "lock", "compare", "commit"]
    seen.clear()
    writer.claim("me", {here: Want(0)})
    assert seen == ["rollback", "begin", "lock", "merge", "select", "commit"]


@pytest.mark.parametrize("point", STEPS)
def test_a_transaction_ended_under_the_session_lands_nothing(
    world: World, point: str
) -> None:
    """Wherever the server ends it, half a slice is never committed."""
    here, other = world.partition(0), world.partition(1)
    aborted: list[int] = []

    def end_it(when: str, step: str) -> None:
        if (when, step) == ("after", point) and not aborted:
            aborted.append(abort_transactions(world))

    writer, epochs = world.owned(end_it, here, other)
    piece = Slice("me/1", (segment(here, 0, 3), segment(other, 0, 2)))
    if point == "compare":
        # COMMIT answers "done" for nothing: only a second look shows it.
        writer.write(piece, epochs)
    else:
        with pytest.raises(RetryableWriteError):
            writer.write(piece, epochs)
    assert aborted == [1]
    assert world.offsets(here) == world.offsets(other) == []
    assert writer.read([here, other]) == {
        here: Cursor(0, 0, 1),
        other: Cursor(0, 0, 1),
    }
    writer.write(piece, epochs)
    assert writer.read([here])[here].position == 3
    world.assert_exactly_once()


def test_a_transaction_ended_before_its_first_row_is_just_another(
    world: World,
) -> None:
    """The next statement opens a new one, which holds the whole slice or nothing."""
    here = world.partition()
    aborted: list[int] = []

    def end_it(when: str, step: str) -> None:
        if (when, step) == ("after", "begin") and not aborted:
            aborted.append(abort_transactions(world))

    writer, epochs = world.owned(end_it, here)
    writer.write(Slice("me/1", (segment(here, 0, 3),)), epochs)
    assert aborted == [1]
    assert writer.read([here])[here].position == 3
    world.assert_exactly_once()


def test_after_a_commit_for_nothing_the_next_slice_is_fenced(world: World) -> None:
    """Its compare-and-set does not find the cursor where the first one left it."""
    here = world.partition()
    aborted: list[int] = []

    def end_it(when: str, step: str) -> None:
        if (when, step) == ("before", "commit") and not aborted:
            aborted.append(abort_transactions(world))

    writer, epochs = world.owned(end_it, here)
    writer.write(Slice("me/1", (segment(here, 0, 3),)), epochs)
    with pytest.raises(FencedError):
        writer.write(Slice("me/2", (segment(here, 3, 5),)), epochs)
    assert world.offsets(here) == []
    assert writer.claim("me", {here: Want(0)}) == {here: Cursor(0, 0, 2)}
    writer.write(Slice("me/3", (segment(here, 0, 5),)), {here: 2})
    world.assert_exactly_once()


@pytest.mark.parametrize("point", ["lock", "select"])
def test_a_claim_ended_under_the_session_owns_nothing(world: World, point: str) -> None:
    """Either the claim says so, or the first write of its owner is fenced."""
    here = world.partition()
    old, old_epochs = world.owned(None, here)
    writer, aborted = world.writer(), list[int]()

    def end_it(when: str, step: str) -> None:
        if (when, step) == ("after", point) and not aborted:
            aborted.append(abort_transactions(world))

    writer.hook = end_it
    try:
        epochs = {
            p: cursor.epoch
            for p, cursor in writer.claim("new", {here: Want(0)}).items()
        }
    except RetryableWriteError:
        epochs = {}
    assert aborted == [1]
    if world.cursors()[here].epoch == 1:
        with pytest.raises(FencedError):
            writer.write(Slice("new/1", (segment(here, 0, 2),)), {here: 2, **epochs})
        old.write(Slice("old/1", (segment(here, 0, 2),)), old_epochs)
    else:
        writer.write(Slice("new/1", (segment(here, 0, 2),)), epochs)
    assert world.offsets(here) == [0, 1]
    assert here in writer.claim("new", {here: Want(0)})
    world.assert_exactly_once()


def test_two_who_were_promised_one_epoch_are_told_apart(world: World) -> None:
    """A claim whose COMMIT was for nothing: the next claimant gets its epoch."""
    here = world.partition()
    world.owned(None, here, owner="before")
    deceived, rightful = world.writer(), world.writer()

    def end_it(when: str, step: str) -> None:
        if (when, step) == ("before", "commit"):
            abort_transactions(world)

    deceived.hook = end_it
    promised = deceived.claim("deceived", {here: Want(0)})
    deceived.hook = None
    assert rightful.claim("rightful", {here: Want(0)}) == promised
    epochs = {here: promised[here].epoch}
    with pytest.raises(FencedError):
        deceived.write(Slice("deceived/1", (segment(here, 0, 2),)), epochs)
    rightful.write(Slice("rightful/1", (segment(here, 0, 2),)), epochs)
    world.assert_exactly_once()


def test_after_a_failed_rollback_nobody_is_called_fenced(world: World) -> None:
    """The transaction may be open still, with a cursor in it that it moved itself."""
    here, other = world.partition(0), world.partition(1)
    writer, epochs = world.owned(None, here, other)
    world.writer().claim("rival", {other: Want(0)})
    compared: list[bool] = []

    def fail(when: str, step: str) -> None:
        if (when, step) == ("after", "compare"):
            compared.append(True)
        elif compared and (when, step) == ("before", "rollback"):
            raise ConnectionResetError

    writer.hook = fail
    piece = Slice("me/1", (segment(here, 0, 2), segment(other, 0, 2)))
    with pytest.raises(RetryableWriteError):
        writer.write(piece, epochs)
    writer.hook = None
    abort_transactions(world)  # as the server does once the session is gone
    with pytest.raises(FencedError) as fenced:
        writer.write(piece, epochs)
    assert fenced.value.partitions == {other}
    world.assert_exactly_once()


def test_a_rivals_lock_makes_a_write_retryable(world: World) -> None:
    """000625 is nobody's fault: later the same slice lands in the same session."""
    here = world.partition()
    writer, epochs = world.owned(None, here)
    with closing(world.connect(autocommit=False)) as rival:
        cursor = rival.cursor()
        cursor.execute(
            "UPDATE OPS.INGEST_CURSOR SET OWNER = OWNER WHERE PIPELINE = ?",
            [world.pipeline],
        )
        for attempt in (
            lambda: writer.write(Slice("me/1", (segment(here, 0, 2),)), epochs),
            lambda: world.writer().claim("rival", {here: Want(0)}),
        ):
            with pytest.raises(RetryableWriteError, match="000625"):
                attempt()
        rival.rollback()
    sessions = writer.sessions
    writer.write(Slice("me/1", (segment(here, 0, 2),)), epochs)
    assert writer.sessions == sessions
    world.assert_exactly_once()


def test_a_failure_in_the_middle_is_rolled_back_at_once(world: World) -> None:
    """No lock and no row of it is left for anyone to wait on or to see."""
    here = world.partition()
    writer, epochs = world.owned(None, here)

    def fail(when: str, step: str) -> None:
        if (when, step) == ("before", "compare"):
            raise KeyboardInterrupt

    writer.hook = fail
    with pytest.raises(KeyboardInterrupt):
        writer.write(Slice("me/1", (segment(here, 0, 2),)), epochs)
    assert abort_transactions(world) == 0, "nothing is open"
    assert world.offsets(here) == []
    writer.hook = None
    writer.write(Slice("me/1", (segment(here, 0, 2),)), epochs)
    world.assert_exactly_once()


@pytest.mark.parametrize("when", ["before", "after"])
def test_an_error_around_commit_is_an_unknown_outcome(world: World, when: str) -> None:
    """And of it alone; a keeping claim in a new session tells what landed."""
    here = world.partition()

    def fail(at: str, step: str) -> None:
        if (at, step) == (when, "commit"):
            raise ConnectionResetError

    writer, epochs = world.owned(fail, here)
    with pytest.raises(UnknownOutcomeError):
        writer.write(Slice("me/1", (segment(here, 0, 2),)), epochs)
    assert writer._session is None, "the session is thrown away"
    writer.hook = None
    landed = 0 if when == "before" else 2
    kept = writer.claim("me", {here: Want(0, keep_epoch=1)})
    assert kept == {here: Cursor(landed, 0, 2)}
    piece = Slice("me/1", (segment(here, 0, 2),)).trimmed({here: landed}, "me/2")
    writer.write(piece, {here: 2})
    world.assert_exactly_once()


@pytest.mark.parametrize("point", ["put", "copy", "compare"])
def test_a_cut_before_commit_is_retryable_in_a_new_session(
    world: World, point: str
) -> None:
    """Nobody knows what became of the statement, but nothing was committed."""
    here = world.partition()

    def fail(when: str, step: str) -> None:
        if (when, step) == ("after", point):
            raise ConnectionResetError

    writer, epochs = world.owned(fail, here)
    sessions = writer.sessions
    with pytest.raises(RetryableWriteError):
        writer.write(Slice("me/1", (segment(here, 0, 2),)), epochs)
    writer.hook = None
    writer.write(Slice("me/1", (segment(here, 0, 2),)), epochs)
    assert writer.sessions == sessions + 1
    world.assert_exactly_once()


def test_an_unknown_outcome_of_a_claim_is_retryable(world: World) -> None:
    """Claiming again is harmless: the epoch only goes up."""
    here, writer = world.partition(), world.writer()

    def fail(when: str, step: str) -> None:
        if (when, step) == ("after", "commit"):
            raise ConnectionResetError

    writer.hook = fail
    with pytest.raises(RetryableWriteError):
        writer.claim("me", {here: Want(4)})
    writer.hook = None
    assert writer.claim("me", {here: Want(4)}) == {here: Cursor(4, 4, 2)}


# ------------------------------------------------------------------ missing things


@pytest.fixture(scope="module")
def lone_database(wine_warehouse: EmbeddedWarehouse) -> str:
    """Deploy a database whose tables may be dropped."""
    deployed(wine_warehouse, "LONE")
    return "LONE"


def _writer(
    warehouse: EmbeddedWarehouse, database: str, **changes: Any
) -> HookedWriter:
    connection = warehouse.connection | changes
    settings = attrs.evolve(settings_of(connection), database=database)
    return HookedWriter(settings, pipeline="lone")


@pytest.mark.parametrize(
    "table", ["OPS.INGEST_CURSOR", "OPS.INGEST_LEDGER", "OPS.INGEST_GAPS"]
)
def test_without_deploy_nothing_opens(
    wine_warehouse: EmbeddedWarehouse, lone_database: str, table: str
) -> None:
    """A missing table is found at the start and names the command that makes it."""
    writer = _writer(wine_warehouse, lone_database)
    with closing(
        snowflake.connector.connect(**wine_warehouse.connection, database=lone_database)
    ) as connection:
        connection.cursor().execute(f"ALTER TABLE {table} RENAME TO {table}_GONE")
        try:
            with pytest.raises(FatalWriteError, match="winestream deploy"):
                writer.open()
        finally:
            connection.cursor().execute(f"ALTER TABLE {table}_GONE RENAME TO {table}")
    assert writer._scratch is not None
    assert not writer._scratch.exists(), "nothing is left behind"


def test_a_table_that_goes_missing_is_fatal(world: World) -> None:
    """A route to a table that nobody deployed says what to run, at the first slice."""
    here = world.partition()
    writer, epochs = world.owned(None, here)
    with pytest.raises(FatalWriteError, match="winestream deploy"):
        writer.write(Slice("me/1", (segment(here, 0, 2, table="RAW_NOWHERE"),)), epochs)
    assert world.offsets(here) == []
    writer.write(Slice("me/2", (segment(here, 0, 2),)), epochs)
    world.assert_exactly_once()
