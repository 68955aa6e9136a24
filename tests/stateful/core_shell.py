"""The shell of one process: performs a core's effects and brings the writer's answers.

Nothing here happens by itself: time, answers and faults come from the caller.
"""

from collections.abc import Iterable
from datetime import timedelta
from itertools import count

from core_model import (
    MAX_BYTES,
    MAX_ROWS,
    PARTITIONS,
    Choose,
    Log,
    Warehouse,
    check_tiling,
)

from winestream.core import BatchPolicy, Core, CoreSettings, RetryPolicy, SafetyPolicy
from winestream.core import effects as do
from winestream.core import inputs as got
from winestream.records import LogPartition, Offender


class Shell:
    """One process at a time: its core, and the shell that performs its effects."""

    def __init__(self, *, cursors: bool = True) -> None:
        self.cursors = cursors
        self.now = 1000.0
        self.log = {p: Log() for p in PARTITIONS}
        self.warehouse = Warehouse(self.log, keeps_cursors=cursors)
        self.kafka: dict[LogPartition, int] = {}
        self.limbo: list[do.Write] = []
        """Transactions whose COMMIT was sent and whose fate is open."""
        self._owners = count(1)
        self.failed = False
        """Whether a promise was broken; then there is nothing more to expect."""
        self.begin()

    def begin(self) -> None:
        """Start a process, after the one before it died or was done."""
        self.owner = f"owner-{next(self._owners)}"
        self.core = Core(
            CoreSettings(
                owner=self.owner,
                jitter=lambda: 0.5,
                cursors=self.cursors,
                batch=BatchPolicy(
                    max_rows=MAX_ROWS,
                    max_bytes=MAX_BYTES,
                    linger=timedelta(seconds=2),
                    gap_linger=timedelta(seconds=20),
                ),
                retry=RetryPolicy(),
                safety=SafetyPolicy(on_retention_loss="record"),
            )
        )
        self.owned: set[LogPartition] = set()
        self.reading: dict[LogPartition, int] = {}
        """Where the client reads next; owned partitions that are absent are held."""
        self.held = False
        self.draining: set[LogPartition] = set()
        self.command: do.Claim | do.Write | do.Confirm | None = None
        self.commits: list[dict[LogPartition, int]] = []
        self.said: list[got.Answer] = []
        self.stopping = False
        self.done: int | None = None

    # ------------------------------------------------------------------ the shell

    def feed(self, *items: got.Input) -> None:
        """Tell the core, then do all it asks for."""
        self.failed = True
        for item in items:
            self.core.feed(item, self.now)
        self.pump()
        self.failed = False

    def pump(self) -> None:
        """Perform effects until there are none, which must be soon."""
        for _ in range(100):
            effect = self.core.next_effect(self.now)
            if effect is None:
                wake = self.core.wake_at()
                assert wake is None or wake > self.now, "the core would spin"
                return
            self.perform(effect)
        raise AssertionError("effects do not end")

    def perform(self, effect: do.Effect) -> None:
        """Do what the sink would."""
        assert self.done is None, (effect, "after the end")
        match effect:
            case do.Claim() | do.Write() | do.Confirm():
                assert self.command is None, "two commands at once"
                self.command = effect
                if isinstance(effect, do.Write):
                    self._check_write(effect)
            case do.Start(positions):
                assert positions.keys() <= self.owned, "started what is not ours"
                self.reading.update(positions)
            case do.Hold(held):
                assert held != self.held
                self.held = held
            case do.CommitKafka(positions, wait):
                self._commit_kafka(dict(positions), wait=wait)
            case do.Release(partitions):
                assert partitions <= self.draining, "released what may stay"
                self._gone(partitions)
            case do.Done(abandoned):
                self.done = abandoned
            case do.Landed() | do.Outage():
                pass
            case do.Fail(error):
                raise AssertionError("no rule is fatal") from error

    def _check_write(self, write: do.Write) -> None:
        piece = write.piece
        assert piece.segments
        assert piece.ranges.keys() == write.epochs.keys()
        assert piece.ranges.keys() <= self.owned, "wrote what is not ours"
        assert piece.id.startswith(f"{self.owner}/")
        check_tiling(piece)
        for partition, (start, _) in piece.ranges.items():
            known = self.core.state.parts[partition].written
            assert start == known, (partition, start, known, "would be fenced")

    def _commit_kafka(self, positions: dict[LogPartition, int], *, wait: bool) -> None:
        assert positions.keys() <= self.owned
        for partition, position in positions.items():
            if self.cursors:
                durable = self.warehouse.durable[partition]
                assert position <= durable, (partition, position, "told too early")
            else:
                born = min(self.warehouse.covered[partition], default=position)
                unwritten = [
                    o
                    for o in self.log[partition].ahead(born)
                    if o < position and not self.warehouse.covered[partition][o]
                ]
                assert not unwritten, (partition, position, "told too early")
        self.commits.append(positions)
        if wait:
            self.answer_kafka(refused=False)

    def _gone(self, partitions: Iterable[LogPartition]) -> None:
        for partition in partitions:
            self.owned.discard(partition)
            self.draining.discard(partition)
            self.reading.pop(partition, None)

    # ----------------------------------------------------------------- the answers

    def answer(self, outcome: str, choose: Choose) -> None:
        """Let the writer answer its command; `choose(n)` draws from `range(n)`."""
        command, self.command = self.command, None
        assert command is not None
        match command:
            case do.Claim(claim_id, wants):
                self.settle(wants, choose)
                if outcome in ("retryable", "lost"):
                    if outcome == "lost":
                        self.warehouse.claim(wants)
                    said = got.ClaimFailed(claim_id, OSError("claim"))
                else:
                    said = got.Claimed(claim_id, self.warehouse.claim(wants))
            case do.Confirm(confirm_id, partitions):
                if outcome == "retryable":
                    said = got.ConfirmFailed(confirm_id, OSError("confirm"))
                else:
                    cursors = self.warehouse.cursors
                    found = {p: cursors[p] for p in partitions if p in cursors}
                    said = got.Confirmed(confirm_id, found)
            case do.Write():
                said = self._write(command, outcome, choose)
        self.said.append(said)
        self.feed(said)

    def _write(self, write: do.Write, outcome: str, choose: Choose) -> got.Answer:
        piece = write.piece
        if outcome == "retryable":
            return got.Retryable(piece.id, OSError("write"))
        if outcome == "never":
            return got.Unknown(piece.id, OSError("commit"))
        poison = [
            Offender(part.partition, o, "poison")
            for part in piece.segments
            for rows in part.rows
            for o in rows.offsets
            if self.log[part.partition].kinds[o] == "poison"
        ]
        if poison:
            # Not named, all named, or only some of them.
            named = poison[: choose(len(poison) + 1)]
            return got.Rejected(piece.id, tuple(named), "poison")
        self.settle(piece.ranges, choose)
        return self._transact(write, outcome)

    def _transact(self, write: do.Write, outcome: str) -> got.Answer:
        """Compare and set, and perhaps lose the answer."""
        piece = write.piece
        fenced = self.warehouse.fenced(write)
        if fenced:
            return got.Fenced(piece.id, fenced)
        if outcome == "nothing" and self.cursors:
            return got.Written(piece.id)
        if outcome == "limbo":
            self.limbo.append(write)
            return got.Unknown(piece.id, OSError("commit"))
        self.warehouse.commit(piece)
        if outcome == "lost":
            return got.Unknown(piece.id, OSError("commit"))
        return got.Written(piece.id)

    def settle(self, partitions: Iterable[LogPartition], choose: Choose) -> None:
        """Decide open transactions that hold the lock on these cursors."""
        wanted = set(partitions)
        for write in list(self.limbo):
            if wanted & write.piece.ranges.keys():
                self.limbo.remove(write)
                if choose(2):
                    assert not self.warehouse.fenced(write), "the lock was held"
                    self.warehouse.commit(write.piece)

    def answer_kafka(self, *, refused: bool) -> None:
        """Let Kafka answer its oldest commit."""
        positions = self.commits.pop(0)
        mine = {p: at for p, at in positions.items() if p in self.owned}
        if not refused:
            self.kafka.update(mine)
        errors = {p: "refused" for p in positions if refused or p not in mine}
        self.core.feed(got.KafkaCommitted(positions, errors), self.now)
