"""The rules that drive a `Core` in its `World`, one small thing at a time."""

from core_world import MAX_POLL, PARTITIONS, World
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from winestream.core import inputs as got

PARTITION = st.sampled_from(PARTITIONS)
SOME = st.sets(PARTITION, min_size=1)
KINDS = st.lists(
    st.tuples(
        st.sampled_from(["good"] * 6 + ["heavy", "broken", "poison"]),
        st.sampled_from([0, 0, 0, 0, 2]),
    ),
    min_size=1,
    max_size=8,
)
OUTCOMES = st.sampled_from(
    ["ok"] * 5 + ["retryable", "never", "lost", "limbo", "nothing"]
)


class CoreRules(RuleBasedStateMachine):
    """Exactly once: the writer keeps cursors."""

    cursors = True

    def __init__(self) -> None:
        super().__init__()
        self.world = World(cursors=self.cursors)

    def going(self) -> bool:
        """Whether the consumer may be polled: not inside a revocation."""
        return not self.world.draining and self.world.done is None

    # --------------------------------------------------------------- the good way

    @initialize(kinds=KINDS)
    def begin(self, kinds: list[tuple[str, int]]) -> None:
        for partition in PARTITIONS:
            self.produce(partition, kinds)
        self.world.assign(PARTITIONS)

    @rule(partition=PARTITION, kinds=KINDS)
    def produce(self, partition: object, kinds: list[tuple[str, int]]) -> None:
        for kind, hole in kinds:
            self.world.log[partition].produce(kind, hole)

    @rule(partition=PARTITION, size=st.integers(1, 3))
    def trailing_gap(self, partition: object, size: int) -> None:
        self.world.log[partition].end += size

    @rule(seconds=st.sampled_from([0.1, 0.5, 1.0, 2.0, 5.0, 30.0]))
    def wait(self, seconds: float) -> None:
        self.world.now += seconds
        self.world.pump()

    @precondition(lambda self: self.world.core.wake_at() is not None)
    @rule()
    def wake(self) -> None:
        world = self.world
        world.now = max(world.now, world.core.wake_at())
        world.pump()

    @precondition(going)
    @rule(partition=PARTITION, most=st.integers(1, MAX_POLL))
    def poll(self, partition: object, most: int) -> None:
        self.world.poll(partition, most)

    @precondition(going)
    @rule(most=st.integers(1, MAX_POLL))
    def poll_all(self, most: int) -> None:
        for partition in PARTITIONS:
            self.world.poll(partition, most)

    @precondition(lambda self: self.world.command is not None)
    @rule(outcome=OUTCOMES, data=st.data())
    def answer(self, outcome: str, data: st.DataObject) -> None:
        self.world.answer(outcome, _chooser(data))

    @precondition(lambda self: self.going() and self.world.command is not None)
    @rule(outcome=OUTCOMES, data=st.data())
    def answer_and_poll(self, outcome: str, data: st.DataObject) -> None:
        self.world.answer(outcome, _chooser(data))
        for partition in PARTITIONS:
            self.world.poll(partition, MAX_POLL)

    @precondition(lambda self: self.going() and self.world.commits)
    @rule(refused=st.booleans())
    def answer_kafka(self, refused: bool) -> None:
        self.world.answer_kafka(refused=refused)
        self.world.pump()

    # ------------------------------------------------------------------ the faults

    @precondition(lambda self: self.world.said)
    @rule(index=st.integers(0, 1000))
    def stale_answer(self, index: int) -> None:
        self.world.stale(index)

    @precondition(going)
    @rule(destroyed=st.integers(0, 4))
    def poll_failed(self, destroyed: int) -> None:
        self.world.poll_failed(destroyed)

    @precondition(going)
    @rule(partitions=SOME)
    def assigned(self, partitions: set) -> None:
        self.world.assign(partitions - self.world.owned)

    @precondition(going)
    @rule(partitions=SOME)
    def assigned_again(self, partitions: set) -> None:
        self.world.assign(partitions)

    @precondition(lambda self: self.going() and self.world.owned)
    @rule(partitions=SOME, back=st.booleans())
    def lost(self, partitions: set, back: bool) -> None:
        gone = partitions & self.world.owned
        self.world.lose(gone)
        if back:
            self.world.assign(gone)

    @precondition(lambda self: self.going() and self.world.owned)
    @rule(partitions=SOME, seconds=st.sampled_from([0.0, 1.0, 10.0, 60.0]))
    def revoked(self, partitions: set, seconds: float) -> None:
        self.world.revoke(partitions & self.world.owned, seconds)

    @rule(data=st.data())
    def crash(self, data: st.DataObject) -> None:
        del data
        self.world.crash()
        self.world.assign(PARTITIONS)

    @precondition(lambda self: not self.world.stopping)
    @rule(seconds=st.sampled_from([0.0, 5.0, 30.0]))
    def stop(self, seconds: float) -> None:
        self.world.stopping = True
        self.world.feed(got.Stop(self.world.now + seconds))

    @precondition(lambda self: self.world.done is not None)
    @rule()
    def start_again(self) -> None:
        self.world.crash()
        self.world.assign(PARTITIONS)

    # ------------------------------------------------------------------ the promises

    @invariant()
    def promises(self) -> None:
        self.world.check()

    def teardown(self) -> None:
        if not self.world.failed:
            self.world.finish()


class CursorRules(CoreRules):
    """What only a warehouse with cursors can do to the core."""

    def known(self) -> bool:
        """Whether there is a cursor to meddle with."""
        return bool(self.world.warehouse.cursors)

    @precondition(known)
    @rule(data=st.data(), messages=st.integers(0, 3))
    def rival(self, data: st.DataObject, messages: int) -> None:
        choose = _chooser(data)
        partition = self._cursor(choose)
        self.world.rival(partition, messages, choose)

    @precondition(known)
    @rule(data=st.data(), back=st.integers(1, 4))
    def rewound(self, data: st.DataObject, back: int) -> None:
        choose = _chooser(data)
        partition = self._cursor(choose)
        self.world.rewind(partition, back, choose)

    @rule(partition=PARTITION, messages=st.integers(1, 3))
    def expired(self, partition: object, messages: int) -> None:
        self.world.expire(partition, messages)

    @precondition(lambda self: self.world.limbo)
    @rule(data=st.data())
    def settled(self, data: st.DataObject) -> None:
        self.world.settle(PARTITIONS, _chooser(data))

    def _cursor(self, choose: object) -> object:
        known = list(self.world.warehouse.cursors)
        return known[choose(len(known))]


class AtLeastOnceRules(CoreRules):
    """No cursors: Kafka's commit is the truth."""

    cursors = False


def _chooser(data: st.DataObject) -> object:
    return lambda n: data.draw(st.integers(0, n - 1)) if n > 1 else 0
