"""The roles of a deployed database: what they may do, and what they see masked."""

import pytest
from live_account import Account, Scratch, role_of, segment, skip

from winestream.errors import FatalWriteError
from winestream.records import DeadLetter, Segment, Slice
from winestream.snowflake.session import Session

REFUSED = "(003001|002003|002043)"
"""No privilege; or, where even the name is none of its business, not there."""


def _masked(account: Account) -> None:
    """Skip unless the database was deployed with masking by policy."""
    policies = account.session().table("SHOW MASKING POLICIES IN DATABASE")
    if "MASK_TEXT" not in {str(row["name"]) for row in policies}:
        skip("deploy with masking = policy to check masking")


def _refused(session: Session, sql: str) -> None:
    with pytest.raises(FatalWriteError, match=REFUSED):
        session.run(sql)
    session.rollback()


def test_the_loader_can_do_the_writers_work(account: Account) -> None:
    """Opening, taking and writing need nothing that LOADER was not given."""
    account.as_role("LOADER").close()
    here = account.partition()
    for number, below in enumerate((0, 100)):
        writer, epochs = account.owned(here, insert_below=below, role=role_of("LOADER"))
        start = number * 3
        piece = Slice(f"me/{number}", (segment(here, start, start + 3),))
        writer.write(piece, epochs)
    assert account.offsets() == list(range(6))


@pytest.mark.parametrize(
    ("role", "sql"),
    [
        ("LOADER", "DELETE FROM RAW.RAW_EVENTS WHERE 1 = 0"),
        ("LOADER", "UPDATE RAW.RAW_EVENTS SET PAYLOAD = '' WHERE 1 = 0"),
        ("LOADER", "DELETE FROM OPS.INGEST_LEDGER WHERE 1 = 0"),
        ("LOADER", "UPDATE OPS.INGEST_LEDGER SET TO_OFFSET = 0 WHERE 1 = 0"),
        ("LOADER", "DELETE FROM OPS.INGEST_CURSOR WHERE 1 = 0"),
        ("LOADER", "SELECT COUNT(*) FROM PRODUCTION.PROD_ORDERS"),
        ("READER", "SELECT COUNT(*) FROM RAW.RAW_EVENTS"),
        ("READER", "SELECT COUNT(*) FROM RAW.DEAD_LETTERS"),
        ("READER", "UPDATE OPS.INGEST_CURSOR SET EPOCH = 0 WHERE 1 = 0"),
        ("AUDITOR", "DELETE FROM RAW.RAW_EVENTS WHERE 1 = 0"),
        ("AUDITOR", "UPDATE OPS.INGEST_CURSOR SET EPOCH = 0 WHERE 1 = 0"),
    ],
)
def test_a_role_may_do_no_more_than_its_work(
    account: Account, role: str, sql: str
) -> None:
    """What was delivered stays as it is, and who needs no event sees none."""
    _refused(account.as_role(role), sql)


def test_dead_letters_are_masked_whole(account: Account) -> None:
    """LOADER reads NULL; AUDITOR, which compares bytes, reads all."""
    _masked(account)
    loader, auditor = account.as_role("LOADER"), account.as_role("AUDITOR")
    here = account.partition()
    writer, epochs = account.owned(here)
    letter = DeadLetter(0, b"\xff{", b"key", 1, "bad", "$", [("a", b"b")])
    writer.write(Slice("me/1", (Segment(here, 0, 1, (), (letter,), ()),)), epochs)
    asked = (
        "SELECT VALUE, MESSAGE_KEY, HEADERS IS NULL FROM RAW.DEAD_LETTERS "
        "WHERE CLUSTER_ID = ?"
    )
    assert loader.run(asked, [account.cluster]) == [(None, None, True)]
    (seen,) = auditor.run(asked, [account.cluster])
    assert (bytes(seen[0]), bytes(seen[1]), seen[2]) == (b"\xff{", b"key", False)


def test_text_is_masked_for_readers(account: Account, scratch: Scratch) -> None:
    """READER sees three stars, and NULL where there is nothing; AUDITOR the text."""
    _masked(account)
    sessions = {name: account.as_role(name) for name in ("READER", "AUDITOR")}
    table = scratch.table("NAMES", "ID NUMBER(19, 0), NAME VARCHAR")
    scratch.run(f"INSERT INTO {table} VALUES (1, 'Müller'), (2, NULL)")
    scratch.run("COMMIT")
    scratch.run(
        f"ALTER TABLE {table} MODIFY COLUMN NAME SET MASKING POLICY OPS.MASK_TEXT"
    )
    for name in sessions:
        scratch.run(f"GRANT USAGE ON SCHEMA {scratch.schema} TO ROLE {role_of(name)}")
        scratch.run(f"GRANT SELECT ON TABLE {table} TO ROLE {role_of(name)}")
    asked = f"SELECT NAME FROM {table} ORDER BY ID"
    assert sessions["READER"].run(asked) == [("***",), (None,)]
    assert sessions["AUDITOR"].run(asked) == [("Müller",), (None,)]
