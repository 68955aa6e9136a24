"""Writing: when a slice leaves, and what each answer to it means."""

from collections.abc import Iterator
from typing import assert_never

import attrs

from winestream.core import effects as do
from winestream.core import inputs as got
from winestream.core.bisection import Bisection
from winestream.core.partitions import Phase
from winestream.core.state import State
from winestream.errors import FatalWriteError, RetryableWriteError
from winestream.records import LogPartition, Offender, Slice

WriteAnswer = got.Written | got.Retryable | got.Rejected | got.Unknown | got.Fenced


@attrs.define
class Writes:
    """At most one slice is with the writer; the rest waits behind it."""

    state: State
    failures: int = 0
    """Failures in a row of what is at the outbox's head."""
    not_before: float = 0.0
    launched: float = 0.0
    """When the slice under way was sent, by its latest attempt."""
    doubt: Slice | None = None
    """The slice whose answer was lost, until its cursors are known."""
    _bisection: Bisection | None = None

    @property
    def busy(self) -> bool:
        """Whether the writer has a slice."""
        return self.state.buffer.flying is not None

    @property
    def exhausted(self) -> bool:
        """Whether the quick retries are used up."""
        waiting = self.busy or bool(self.state.buffer.outbox)
        return waiting and self.state.settings.retry.exhausted(self.failures)

    def seal(self, now: float) -> None:
        """Seal the filling slice when it is due and its place is free."""
        due = self._due_at()
        if due is not None and due <= now:
            # What the slice before it went through, dropped ones included, is over.
            self.failures, self.not_before = 0, now
            self.doubt = self._bisection = None
            self.state.buffer.seal()

    def next_effect(self, now: float) -> do.Effect | None:
        """Send the next slice, if one is ready. Nothing may be with the writer."""
        if not self._ready() or self.not_before > now:
            return None
        piece = self.state.buffer.launch()
        self.launched = now
        epochs = {p: self.state.parts[p].epoch for p in piece.ranges}
        return do.Write(piece, epochs, self.failures + 1)

    def timers(self) -> Iterator[float]:
        """Yield when `next_effect` may have something to send."""
        if self._ready():
            yield self.not_before

    def seal_timers(self) -> Iterator[float]:
        """Yield when `seal` has something to do."""
        due = self._due_at()
        if due is not None:
            yield due

    def answered(self, answer: WriteAnswer, now: float) -> None:
        """Take the answer to the slice under way; any other changes nothing."""
        landed = self.state.buffer.land(answer.slice_id)
        if landed is None:
            return
        sent, ours = landed
        match answer:
            case got.Written():
                self._written(sent, ours, now)
            case got.Retryable(_, error):
                self._retry(ours, error, now)
            case got.Unknown(_, error):
                self._unknown(sent, ours, error, now)
            case got.Rejected(_, offenders, detail):
                self._rejected(sent, ours, offenders, detail)
            case got.Fenced(_, partitions):
                self._fenced(sent, ours, partitions, now)
            case _:
                assert_never(answer)

    def resolve(self, partition: LogPartition, position: int, now: float) -> None:
        """Note where a kept cursor stands: past the doubtful slice, or before it."""
        doubt = self.doubt
        if doubt is None or partition not in doubt.ranges:
            return
        if position >= doubt.ranges[partition].stop:
            self._landed(doubt, self.failures, now, after_doubt=True)
            self.failures, self.not_before = 0, 0.0
        self.doubt = None

    def _due_at(self) -> float | None:
        """Return when the filling slice leaves; its place must be free."""
        state = self.state
        due = state.buffer.due_at()
        if due is None or state.buffer.outbox or state.buffer.flying:
            return None
        leaving = {p for p, t in state.parts.items() if t.deadline is not None}
        draining = leaving and any(p.partition in leaving for p in state.buffer.filling)
        return float("-inf") if draining or state.stopping else due

    def _ready(self) -> bool:
        """Whether the outbox's head may go: all its cursors are surely ours."""
        outbox = self.state.buffer.outbox
        return bool(outbox) and all(
            self.state.parts[p].phase is Phase.ACTIVE for p in outbox[0].ranges
        )

    def _written(self, sent: Slice, ours: Slice, now: float) -> None:
        attempts, self.failures = self.failures + 1, 0
        self._landed(sent, attempts, now, after_doubt=False)
        for partition, (start, stop) in ours.ranges.items():
            tracked = self.state.parts[partition]
            tracked.written, tracked.written_at = stop, now
            # The compare-and-set found the cursor at `start`: so far it is certain.
            # That this one committed shows only when the cursor is looked at again.
            cursors = self.state.settings.cursors
            tracked.confirmed = max(tracked.confirmed, start if cursors else stop)

    def _landed(
        self, piece: Slice, attempts: int, now: float, *, after_doubt: bool
    ) -> None:
        fresh = None
        messages = piece.row_count + piece.dead_count
        if messages:  # nobody waits for an offset that holds none
            seconds = None if after_doubt else now - self.launched
            waited = now - self.state.buffer.sealed_from
            fresh = self.state.buffer.pace.landed(
                messages, piece.payload_bytes, waited, seconds
            )
        self.state.facts.append(do.Landed(piece, attempts, after_doubt, fresh))

    def _retry(self, ours: Slice, error: Exception, now: float) -> None:
        self.state.buffer.put_back(ours)
        self.failures += 1
        retry = self.state.settings.retry
        if retry.exhausted(self.failures) and retry.on_exhausted == "stop":
            self.state.fail(error)
        pause = retry.pause(self.failures, self.state.settings.jitter())
        self.not_before = now + pause

    def _unknown(self, sent: Slice, ours: Slice, error: Exception, now: float) -> None:
        self._retry(ours, error, now)
        if not self.state.settings.cursors:
            return  # at least once: writing it again is allowed
        self.doubt = sent
        for tracked in self.state.tracked(ours.ranges):
            tracked.phase, tracked.not_before = Phase.UNSURE, now

    def _fenced(
        self,
        sent: Slice,
        ours: Slice,
        partitions: frozenset[LogPartition],
        now: float,
    ) -> None:
        if not partitions & sent.ranges.keys():
            # Nobody's: without a pause the writer would be asked for ever.
            self._retry(ours, RetryableWriteError("fenced, but no partition"), now)
            return
        self.failures, self.not_before = 0, now
        self.state.buffer.put_back(ours)
        if not self.state.settings.cursors:
            self.state.fail(
                FatalWriteError(
                    "the writer was fenced, and keeps no cursors to be claimed again; "
                    "one without cursors may raise any other WriteError"
                )
            )
            return
        self.state.fence(partitions & ours.ranges.keys())

    def _rejected(
        self,
        sent: Slice,
        ours: Slice,
        offenders: tuple[Offender, ...],
        detail: str,
    ) -> None:
        self.failures = 0
        if ours is not sent:
            # What was refused may have been in what is no longer ours: ask again,
            # or the only row left would be buried for another one's fault.
            self.state.buffer.put_back(ours)
            return
        if self._bisection is None:
            self._bisection = Bisection(rows=ours.row_count)
        try:
            pieces = self._bisection.divide(
                ours, offenders, detail, self.state.settings.safety, self.state.buffer
            )
        except FatalWriteError as error:
            self.state.buffer.put_back(ours)
            self.state.fail(error)
        else:
            self.state.buffer.put_back(*pieces)
