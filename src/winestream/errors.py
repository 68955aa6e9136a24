"""Every exception winestream raises, split by what the caller can do about it.

Vendor errors stop at one seam (`kafka`, `snowflake`) and continue as one of these.
A message says what was wrong, where, and what to do next; it never holds a payload
or a secret.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from winestream.records import LogPartition, Offender


class WinestreamError(Exception):
    """Root of every error of this library."""


class ConfigurationError(WinestreamError):
    """A setting is missing, contradictory or refused; the message names it."""


class DecodeError(WinestreamError):
    """Bytes that are not an event. `reason` is a short code, `path` a JSON path."""

    def __init__(self, reason: str, path: str = "$", detail: str = "") -> None:
        self.reason, self.path, self.detail = reason, path, detail
        super().__init__(f"{reason} at {path}" + (f": {detail}" if detail else ""))


class SourceError(WinestreamError):
    """The log cannot be read or committed to just now; the sink tries again."""


class FatalSourceError(SourceError):
    """The log will never answer as configured (credentials, unknown topic, …)."""


class NewLogError(WinestreamError):
    """A topic was made again under its old name, so its offsets mean another log.

    Raised when a cursor would be born while this pipeline already owns one for the
    same topic and partition under another cluster or topic id.
    """

    def __init__(self, partitions: "Sequence[LogPartition]") -> None:
        self.partitions = tuple(partitions)
        names = ", ".join(sorted({f"{p.topic}[{p.partition}]" for p in partitions}))
        super().__init__(
            f"{names}: the warehouse holds a cursor for another log of this name. "
            "If the topic was made again on purpose, run once with "
            'SafetyPolicy(on_new_log="start"), for `winestream run` with '
            "--set safety.on_new_log=start; otherwise check the bootstrap servers."
        )


class RetentionLossError(WinestreamError):
    """Retention deleted messages before they were read; `on_retention_loss` decides."""


class WriteError(WinestreamError):
    """Root of what a writer may raise from `write`, `claim` and `read`."""


class RetryableWriteError(WriteError):
    """Nothing was written and the same slice may be tried again later."""


class RejectedWriteError(WriteError):
    """The warehouse refuses rows of this slice; nothing of it was written.

    `offenders` names them when the warehouse did; when empty the sink halves the
    slice until the refused rows stand alone. `code` is the warehouse's error code; it
    is kept with a dead letter, so it must not quote a payload.
    """

    def __init__(
        self, message: str, *, code: str, offenders: "Sequence[Offender]" = ()
    ) -> None:
        self.code = code
        self.offenders = tuple(offenders)
        super().__init__(message)


class FatalWriteError(WriteError):
    """No retry can succeed: credentials, a missing table, a broken invariant."""


class UnknownOutcomeError(WriteError):
    """The commit was sent and its answer lost: the slice landed, or it did not."""


class FencedError(WriteError):
    """Another owner holds these partitions now; nothing of the slice was written."""

    def __init__(self, partitions: "Sequence[LogPartition]") -> None:
        self.partitions = frozenset(partitions)
        names = ", ".join(sorted(f"{p.topic}[{p.partition}]" for p in partitions))
        super().__init__(f"another owner took over {names}")


class AbandonedError(WinestreamError):
    """The sink stopped at its deadline with rows unwritten. Nothing is lost.

    Their offsets are not committed, so the next start reads them again.
    """
