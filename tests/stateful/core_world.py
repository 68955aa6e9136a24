"""What a `Core` lives in: its shell, the consumer, rivals, and the promises.

Everything a rule may do to the core is a method here or in `core_shell`; `check` holds
after every rule, `finish` asks that all lands once the faults have stopped.
"""

from collections.abc import Callable, Iterable, Sequence

import attrs
from core_model import (
    MAX_BYTES,
    MAX_POLL,
    MAX_ROWS,
    PARTITIONS,
    PAYLOADS,
    Choose,
    Log,
    segment,
)
from core_shell import Shell

from winestream.core import effects as do
from winestream.core import inputs as got
from winestream.records import Gap, LogPartition, Slice


class World(Shell):
    """One process at a time, among others that take and rewind its cursors."""

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
        initial = {p: self.log[p].low for p in sorted(new)}
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

    def rival(self, partition: LogPartition, messages: int, choose: Choose) -> None:
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

    def rewind(self, partition: LogPartition, back: int, choose: Choose) -> None:
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
        self.assign(set(PARTITIONS) - self.owned)
        for log in self.log.values():
            # An idle sink cannot know that its cursor was taken: it looks when it
            # writes the next message.
            log.produce("good", 0)
        self._run(self._all_landed)
        self.feed(got.Stop(self.now + 60))
        self._run(lambda: self.done is not None)
        assert self.done == 0
        for partition in PARTITIONS:
            assert self._landed(partition)

    def _run(self, over: Callable[[], bool]) -> None:
        until = self.now + 400
        refused: set[tuple[LogPartition, int]] = set()
        while not over():
            assert self.now < until, ("nothing moves", self.core.state)
            if self.command is not None:
                self.answer("ok", lambda n: n - 1)
            if not self.draining:
                while self.commits:
                    self._answer_last_commit(refused)
                self.poll_all(MAX_POLL)
            self.check()
            self.sleep()
            self.pump()

    def _answer_last_commit(self, refused: set[tuple[LogPartition, int]]) -> None:
        """Refuse the very last commit of each partition once."""
        last = {p: self.log[p].end for p in PARTITIONS}.items()
        again = last & self.commits[0].items() - refused
        refused |= again
        self.answer_kafka(refused=bool(again))
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
        missing = [o for o in log.ahead(0) if not self.warehouse.covered[partition][o]]
        return not missing and told == log.end
