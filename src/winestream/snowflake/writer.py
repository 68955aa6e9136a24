"""`SnowflakeWriter`: slices into Snowflake, exactly once, through the cursor table."""

import shutil
import tempfile
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import filterfalse
from pathlib import Path

from winestream.errors import (
    ConfigurationError,
    RetryableWriteError,
    UnknownOutcomeError,
    WriteError,
)
from winestream.records import Cursor, LogPartition, Slice, Want
from winestream.snowflake import cursors
from winestream.snowflake.identifiers import pipeline_name
from winestream.snowflake.inserts import crossover, is_small
from winestream.snowflake.ledger import ledger_rows
from winestream.snowflake.session import Session
from winestream.snowflake.settings import ConnectionSettings
from winestream.snowflake.staging import Staging
from winestream.snowflake.tables import Load, loads_of
from winestream.snowflake.takeover import end_stuck, transaction_name
from winestream.snowflake.transaction import Contents, land

# Not RAW's tables: the loader may write into them and need not be able to read them.
_EVERYTHING = (
    "SELECT 1 FROM OPS.INGEST_CURSOR, OPS.INGEST_LEDGER, OPS.INGEST_GAPS WHERE 1 = 0"
)


def _utc_now() -> datetime:
    return datetime.now(UTC)


class SnowflakeWriter:
    """A `Writer` and `CursorStore` on Snowflake. One thread owns it.

    The tables must exist (`winestream deploy`). `pipeline` is the sink's: it names the
    cursors. With `fingerprints` the ledger also holds a checksum of the exact payloads
    (0.8 µs an event), so that the audit notices a row altered at equal length. A claim
    or a write that fails ends a transaction of this pipeline that has held the cursors'
    lock for longer than `patience`, as a dead process or a broken line leaves it. `now`
    stamps LOADED_AT and dates the staged files; give UTC.

    A slice's rows for one table come in by COPY from a staged file, or, when they are
    fewer than `insert_below`, by one INSERT of bound values, which saves the file and
    its round trips; half a megabyte and more always goes by COPY. 0 means always COPY.
    Raises `ConfigurationError` for a crossover beyond 1,000 rows, the most that one
    INSERT takes.
    """

    def __init__(
        self,
        settings: ConnectionSettings,
        *,
        pipeline: str,
        fingerprints: bool = False,
        patience: timedelta = timedelta(seconds=30),
        insert_below: int = 0,
        now: Callable[[], datetime] = _utc_now,
    ) -> None:
        self._settings = settings
        self._pipeline = pipeline_name(pipeline)
        self._fingerprints = fingerprints
        self._patience = patience
        self._insert_below = crossover(insert_below)
        self._now = now
        self._owner = "nobody"
        self._session: Session | None = None
        self._scratch: Path | None = None
        self._staging: Staging | None = None

    # ------------------------------------------------------------------- the writer

    @property
    def pipeline(self) -> str:
        """The pipeline whose cursors it keeps."""
        return self._pipeline

    def open(self) -> None:
        """Sign in, check that the tables are there, sweep old leftovers.

        Raises `FatalWriteError` when the sign-in is refused or something is missing,
        `RetryableWriteError` when nobody answers.
        """
        try:
            self._scratch = Path(tempfile.mkdtemp(prefix="winestream-"))
        except OSError as error:
            raise ConfigurationError(
                f"no folder for staging could be made ({_said(error)}): free some disk "
                "or point TMPDIR elsewhere"
            ) from None
        try:
            self._staging = Staging(self._pipeline, self._scratch)
            session = self._connected()
            session.run(_EVERYTHING)
            with suppress(RetryableWriteError):  # leftovers cost pennies
                self._staging.sweep(session, self._now().date())
            session.rollback()
        except BaseException:
            self.close()
            raise

    def write(self, piece: Slice, epochs: Mapping[LogPartition, int]) -> None:
        """Land the slice; see `Writer.write`."""
        staging, now = self._require_open(), self._now()
        if not piece.ranges:
            return
        try:
            session = self._connected()
            small: list[Load] = []
            # One by one: a load is Arrow only until it is sealed.
            large = filterfalse(partial(self._inserts, small), loads_of(piece, now))
            files = staging.put(session, piece, large, now.date())
            ledger = ledger_rows(
                piece, self._pipeline, epochs, fingerprints=self._fingerprints
            )
            contents = Contents(ledger, files, small)
            land(session, self._pipeline, self._owner, piece, epochs, contents)
        except OSError as error:
            raise RetryableWriteError(
                f"staging to {self._scratch} failed ({_said(error)}): free some disk"
            ) from None
        except RetryableWriteError:
            self._clear_the_way()
            raise
        finally:
            self._drop_broken_session()
        # Its compare-and-set found the cursors here, so all before is certain.
        staging.confirmed({p: start for p, (start, _) in piece.ranges.items()})
        self._tidy()

    def close(self) -> None:
        """Remove what is confirmed, sign out, clean up."""
        self._tidy(also_open=True)
        self._hang_up()
        if self._scratch is not None:
            shutil.rmtree(self._scratch, ignore_errors=True)

    # ------------------------------------------------------------- the cursor store

    def claim(
        self, owner: str, wants: Mapping[LogPartition, Want]
    ) -> Mapping[LogPartition, Cursor]:
        """Claim cursors in a session of its own, which becomes the writer's.

        An old session may not see a commit made a moment ago elsewhere.
        """
        staging, self._owner = self._require_open(), owner
        self._hang_up()
        try:
            session = self._connected()
            claimed = cursors.claim(
                session,
                self._pipeline,
                owner,
                wants,
                transaction_name(self._pipeline, owner),
            )
        except UnknownOutcomeError as error:
            raise RetryableWriteError(f"claim: {error}") from None
        except RetryableWriteError:
            self._clear_the_way()
            raise
        finally:
            self._drop_broken_session()
        staging.confirmed({p: c.position for p, c in claimed.items()})
        return claimed

    def read(self, partitions: Iterable[LogPartition]) -> Mapping[LogPartition, Cursor]:
        """Return committed cursors; see `CursorStore.read`."""
        staging = self._require_open()
        try:
            session = self._connected()
            session.rollback()  # a snapshot of now, not of an open transaction
            held = cursors.standing(session, self._pipeline, partitions)
            session.rollback()
        finally:
            self._drop_broken_session()
        found = {p: h.cursor for p, h in held.items()}
        staging.confirmed({p: c.position for p, c in found.items()})
        self._tidy()
        return found

    # -------------------------------------------------------------------- privately

    def _connected(self) -> Session:
        if self._session is None:
            self._session = Session.open(self._settings, self._pipeline, self._owner)
        return self._session

    def _inserts(self, small: list[Load], load: Load) -> bool:
        """Add a load to the small ones if it is to be inserted; say whether it is."""
        fits = is_small(load, self._insert_below)
        if fits:
            small.append(load)
        return fits

    def _require_open(self) -> Staging:
        if self._staging is None:
            raise RuntimeError("open() comes first")
        return self._staging

    def _drop_broken_session(self) -> None:
        if self._session is not None and self._session.broken:
            self._hang_up()

    def _hang_up(self) -> None:
        if self._session is not None:
            self._session.close()
            self._session = None

    def _tidy(self, *, also_open: bool = False) -> None:
        """Remove files nobody needs. A failure leaves them to the sweep."""
        if self._session is None or self._staging is None:
            return
        with suppress(WriteError):
            self._staging.remove_confirmed(self._session, also_open=also_open)
        self._drop_broken_session()

    def _clear_the_way(self) -> None:
        """After a claim or a write was kept waiting: end what blocks the cursors.

        It may be what this very writer left behind, when its line broke under the lock.
        """
        if self._session is not None and not self._session.broken:
            with suppress(WriteError):  # the next failure looks again
                end_stuck(self._session, self._pipeline, self._patience)


def _said(error: OSError) -> str:
    """Say why in the system's words; Arrow's errors have none."""
    return error.strerror or type(error).__name__
