"""The cursor protocol, checked by trying everything that can happen.

    python docs/model/protocol.py            every variant, up to three faults, minutes
    python docs/model/protocol.py --quick    up to two faults, seconds

One log partition, a few messages, two processes that both believe it is theirs. Each
step of the protocol is one transition; between any two of them the other process may
act, and a fault may happen: a process dies; the answer to a statement, to COMMIT or to
a claim is lost; the server ends a transaction under a living session, whose next
statement silently opens another, in a claim's as well; an operator rewinds the cursor.
A claim may read an older position than the latest. A process that lost the partition
goes on as if nothing had happened (a zombie) until a guard stops it.

`states.broken` has the invariants. Liveness: from every state with epochs left, one can
be reached where everything landed and Kafka knows. Each entry of VARIANTS removes one
guard and says what must come of it. delivery.md has the why of each guard.
"""

import argparse
import sys
from collections.abc import Iterator

import explorer
from explorer import SOUND
from states import AHEAD, EARLY, HOLE, TWICE, Process, Txn, Verdict, World, broken

VARIANTS: dict[str, tuple[set[Verdict], str]] = {
    "the protocol": ({SOUND}, "as it is"),
    "ledger-after-copy": ({HOLE}, "an end of the transaction between goes unseen"),
    "no-ledger-join": ({HOLE}, "the set moves the cursor without the rows"),
    "set-without-count": ({EARLY, TWICE}, "how many cursors moved is not looked at"),
    "set-without-position": ({TWICE}, "epoch alone decides"),
    "set-without-claim": ({HOLE}, "a zombie's rows of before a rewind do not count"),
    "set-without-epoch": (
        {SOUND},
        "tolerated: owner and position decide, the ledger errs",
    ),
    "set-without-owner": ({SOUND}, "tolerated: two of one epoch, position decides"),
    "lock-is-the-set": ({TWICE, HOLE}, "goes by what it saw before it had the lock"),
    "no-rollback": ({TWICE}, "the next try goes on in the same transaction"),
    "kafka-at-commit": ({AHEAD}, "told when COMMIT answers"),
    "confirm-blindly": ({AHEAD}, "told when idle, without a look at the cursor"),
    "start-at-kafka": ({TWICE, HOLE, EARLY}, "no cursor: Kafka's position, no check"),
    "no-keep": ({SOUND}, "tolerated: sent again, lock and position decide"),
    "keep-any-epoch": ({SOUND}, "tolerated: takes what may be another's, for nothing"),
}


class Model:
    """All transitions, for one variant and its bounds."""

    def __init__(self, variant: str, messages: int, epochs: int, faults: int) -> None:
        self.variant, self.messages, self.epochs = variant, messages, epochs
        self.faults = faults
        late = variant == "ledger-after-copy"
        first = ("copy", "ledger") if late else ("ledger", "copy")
        self.statements = (*first, "lock", "set", "commit")

    def first(self) -> World:
        """Return where it all begins: two processes, an empty table."""
        nothing = (0,) * self.messages
        return World((Process(),) * 2, (), 0, 0, 0, nothing, 0, (0, 0, 0), self.faults)

    def steps(self, world: World) -> Iterator[World]:
        """Yield every world that may come next; the processes are interchangeable."""
        for number in range(2):
            for next_ in (*self._act(world, number), *self._fail(world, number)):
                yield next_._replace(processes=tuple(sorted(next_.processes, key=repr)))
        for orphan in set(world.orphans):  # ended by the server or a claimant, or late
            rest = list(world.orphans)
            rest.remove(orphan)
            left = world._replace(orphans=tuple(rest))
            yield left
            if orphan.sent:
                yield self._applied(left, orphan)
        free = self._free(world, None)
        if world.faults and free and not world.rewind[0] and world.epoch < self.epochs:
            for to in range(world.cursor):
                kept = world.rows[:to] + (0,) * (self.messages - to)
                yield _owned_by(world, None)._replace(
                    cursor=to,
                    older=world.cursor,
                    epoch=world.epoch + 1,
                    rows=kept,
                    rewind=(world.epoch + 1, to, world.cursor),
                    faults=world.faults - 1,
                )

    # ------------------------------------------------------- one process, one step

    def _act(self, world: World, number: int) -> Iterator[World]:
        me = world.processes[number]
        if me.phase == "unsure" and self.variant == "no-keep":
            yield _put(world, number, me._replace(phase="ready"))
        elif me.phase in ("unclaimed", "unsure"):
            yield from self._claim(world, number)
        elif me.phase == "ready":
            for stop in range(me.start + 1, self.messages + 1):
                kept = me.txn if self.variant == "no-rollback" else None
                begun = me._replace(stop=stop, txn=kept or _empty(me, stop))
                yield from self._statement(world, number, begun, self.statements[0])
            if me.confirmed < me.start:
                yield self._confirm(world, number)
            # A rebalance. Without one an owner with nothing to write and nothing to
            # confirm does not notice a rewind until the next message.
            yield _put(world, number, _idle(me))
        elif me.phase == "commit":
            yield from self._commit(world, number)
        else:
            yield from self._statement(world, number, me, me.phase)

    def _statement(
        self, world: World, number: int, me: Process, phase: str
    ) -> Iterator[World]:
        """Run one statement; if its transaction was ended, a new one opens silently."""
        txn = me.txn or _empty(me, me.stop)
        if phase == "set":
            yield from self._compare_and_set(world, number)
            return
        if phase == "lock":
            if self.variant == "lock-is-the-set" and me.seen is None:
                seen = (world.cursor, world.epoch, me.owns)
                yield _put(world, number, me._replace(seen=seen))
                return
            if not self._free(world, number):
                return
            txn = txn._replace(locked=True)
        elif phase == "ledger":
            txn = txn._replace(ledger=True)
        else:
            txn = txn._replace(rows=txn.rows + 1)
        after = self.statements[self.statements.index(phase) + 1]
        yield _put(world, number, me._replace(phase=after, txn=txn))

    def _confirm(self, world: World, number: int) -> World:
        """Look at an idle partition's cursor; Kafka may know it if it is ours there."""
        me = world.processes[number]
        ours = (world.cursor, world.epoch) == (me.start, me.epoch)
        if not ours and self.variant != "confirm-blindly":
            return _put(world, number, _idle(me))
        told = world._replace(kafka=max(world.kafka, me.start))
        return _put(told, number, me._replace(confirmed=me.start))

    def _claim(self, world: World, number: int) -> Iterator[World]:
        """Take, or keep when unsure: raise the epoch, read the position."""
        me = world.processes[number]
        keep = me.phase == "unsure" and self.variant != "keep-any-epoch"
        if not self._free(world, number):
            return
        if keep and world.epoch != me.epoch:
            yield _put(world, number, _idle(me))
        elif world.epoch < self.epochs:
            owned = _owned_by(world, number)
            raised = owned._replace(epoch=world.epoch + 1)
            seen = {world.cursor, world.older}
            if self.variant == "start-at-kafka":
                seen = {world.kafka}
            for position in seen:
                told = raised._replace(kafka=position)  # a rewind is told, too
                mine = Process("ready", position, 0, raised.epoch, position)
                yield _put(told, number, mine._replace(owns=True))
                if world.faults:  # ended before its COMMIT, which says "done"
                    less = world._replace(faults=world.faults - 1)
                    yield _put(less, number, mine._replace(owns=me.owns))
            if world.faults:  # the answer to the claim is lost
                yield raised._replace(faults=world.faults - 1)

    def _compare_and_set(self, world: World, number: int) -> Iterator[World]:
        me, variant = world.processes[number], self.variant
        txn = me.txn or _empty(me, me.stop)
        cursor, epoch, owns = me.seen or (world.cursor, world.epoch, me.owns)
        without = variant == "set-without-claim"
        hit = (
            (txn.ledger or variant == "no-ledger-join")
            and (epoch == me.epoch or variant == "set-without-epoch" or without)
            and (owns or variant == "set-without-owner" or without)
            and (cursor == me.start or variant == "set-without-position")
        ) or variant == "start-at-kafka"
        if hit or variant == "set-without-count":
            txn = txn._replace(moved=hit)
            yield _put(world, number, me._replace(phase="commit", txn=txn, seen=None))
            return
        # Roll back and look: fenced, or the server had ended the transaction.
        here = (world.cursor, world.epoch) == (me.start, me.epoch)
        ours = here and (me.owns or variant == "set-without-owner")
        again = me._replace(phase="ready", txn=None, seen=None)
        yield _put(world, number, again if ours else _idle(me))

    def _commit(self, world: World, number: int) -> Iterator[World]:
        me = world.processes[number]
        done = world if me.txn is None else self._applied(world, me.txn)
        told = me.stop if self.variant == "kafka-at-commit" else me.start
        known = done._replace(kafka=max(done.kafka, told))
        mine = me._replace(phase="ready", start=me.stop, confirmed=told, txn=None)
        yield _put(known, number, mine)
        if world.faults:  # the answer is lost, and the session is thrown away
            unsure = me._replace(phase="unsure", txn=None)
            after = _put(world, number, unsure)._replace(faults=world.faults - 1)
            yield after
            if me.txn is not None:
                yield self._applied(after, me.txn)
                yield _with_orphan(after, me.txn._replace(sent=True))

    # -------------------------------------------------------------------- the faults

    def _fail(self, world: World, number: int) -> Iterator[World]:
        if not world.faults:
            return
        me, less = world.processes[number], world._replace(faults=world.faults - 1)
        if me != Process():  # it dies, and its transaction may linger
            yield _with_orphan(_put(less, number, Process()), me.txn)
        if me.txn is not None:
            # The server ends the transaction; the session does not notice.
            yield _put(less, number, me._replace(txn=None))
            # A statement's answer is lost: try again in a new session, same claim.
            again = me._replace(phase="ready", seen=None)
            if self.variant == "no-rollback":
                yield _put(less, number, again)
            else:
                left = _put(less, number, again._replace(txn=None))
                yield _with_orphan(left, me.txn)

    def _free(self, world: World, number: int | None) -> bool:
        """Whether nobody else holds the cursor's lock."""
        others = [p.txn for n, p in enumerate(world.processes) if n != number]
        return not any(t is not None and t.locked for t in (*others, *world.orphans))

    def _applied(self, world: World, txn: Txn) -> World:
        """Commit: rows count unless a later-epoch rewind went below them."""
        epoch, to, _ = world.rewind
        rows = tuple(
            min(2, n + txn.rows)
            if txn.start <= offset < txn.stop
            and not (txn.epoch < epoch and to <= offset)
            else n
            for offset, n in enumerate(world.rows)
        )
        if not txn.moved:
            return world._replace(rows=rows)
        return world._replace(rows=rows, cursor=txn.stop, older=world.cursor)


def _empty(me: Process, stop: int) -> Txn:
    return Txn(me.start, stop, me.epoch)


def _idle(me: Process) -> Process:
    """Return the process without its partition; the cursor may still name it."""
    return Process(owns=me.owns)


def _owned_by(world: World, number: int | None) -> World:
    """Return the world with this owner, or an operator, in the cursor row."""
    processes = enumerate(world.processes)
    owners = tuple(p._replace(owns=n == number) for n, p in processes)
    return world._replace(processes=owners)


def _put(world: World, number: int, process: Process) -> World:
    processes = list(world.processes)
    processes[number] = process
    return world._replace(processes=tuple(processes))


def _with_orphan(world: World, txn: Txn | None) -> World:
    """Leave a transaction behind; without lock or COMMIT it can do nothing more."""
    if txn is None or not (txn.locked or txn.sent):
        return world
    return world._replace(orphans=tuple(sorted((*world.orphans, txn))))


def explore(
    variant: str, messages: int = 2, epochs: int = 4, faults: int = 2
) -> explorer.Result:
    """Visit every reachable state of a variant, and judge."""
    model = Model(variant, messages, epochs, faults)

    def done(world: World) -> bool:
        return all(world.rows) and world.kafka == messages

    return explorer.explore(
        model.first(), model.steps, broken, done, lambda world: world.epoch < epochs
    )


def main() -> int:
    """Explore every variant; 0 when each verdict is the expected one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    wrong = 0
    for variant, (expected, text) in VARIANTS.items():
        result = explore(variant, 2, 4 if quick else 5, 2 if quick else 3)
        wrong += result.verdict not in expected
        line = f"{variant:22}{result.verdict:42}{result.states:>9} states"
        sys.stdout.write(f"{line} {result.steps or '-':>3} steps  {text}\n")
        sys.stdout.flush()
    sys.stdout.write(f"{len(VARIANTS)} variants, {wrong} unexpected\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
