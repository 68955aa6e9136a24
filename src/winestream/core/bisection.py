"""Finding the rows a warehouse refuses when it does not say which.

A refused slice is halved until the refused row stands alone; it becomes a dead letter
and the rest lands. With k refused among n rows that costs about k * log2(n)
transactions. Too many refused rows are no poison but a wrong table.
"""

import attrs

from winestream.core.buffer import Buffer
from winestream.core.policy import SafetyPolicy
from winestream.errors import FatalWriteError
from winestream.records import Offender, Slice


@attrs.define
class Bisection:
    """The refusals of one original slice of `rows` rows."""

    rows: int
    refused: int = 0

    def divide(
        self,
        piece: Slice,
        offenders: tuple[Offender, ...],
        detail: str,
        safety: SafetyPolicy,
        buffer: Buffer,
    ) -> tuple[Slice, ...]:
        """Return what to write instead of the refused `piece`, in order.

        Raises `FatalWriteError` when no row can be blamed, or too many are.
        """
        named = [o for o in offenders if _holds(piece, o)]
        if not named and piece.row_count > 1:
            return piece.halves(buffer.new_id(), buffer.new_id())
        if not named:
            named = _only_row(piece, detail)
        self.refused += len({(o.partition, o.offset) for o in named})
        if safety.too_many(self.refused, self.rows):
            raise FatalWriteError(
                f"the warehouse refused {self.refused} of {self.rows} rows ({detail}): "
                "that is no poison but a table that does not fit. Compare it with "
                "sql/, or raise max_rejected"
            )
        return (piece.bury(named, buffer.new_id()),)


def _holds(piece: Slice, offender: Offender) -> bool:
    return any(
        offender.offset in rows.offsets
        for part in piece.segments_of(offender.partition)
        for rows in part.rows
    )


def _only_row(piece: Slice, detail: str) -> list[Offender]:
    for part in piece.segments:
        if part.row_count:
            return [Offender(part.partition, part.row_offset(0), detail)]
    raise FatalWriteError(
        f"the warehouse refused a slice without rows ({detail}): its dead letters or "
        "gaps do not fit their tables. Compare RAW.DEAD_LETTERS and OPS with sql/"
    )
