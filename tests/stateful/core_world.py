"""What a `Core` lives in: a log, a warehouse, Kafka's memory, and a shell that obeys.

Deliberately small and literal, so that it can be right by reading. Everything a rule
may do to the core is a method here; `check` holds the promises of docs and design.
Nothing here happens by itself: time, answers and faults come from the caller.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from itertools import count

import attrs

from winestream.core import BatchPolicy, Core, CoreSettings, RetryPolicy, SafetyPolicy
from winestream.core import effects as do
from winestream.core import inputs as got
from winestream.records import (
    Cursor,
    DeadLetter,
    Gap,
    LogPartition,
    Offender,
    Rows,
    Segment,
    Slice,
)

PARTITIONS = tuple(LogPartition("c", "t", "topic", i) for i in range(3))
MAX_ROWS = 6
MAX_BYTES = 90
"""Eight bytes a message and forty a heavy one: both bounds are met."""
PAYLOADS = {"good": b"good....", "heavy": b"heavy..." * 5, "poison": b"poison.."}
MAX_POLL = 8

Choose = Callable[[int], int]
"""`choose(n)` draws from `range(n)`."""


@attrs.define
class Log:
    """Offsets and what they hold; missing offsets are legal gaps."""

    kinds: dict[int, str] = attrs.field(factory=dict)
    end: int = 0
    low: int = 0

    def produce(self, kind: str, hole: int) -> None:
        """Append a message after `hole` offsets without one."""
        self.kinds[self.end + hole] = kind
        self.end += hole + 1

    def ahead(self, position: int) -> list[int]:
        """Return the offsets that hold a message from `position` on."""
        return [o for o in self.kinds if o >= max(position, self.low)]


@attrs.define
class Warehouse:
    """Cursors and what landed, as the compare-and-set protocol leaves them."""

    log: dict[LogPartition, Log]
    keeps_cursors: bool = True
    cursors: dict[LogPartition, Cursor] = attrs.field(factory=dict)
    durable: dict[LogPartition, int] = attrs.field(factory=dict)
    """The highest position each cursor ever had."""
    covered: dict[LogPartition, Counter[int]] = attrs.field(
        factory=lambda: {p: Counter() for p in PARTITIONS}
    )

    def claim(self, wants: dict) -> dict[LogPartition, Cursor]:
        """Take or keep."""
        claimed = {}
        for partition, want in wants.items():
            held = self.cursors.get(partition)
            if held is None and want.keep_epoch is None:
                held = Cursor(want.initial, want.initial, 0)
            if held is None or want.keep_epoch not in (None, held.epoch):
                continue
            claimed[partition] = attrs.evolve(held, epoch=held.epoch + 1)
        self.cursors.update(claimed)
        for partition, cursor in claimed.items():
            self.durable.setdefault(partition, cursor.position)
        return claimed

    def fenced(self, write: do.Write) -> frozenset[LogPartition]:
        """Return whose epoch or position is another."""
        if not self.keeps_cursors:
            return frozenset()
        return frozenset(
            p
            for p, (start, _) in write.piece.ranges.items()
            if (held := self.cursors.get(p)) is None
            or (held.position, held.epoch) != (start, write.epochs[p])
        )

    def commit(self, piece: Slice) -> None:
        """Land the slice, whoever wrote it, and check every offset of it."""
        for part in piece.segments:
            self._check(part)
        for partition, (start, stop) in piece.ranges.items():
            self.covered[partition].update(range(start, stop))
            if self.keeps_cursors:
                held = self.cursors[partition]
                self.cursors[partition] = attrs.evolve(held, position=stop)
                self.durable[partition] = max(stop, self.durable[partition])

    def _check(self, part: Segment) -> None:
        log = self.log[part.partition]
        for rows in part.rows:
            for offset in rows.offsets:
                assert log.kinds[offset] in ("good", "heavy"), (offset, "as a row")
        for letter in part.dead:
            wanted = "poison" if letter.reason == "rejected" else "broken"
            assert log.kinds[letter.offset] == wanted, (letter, "is no dead letter")
        for gap in part.gaps:
            if gap.reason == "retention":
                assert gap.stop <= log.low, (gap, "was not deleted")
                continue
            held = [o for o in range(gap.start, gap.stop) if o in log.kinds]
            assert not held, (gap, "holds messages", held)

    def rewind(self, partition: LogPartition, position: int) -> None:
        """Move a cursor back, as the operator's command does."""
        held = self.cursors[partition]
        self.cursors[partition] = attrs.evolve(
            held, position=position, epoch=held.epoch + 1
        )
        for offset in [o for o in self.covered[partition] if o >= position]:
            del self.covered[partition][offset]

    def check(self) -> None:
        """Rows, dead letters and gaps tile `[first, cursor)`, each exactly once."""
        for partition, cursor in self.cursors.items():
            wanted = Counter(range(cursor.first, cursor.position))
            assert self.covered[partition] == wanted, (partition, cursor)


def segment(partition: LogPartition, log: Log, offsets: Sequence[int]) -> Segment:
    """Return the run of these messages, as the reader would make it."""
    rows = []
    for table, remainder in (("EVEN", 0), ("ODD", 1)):
        mine = [
            o for o in offsets if log.kinds[o] != "broken" and o % 2 == remainder
        ]
        if mine:
            rows.append(
                Rows(
                    table=table,
                    offsets=mine,
                    event_ids=[str(o) for o in mine],
                    event_types=["T"] * len(mine),
                    occurred_at=[0.0] * len(mine),
                    schema_versions=[1] * len(mine),
                    payloads=[PAYLOADS[log.kinds[o]] for o in mine],
                    keys=[None] * len(mine),
                    timestamps=[0] * len(mine),
                )
            )
    dead = tuple(
        DeadLetter(o, b"broken..", None, 0, "malformed-json", "$")
        for o in offsets
        if log.kinds[o] == "broken"
    )
    gaps = tuple(
        Gap(a + 1, b, "jump")
        for a, b in zip(offsets, offsets[1:], strict=False)
        if b > a + 1
    )
    start, stop = offsets[0], offsets[-1] + 1
    return Segment(partition, start, stop, tuple(rows), dead, gaps)


def check_tiling(piece: Slice) -> None:
    """Every offset of every segment is in one place; segments follow each other."""
    expected: dict[LogPartition, int] = {}
    for part in piece.segments:
        assert part.start == expected.get(part.partition, part.start), "a hole"
        expected[part.partition] = part.stop
        places = [o for rows in part.rows for o in rows.offsets]
        places += [letter.offset for letter in part.dead]
        places += [o for gap in part.gaps for o in range(gap.start, gap.stop)]
        assert sorted(places) == list(range(part.start, part.stop)), part


class World:
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

    def _write(
        self, write: do.Write, outcome: str, choose: Choose
    ) -> got.Answer:
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

    def settle(
        self, partitions: Iterable[LogPartition], choose: Choose
    ) -> None:
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

    # ---------------------------------------------------------------- the consumer

    def poll(self, partition: LogPartition, most: int) -> None:
        """Fetch from one partition, or learn where reading stands."""
        room = self.core.room()
        fetched = False
        if partition in self.reading and not self.held:
            fetched = self._fetch(partition, min(most, MAX_POLL, max(1, room.rows)))
        if not fetched:
            self._reached()
        self.feed(got.Polled(frozenset(self.owned)))

    def _fetch(self, partition: LogPartition, most: int) -> bool:
        log, position = self.log[partition], self.reading[partition]
        if position < log.low:
            del self.reading[partition]
            self.feed(got.OutOfRange(partition, log.low, log.end))
            return True
        offsets = log.ahead(position)[:most]
        if not offsets:
            return False
        self.reading[partition] = offsets[-1] + 1
        self.feed(got.Fetched(segment(partition, log, offsets)))
        return True

    def _reached(self) -> None:
        """Move past what holds no message, if the client got there."""
        if not self.held:
            for partition, position in self.reading.items():
                log = self.log[partition]
                if not log.ahead(position) and position >= log.low:
                    self.reading[partition] = max(position, log.end)
        self.feed(got.Reached(dict(self.reading)))

    def poll_all(self, most: int) -> None:
        """Poll every partition."""
        for partition in PARTITIONS:
            self.poll(partition, most)

    def destroy(self, partition: LogPartition, messages: int) -> None:
        """Let the client move past messages without a word.

        The gap guard sees it where it does not trust the log yet, and once at a time:
        a second look that lies as well cannot be told from the truth.
        """
        tracked = self.core.state.parts.get(partition)
        position = self.reading.get(partition)
        if tracked is None or position is None or self.held:
            return
        gone = self.log[partition].ahead(position)[:messages]
        if gone and not tracked.trusted and tracked.suspect is None:
            self.reading[partition] = gone[-1] + 1

    def stop(self, seconds: float) -> None:
        """Ask for a graceful stop, once."""
        if not self.stopping:
            self.stopping = True
            self.feed(got.Stop(self.now + seconds))

    def poll_failed(self, destroyed: int) -> None:
        """Let a poll raise after it took messages that nobody will see."""
        if not self.held:
            for partition, position in self.reading.items():
                gone = self.log[partition].ahead(position)[:destroyed]
                if gone:
                    self.reading[partition] = gone[-1] + 1
        self.feed(got.PollFailed())

    def assign(self, partitions: Iterable[LogPartition]) -> None:
        """Give partitions to the process."""
        new = set(partitions)
        initial = {p: self.log[p].low for p in new}
        if not self.cursors:
            initial |= {p: self.kafka[p] for p in new if p in self.kafka}
        self._gone(new)
        self.owned |= new
        self.feed(got.Assigned(initial))

    def lose(self, partitions: Iterable[LogPartition]) -> None:
        """Take partitions away without asking."""
        gone = frozenset(partitions)
        self._gone(gone)
        self.feed(got.Lost(gone))

    def revoke(self, partitions: Iterable[LogPartition], seconds: float) -> None:
        """Ask for partitions back."""
        self.draining = set(partitions)
        self.feed(got.Revoked(frozenset(partitions), self.now + seconds))

    # ------------------------------------------------------------------ the others

    def crash(self) -> None:
        """Let the process die; what it sent the warehouse may still arrive."""
        if isinstance(self.command, do.Write) and not self.warehouse.fenced(
            self.command
        ):
            poison = any(
                self.log[part.partition].kinds[o] == "poison"
                for part in self.command.piece.segments
                for rows in part.rows
                for o in rows.offsets
            )
            if not poison:
                self.limbo.append(self.command)
        self.begin()

    def rival(
        self, partition: LogPartition, messages: int, choose: Choose
    ) -> None:
        """Let another process take the cursor and write a few messages."""
        self.settle([partition], choose)
        held = self.warehouse.cursors[partition]
        self.warehouse.cursors[partition] = attrs.evolve(held, epoch=held.epoch + 1)
        log = self.log[partition]
        offsets = log.ahead(held.position)[:messages]
        offsets = offsets[: next(self._foreign(log, offsets), None)]
        if offsets and held.position >= log.low:
            part = segment(partition, log, offsets)
            if part.start > held.position:
                part = part.after_gap(Gap(held.position, part.start, "jump"))
            self.warehouse.commit(Slice("rival/1", (part,)))

    @staticmethod
    def _foreign(log: Log, offsets: Sequence[int]) -> Iterable[int]:
        return (i for i, o in enumerate(offsets) if log.kinds[o] == "poison")

    def rewind(
        self, partition: LogPartition, back: int, choose: Choose
    ) -> None:
        """Let the operator move a cursor back."""
        self.settle([partition], choose)
        held = self.warehouse.cursors[partition]
        position = max(held.first, self.log[partition].low, held.position - back)
        if position < held.position:
            self.warehouse.rewind(partition, position)

    def expire(self, partition: LogPartition, messages: int) -> None:
        """Let retention delete the oldest messages."""
        log = self.log[partition]
        left = log.ahead(log.low)
        log.low = left[messages] if len(left) > messages else log.end

    # ----------------------------------------------------------------- the promises

    def stale(self, index: int) -> None:
        """Repeat an old answer.

        Not one to the slice under way: its attempts share its id, and the writer
        answers each of them once and in order.
        """
        old = self.said[index % len(self.said)]
        now = self.command.piece.id if isinstance(self.command, do.Write) else None
        if getattr(old, "slice_id", None) != now or now is None:
            self.feed(old)

    def check(self) -> None:
        """Hold after every rule."""
        if self.cursors:
            self.warehouse.check()
        parts = list(self.core.state.buffer.segments())
        assert sum(part.message_count for part in parts) <= 2 * MAX_ROWS
        poll = MAX_POLL * len(PAYLOADS["heavy"])
        held = sum(part.payload_bytes for part in parts)
        assert held <= 2 * (MAX_BYTES + poll), "too many bytes"
        assert len(self.core.state.buffer.filling) <= MAX_ROWS + len(PARTITIONS)
        room = self.core.room()
        assert room.rows >= 0
        assert room.bytes >= 0

    # -------------------------------------------------------------------- the end

    def finish(self) -> None:
        """Let the faults stop: all lands in bounded time, then a stop is clean."""
        if self.stopping:
            self._run(lambda: self.done is not None)
            self.begin()
        self._run(lambda: not self.draining)
        missing = set(PARTITIONS) - self.owned
        if missing:
            self.assign(missing)
        self._run(self._all_landed)
        self.feed(got.Stop(self.now + 60))
        self._run(lambda: self.done is not None)
        assert self.done == 0
        for partition in PARTITIONS:
            assert self._landed(partition)

    def _run(self, over: Callable[[], bool]) -> None:
        until = self.now + 400
        while not over():
            assert self.now < until, ("nothing moves", self.core.state)
            if self.command is not None:
                self.answer("ok", lambda n: n - 1)
            if not self.draining:
                while self.commits:
                    self.answer_kafka(refused=False)
                self.poll_all(MAX_POLL)
            self.check()
            self.sleep()
            self.pump()

    def sleep(self) -> None:
        """Pass the time until there is something to do."""
        wake = self.core.wake_at()
        idle = self.command is None and not any(
            log.end > self.reading.get(p, log.end) for p, log in self.log.items()
        )
        soon = self.now + (30.0 if idle and wake is not None else 0.1)
        self.now = soon if wake is None else max(self.now, min(wake, soon))

    def _all_landed(self) -> bool:
        return all(map(self._landed, PARTITIONS))

    def _landed(self, partition: LogPartition) -> bool:
        log = self.log[partition]
        told = self.kafka.get(partition)
        if self.cursors:
            cursor = self.warehouse.cursors.get(partition)
            return cursor is not None and cursor.position == log.end == told
        missing = [
            o for o in log.ahead(0) if not self.warehouse.covered[partition][o]
        ]
        return not missing and told == log.end
