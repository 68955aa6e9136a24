"""Ending what a dead owner left behind: a transaction that holds the cursors' lock.

A process that died, or was cut off, in the middle of a transaction leaves it open on
the server for minutes, and every claim waits for its lock in vain. Whoever signs in as
the same user may end it. Only a transaction of this pipeline is ended, and only when it
has held the lock of the cursor table for longer than any step under that lock takes: a
sibling that is busy with a long COPY holds no such lock.
"""

import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from winestream.errors import WriteError
from winestream.snowflake.session import Session

_PREFIX = "winestream_"
_LONGEST = 255  # Snowflake's own bound for a name
_CURSOR_TABLE = ".OPS.INGEST_CURSOR"


def transaction_name(pipeline: str, owner: str) -> str:
    """Name a transaction so that everybody can tell whose it is."""
    return _plain(f"{_prefix(pipeline)}{owner}")[:_LONGEST]


def end_stuck(session: Session, pipeline: str, patience: timedelta) -> int:
    """End what has stood in the way of this pipeline's claims for `patience`.

    Returns how many it ended; one that ended by itself meanwhile, or that may not be
    ended, is left alone. Raises `WriteError`.
    """
    ended = 0
    for number in list(_stuck(session, pipeline, patience)):
        with suppress(WriteError):
            session.run(f"SELECT SYSTEM$ABORT_TRANSACTION({number})")
            ended += 1
    return ended


def _stuck(session: Session, pipeline: str, patience: timedelta) -> Iterator[int]:
    # The server's clock is the one that dated the lock.
    before = session.run("SELECT SYSDATE()")[0][0].replace(tzinfo=UTC) - patience
    ours = _plain(_prefix(pipeline)).lower()
    names = {
        int(row["id"]): str(row["name"]).lower()
        for row in session.table("SHOW TRANSACTIONS")
    }
    for lock in session.table("SHOW LOCKS"):
        number, since = int(lock["transaction"]), lock["acquired_on"]
        if (
            names.get(number, "").startswith(ours)
            and str(lock["resource"]).upper().endswith(_CURSOR_TABLE)
            and str(lock["status"]).upper() == "HOLDING"
            and isinstance(since, datetime)
            and since.astimezone(UTC) <= before
        ):
            yield number


def _prefix(pipeline: str) -> str:
    return f"{_PREFIX}{pipeline}__"


def _plain(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_]", "_", name)
