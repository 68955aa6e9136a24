"""Take, write, keep and the audit, with the writer itself on a real account."""

import pytest
from live_account import Account, segment

from winestream.errors import FencedError
from winestream.operations.audit import audit
from winestream.operations.deploy import register_tables
from winestream.records import Cursor, DeadLetter, Gap, Segment, Slice, Want


@pytest.mark.parametrize("insert_below", [0, 100])
def test_take_write_and_keep(account: Account, insert_below: int) -> None:
    """A slice lands once, the cursor says so, and keeping needs one's own epoch."""
    here, there = account.partition(0), account.partition(1)
    writer, epochs = account.owned(here, there, insert_below=insert_below)
    assert epochs == {here: 1, there: 1}
    parts = (segment(here, 0, 5), segment(there, 0, 2))
    writer.write(Slice("me/1", parts), epochs)
    assert writer.read([here, there]) == {here: Cursor(5, 0, 1), there: Cursor(2, 0, 1)}
    with pytest.raises(FencedError):
        writer.write(Slice("me/2", parts), epochs)
    kept = writer.claim("me", {here: Want(0, keep_epoch=1)})
    assert kept == {here: Cursor(5, 0, 2)}
    account.owned(here, owner="rival")
    assert writer.claim("me", {here: Want(0, keep_epoch=2)}) == {}
    assert account.offsets() == [0, 0, 1, 1, 2, 3, 4]


def test_a_rival_fences(account: Account) -> None:
    """Who took the partition later writes, who had it before does not."""
    here = account.partition()
    mine, epochs = account.owned(here, owner="me")
    theirs, newer = account.owned(here, owner="rival")
    with pytest.raises(FencedError) as caught:
        mine.write(Slice("me/1", (segment(here, 0, 3),)), epochs)
    assert caught.value.partitions == {here}
    theirs.write(Slice("rival/1", (segment(here, 0, 3),)), newer)
    assert account.offsets() == [0, 1, 2]


def test_nothing_is_left_on_the_stage(account: Account) -> None:
    """A writer that is closed has removed the files of what was confirmed."""
    here = account.partition()
    writer, epochs = account.owned(here)
    writer.write(Slice("me/1", (segment(here, 0, 3),)), epochs)
    listed = f"LIST @RAW.INGEST_STAGE/{account.pipeline}/"
    assert len(account.session().run(listed)) == 1
    writer.read([here])
    writer.close()
    assert account.session().run(listed) == []


@pytest.mark.parametrize("insert_below", [0, 100])
def test_the_audits_questions_are_answered(account: Account, insert_below: int) -> None:
    """Rows, dead letters, gaps and fingerprints by both ways: nothing is off."""
    register_tables(account.connect(), account.pipeline, ["RAW_EVENTS"])
    here = account.partition()
    writer, epochs = account.owned(here, insert_below=insert_below)
    rows = segment(here, 0, 5).rows
    headers = [("a", b"\xff\x00"), ("none", None)]
    dead = (
        DeadLetter(5, b"\xff{", b"key\x00", 1, "invalid-utf8", "$", headers),
        DeadLetter(6, None, None, -1, "null-value", "$"),
    )
    gaps = (Gap(7, 9, "jump"),)
    writer.write(Slice("me/1", (Segment(here, 0, 9, rows, dead, gaps),)), epochs)
    report = audit(account.connect(), account.pipeline)
    assert report.ok, report.as_json()
