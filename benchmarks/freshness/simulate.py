"""The real core between a log and a warehouse that exist only as times.

Nothing of the core is replaced: its effects are answered, its `wake_at` is obeyed. A
slice counts as fresh when its oldest message, timed from when it stood in the log, is
committed within the objective.
"""

import heapq
import random
from collections import deque
from collections.abc import Iterable
from typing import Final

import attrs

from benchmarks.freshness.write_times import Model, Write
from winestream.core import Batching, Core, CoreSettings
from winestream.core import effects as do
from winestream.core import inputs as got
from winestream.records import Cursor, LogPartition, Rows, Segment

WHERE: Final = LogPartition("c", "t", "topic", 0)
PAYLOAD: Final = b"x" * 450
SUSPEND: Final = 60.0
"""The warehouse's AUTO_SUSPEND; a resume bills as much at least."""
CONFIRM_SECONDS: Final = 0.2


@attrs.define
class Outcome:
    """What a run came to."""

    objective: float
    waits: list[float] = attrs.field(factory=list)
    """Of each slice that landed: its oldest message's way from log to commit."""
    landed_at: list[float] = attrs.field(factory=list)
    rows: list[int] = attrs.field(factory=list)
    attempts: int = 0
    confirms: int = 0
    resumes: int = 0
    awake: float = 0.0
    told: list[bool] = attrs.field(factory=list)
    """What the core said of each: was the objective missed?"""

    @property
    def writes(self) -> int:
        return len(self.waits)

    @property
    def held(self) -> float:
        """The share of slices that were fresh."""
        fresh = sum(wait <= self.objective for wait in self.waits)
        return fresh / max(1, self.writes)


class Simulation:
    """One core, one partition, one warehouse."""

    def __init__(
        self, policy: Batching, model: Model, objective: float, seed: int
    ) -> None:
        self.out = Outcome(objective)
        self._model, self._rng = model, random.Random(f"writes {seed}")
        jitter = random.Random(f"jitter {seed}")
        self._core = Core(CoreSettings(owner="me", jitter=jitter.random, batch=policy))
        self.now = 0.0
        self._answers: list[tuple[float, int, got.Input]] = []
        self._asked = 0
        self._log: deque[tuple[float, int]] = deque()
        """Messages not read yet: when they came, how many."""
        self._offset = 0
        self._came: dict[int, float] = {}
        """When the message at a segment's start came."""
        self._position = 0
        self._busy_until = -SUSPEND - 1

    def run(self, arrivals: Iterable[tuple[float, int]]) -> Outcome:
        """Let all of it arrive, and whatever is held then land."""
        self._core.feed(got.Assigned({WHERE: 0}), self.now)
        self._act()
        for at, count in arrivals:
            self._until(at)
            self._log.append((at, count))
            self._read()
        self._until(self.now + 2 * self.out.objective)
        return self.out

    def _until(self, when: float) -> None:
        """Do all that falls due before `when`."""
        while True:
            wake = self._core.wake_at()
            answer = self._answers[0][0] if self._answers else None
            due = min((t for t in (wake, answer) if t is not None), default=None)
            if due is None or due > when:
                self.now = when
                return
            self.now = max(self.now, due)
            if answer is not None and answer <= self.now:
                _, _, item = heapq.heappop(self._answers)
                if isinstance(item, got.Written):
                    self._landed()
                self._core.feed(item, self.now)
            self._act()
            self._read()

    def _read(self) -> None:
        """Poll: as much as there is room for."""
        while self._log and (room := self._core.room()).free:
            came, count = self._log.popleft()
            fits = max(1, min(room.rows, room.bytes // len(PAYLOAD)))
            taken = min(count, fits)
            if taken < count:
                self._log.appendleft((came, count - taken))
            self._came[self._offset] = came
            stop = self._offset + taken
            self._core.feed(got.Fetched(_segment(self._offset, stop)), self.now)
            self._offset = stop
            self._act()

    def _act(self) -> None:
        while (effect := self._core.next_effect(self.now)) is not None:
            match effect:
                case do.Claim(claim_id, wants):
                    claimed = {p: Cursor(0, 0, 1) for p in wants}
                    self._core.feed(got.Claimed(claim_id, claimed), self.now)
                case do.Write():
                    self._write(effect)
                case do.Confirm(confirm_id):
                    self.out.confirms += 1
                    cursors = {WHERE: Cursor(self._position, 0, 1)}
                    self._busy(CONFIRM_SECONDS)
                    self._answer(got.Confirmed(confirm_id, cursors), CONFIRM_SECONDS)
                case do.CommitKafka(positions):
                    self._core.feed(got.KafkaCommitted(positions, {}), self.now)
                case do.Landed(freshness=fresh):
                    if fresh is not None:
                        self.out.told.append(fresh.missed)
                case _:
                    pass

    def _write(self, write: do.Write) -> None:
        piece = write.piece
        cold = self.now > self._busy_until + SUSPEND
        asked = Write(self.now, piece.row_count, cold, write.attempt)
        attempt = self._model(asked, self._rng)
        self.out.attempts += 1
        self._busy(attempt.seconds)
        self._flying = piece
        answer = (
            got.Written(piece.id)
            if attempt.lands
            else got.Retryable(piece.id, OSError())
        )
        self._answer(answer, attempt.seconds)

    def _landed(self) -> None:
        starts = [part.start for part in self._flying.segments]
        came = min([self._came.pop(start) for start in starts])
        self.out.waits.append(self.now - came)
        self.out.landed_at.append(self.now)
        self.out.rows.append(self._flying.row_count)
        self._position = self._flying.segments[-1].stop

    def _answer(self, item: got.Input, after: float) -> None:
        self._asked += 1
        heapq.heappush(self._answers, (self.now + after, self._asked, item))

    def _busy(self, seconds: float) -> None:
        """Bill the warehouse: awake until `SUSPEND` after its last work."""
        since = self.now - self._busy_until
        if since > SUSPEND:
            self.out.resumes += 1
            self.out.awake += SUSPEND + seconds
        else:
            self.out.awake += max(0.0, since + seconds)
        self._busy_until = max(self._busy_until, self.now + seconds)


def _segment(start: int, stop: int) -> Segment:
    n = stop - start
    rows = Rows(
        table="T",
        offsets=range(start, stop),
        event_ids=[""] * n,
        event_types=[""] * n,
        occurred_at=[0.0] * n,
        schema_versions=[1] * n,
        payloads=[PAYLOAD] * n,
        keys=[None] * n,
        timestamps=[0] * n,
    )
    return Segment(WHERE, start, stop, (rows,))
