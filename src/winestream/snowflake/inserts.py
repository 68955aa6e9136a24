"""Small loads on their way: bound values of a plain INSERT, no file and no COPY.

For a handful of rows the file, the PUT and the COPY cost more than the rows. The values
go with the statement instead, inside the transaction. They are bound as what they are:
times without a zone with their microseconds, bytes as BINARY, None as NULL. Nothing is
text that the server would have to read by the session's formats.
"""

from typing import Any

import pyarrow as pa

from winestream.errors import ConfigurationError, RetryableWriteError
from winestream.snowflake.cursors import CHUNK
from winestream.snowflake.identifiers import qualified
from winestream.snowflake.session import Session
from winestream.snowflake.tables import Load

MOST_ROWS = CHUNK
"""What the crossover may be at most: what a VALUES list takes, and a row has 15."""
MOST_BYTES = 500_000
"""More than this goes as a file all the same: a request has its limits, too."""


def crossover(insert_below: int) -> int:
    """Return the setting. Raises `ConfigurationError` when it is out of bounds."""
    if not 0 <= insert_below <= MOST_ROWS:
        raise ConfigurationError(
            f"insert_below is {insert_below}: give 0 (never) to {MOST_ROWS} rows, more "
            "does not fit into one INSERT"
        )
    return insert_below


def is_small(load: Load, insert_below: int) -> bool:
    """Say whether an INSERT brings this load in rather than a COPY.

    Fewer rows than the crossover, and no more bytes than one statement should carry.
    """
    rows, size = int(load.rows.num_rows), int(load.rows.nbytes)
    return rows < insert_below and size <= MOST_BYTES


def insert(session: Session, load: Load) -> None:
    """Insert the rows of a small load in one statement, within the open transaction.

    Raises `WriteError`: a refused value is `RejectedWriteError` where the load's
    `data` says so, and a count that is not the load's is retryable.
    """
    names = load.rows.schema.names
    table = qualified(load.schema, load.table)
    into = f"INSERT INTO {table} ({', '.join(names)})"
    row = f"({', '.join('?' for _ in names)})"
    rows = ", ".join([row] * load.rows.num_rows)
    answer = session.run(f"{into} VALUES {rows}", _values(load.rows), data=load.data)
    inserted = int(answer[0][0])
    if inserted != load.rows.num_rows:
        raise RetryableWriteError(
            f"INSERT brought {inserted} of {load.rows.num_rows} rows into {table}"
        )


def _values(rows: pa.Table) -> list[Any]:
    """Return the values row by row; the schemas' times have no zone, nor has NTZ."""
    columns = [column.to_pylist() for column in rows.columns]
    return [value for row in zip(*columns, strict=True) for value in row]
