"""What lies in the simulated warehouse: cursor rows, ledger rows, loads."""

from collections.abc import Mapping

import attrs

from winestream.records import LogPartition


@attrs.frozen
class CursorRow:
    """A row of the cursor table."""

    position: int
    first: int
    epoch: int
    owner: str


Cursors = Mapping[LogPartition, tuple[CursorRow, ...]]
"""The cursor table. No key is enforced, so a partition may come to have two rows."""


@attrs.frozen
class LedgerRow:
    """What one slice did to one partition; `start > stop` is a rewind."""

    slice_id: str
    partition: LogPartition
    start: int
    stop: int
    rows: int
    dead: int
    epoch: int

    @property
    def rewind(self) -> bool:
        """Whether an operator set the cursor back."""
        return self.start > self.stop


@attrs.frozen
class Item:
    """A row, a dead letter or a gap as it landed, with the offsets it stands for.

    `value` is a row's payload and a dead letter's value, `reason` a dead letter's or a
    gap's.
    """

    partition: LogPartition
    start: int
    stop: int
    value: bytes | None = None
    reason: str = ""


DEAD, GAPS = "DEAD_LETTERS", "GAPS"


@attrs.frozen
class Load:
    """What one COPY of one slice brought into one table."""

    slice_id: str
    table: str
    items: tuple[Item, ...]


@attrs.define(eq=False)
class Transaction:
    """Changes that nobody else sees until they are committed."""

    name: str
    number: int
    ledger: list[LedgerRow] = attrs.field(factory=list)
    loads: list[Load] = attrs.field(factory=list)
    cursors: dict[LogPartition, tuple[CursorRow, ...]] = attrs.field(factory=dict)
    locked_at: float | None = None
    """Since when it holds the lock of the cursor table."""


@attrs.define(eq=False)
class ServerSession:
    """A session as the server sees it. A statement without a transaction opens one."""

    owner: str
    opened_at: float
    transaction: Transaction | None = None
    gone: bool = False
    """The server has closed it: what arrives for it now is not executed."""
