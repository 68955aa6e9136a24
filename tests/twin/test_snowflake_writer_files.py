"""Files on their way: put once, removed when confirmed, swept when forgotten."""

import errno
import logging
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from warehouse_world import HookedWriter, World, rows_of, segment, settings_of

from winestream.errors import (
    ConfigurationError,
    RejectedWriteError,
    RetryableWriteError,
    UnknownOutcomeError,
)
from winestream.records import DeadLetter, Segment, Slice, Want
from winestream.snowflake import staging

pytestmark = pytest.mark.timeout(60)

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def _staged(world: World) -> list[str]:
    """List what is on the stage, as `day/folder/file` without the random parts."""
    found = world.ask(f"LIST @RAW.INGEST_STAGE/{world.pipeline}/")
    return [str(row[0]).split("/", 2)[2] for row in found]


@pytest.fixture
def folder_of_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a folder be full with one slice."""
    monkeypatch.setattr(staging, "FOLDER_SLICES", 1)


@pytest.mark.usefixtures("folder_of_one")
def test_a_file_goes_when_its_slice_is_confirmed(world: World) -> None:
    """By the next slice's compare-and-set, or by reading the cursor; not before."""
    here = world.partition()
    writer, epochs = world.owned(None, here)
    writer.write(Slice("me/1", (segment(here, 0, 2),)), epochs)
    first = _staged(world)
    assert len(first) == 1, "COMMIT said done, which proves nothing yet"
    writer.write(Slice("me/2", (segment(here, 2, 4),)), epochs)
    second = _staged(world)
    assert len(second) == 1
    assert second != first
    writer.read([here])
    assert _staged(world) == []


@pytest.mark.usefixtures("folder_of_one")
def test_files_of_a_doubtful_slice_stay_until_it_is_cleared_up(world: World) -> None:
    """An unknown outcome removes nothing; the kept cursor tells."""
    here, todo = world.partition(), ["cut"]

    def fail(when: str, step: str) -> None:
        if (when, step) == ("after", "commit") and todo:
            todo.pop()
            raise ConnectionResetError

    writer, epochs = world.owned(fail, here)
    with pytest.raises(UnknownOutcomeError):
        writer.write(Slice("me/1", (segment(here, 0, 2),)), epochs)
    assert len(_staged(world)) == 1
    kept = writer.claim("me", {here: Want(0, keep_epoch=1)})
    writer.write(
        Slice("me/2", (segment(here, 2, 3),)), {p: c.epoch for p, c in kept.items()}
    )
    writer.read([here])
    assert _staged(world) == []


def test_every_attempt_has_file_names_of_its_own(world: World) -> None:
    """The warehouse skips a path that it has loaded before."""
    here, seen = world.partition(), list[str]()

    def look(when: str, step: str) -> None:
        if (when, step) == ("before", "begin"):
            seen.extend(set(_staged(world)) - set(seen))
        if (when, step) == ("before", "compare"):
            raise ConnectionResetError

    writer, epochs = world.owned(look, here)
    for _ in range(2):
        with pytest.raises(RetryableWriteError):
            writer.write(Slice("me/1", (segment(here, 0, 2),)), epochs)
    assert len(seen) == 2
    writer.hook = None
    writer.write(Slice("me/1", (segment(here, 0, 2),)), epochs)
    writer.read([here])
    world.assert_exactly_once()
    writer.close()
    assert _staged(world) == [], "a close removes what is confirmed"


def test_leftovers_are_swept_by_age(world: World, new_world: Any) -> None:
    """A later start removes its own pipeline's files of days long gone, only those."""
    neighbour = new_world(world.warehouse)
    for owner, days in ((world, 3), (world, 1), (neighbour, 3)):
        then = NOW - timedelta(days=days)
        here = owner.partition(days)
        writer, epochs = owner.owned(None, here, now=lambda then=then: then)
        writer.write(Slice("me/1", (segment(here, 0, 2),)), epochs)
        writer.close()
    assert len(_staged(world)) == 2
    world.writer(now=lambda: NOW)
    assert [name[:10] for name in _staged(world)] == ["2026-11-22"]
    assert [name[:10] for name in _staged(neighbour)] == ["2026-11-20"]


def test_a_new_day_is_a_new_folder(world: World) -> None:
    """A sweep goes by the folder's day, so nothing fresh may lie in an old one."""
    here, days = world.partition(), iter([0, 0, 1])
    writer, epochs = world.owned(
        None, here, now=lambda: NOW + timedelta(days=next(days))
    )
    for number in range(2):
        writer.write(
            Slice(f"me/{number}", (segment(here, number, number + 1),)), epochs
        )
    # The first day's is complete and confirmed by what came after.
    assert [name[:10] for name in _staged(world)] == ["2026-11-24"]


def test_a_full_disk_is_waited_out(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error says what to do, and nothing of the attempt is left lying there."""
    here = world.partition()
    writer, epochs = world.owned(None, here)
    piece = Slice("me/1", (segment(here, 0, 2),))

    def full(_load: object, path: Path) -> None:
        path.write_bytes(b"PAR1")
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(staging, "seal", full)
        with pytest.raises(RetryableWriteError, match=r"No space left.*free some"):
            writer.write(piece, epochs)
    assert writer._scratch is not None
    assert list(writer._scratch.iterdir()) == []
    shutil.rmtree(writer._scratch)  # as a tidy machine does after some days
    writer.write(piece, epochs)
    world.assert_exactly_once()


def test_nothing_stays_on_the_local_disk(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither after a slice, nor after a close, nor after an open that failed."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    here = world.partition()
    writer, epochs = world.owned(None, here)
    writer.write(Slice("me/1", (segment(here, 0, 2),)), epochs)
    (scratch,) = tmp_path.iterdir()
    assert list(scratch.iterdir()) == []
    writer.close()
    nobody = HookedWriter(
        settings_of(world.warehouse.connection | {"port": 1, "login_timeout": SHORT}),
        pipeline="p",
    )
    with pytest.raises(RetryableWriteError, match="sign in as winestream"):
        nobody.open()
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "nowhere"))
    with pytest.raises(ConfigurationError, match="TMPDIR"):
        world.writer()


SHORT = timedelta(seconds=1)


# ---------------------------------------------------------------------- the canary


@pytest.fixture
def everything_logged(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Set every logger there is to DEBUG, each by itself."""
    names = [*logging.root.manager.loggerDict, "snowflake.connector.cursor"]
    loggers = [logging.getLogger(name) for name in names]
    levels = [logger.level for logger in loggers]
    caplog.set_level(logging.DEBUG)
    for logger in loggers:
        logger.setLevel(logging.DEBUG)
    yield
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)


@pytest.mark.usefixtures("everything_logged")
def test_no_log_and_no_error_holds_a_secret_or_a_payload(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """Not even with every logger at DEBUG, whether the slice lands or is refused."""
    canary, here = "canary-7f3a", world.partition()
    connection = world.warehouse.connection | {"password": f"{canary}-password"}
    marker = f"{canary}-{world.pipeline}"
    world.warehouse.refuse(table="RAW_ORDERS", column="EVENT_ID", containing=marker)
    writer, epochs = world.owned(None, here, connection=connection)
    dead = DeadLetter(1, canary.encode(), canary.encode(), -1, "invalid-utf8", "$")
    text = f'{{"name": "{canary}"}}'
    landing = Segment(here, 0, 2, (rows_of([0], payload=text),), (dead,))
    writer.write(Slice("me/1", (landing,)), epochs)
    refused = segment(here, 2, 4, payload=text, event_id=marker)
    with pytest.raises(RejectedWriteError) as caught:
        writer.write(Slice("me/2", (refused,)), epochs)
    writer.close()
    world.assert_exactly_once()
    told = f"{caught.value!r} {caught.value} {writer._settings!r} {caplog.text}"
    told += " ".join(repr(record.args) for record in caplog.records)
    assert canary not in told
    assert "local" in told, "something was told"
