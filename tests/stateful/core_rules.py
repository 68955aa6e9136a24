"""The rules that drive a `Core` in its `World`, one small thing at a time."""

from core_model import MAX_POLL, PARTITIONS, Choose
from core_world import World
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from winestream.records import LogPartition

PARTITION = st.sampled_from(PARTITIONS)
SOME = st.sets(PARTITION, min_size=1)
KINDS = st.lists(
    st.tuples(
        st.sampled_from(["good"] * 5 + ["heavy", "broken", "poison"]),
        st.sampled_from([0, 0, 0, 0, 2]),
    ),
    min_size=1,
    max_size=8,
)
OUTCOMES = st.sampled_from(
    ["ok"] * 6 + ["retryable", "never", "lost", "limbo", "nothing"]
)
CALAMITIES = st.sampled_from(
    ["assigned", "assigned again", "lost", "lost and back", "revoked", "crash", "stop"]
)
SECONDS = st.sampled_from([0.0, 1.0, 10.0, 60.0])


class CoreRules(RuleBasedStateMachine):
    """What a core may meet whether or not the writer keeps cursors."""

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
    def produce(self, partition: LogPartition, kinds: list[tuple[str, int]]) -> None:
        for kind, hole in kinds:
            self.world.log[partition].produce(kind, hole)

    @rule(partition=PARTITION, size=st.integers(1, 3))
    def trailing_gap(self, partition: LogPartition, size: int) -> None:
        self.world.log[partition].end += size

    @rule(seconds=st.sampled_from([0.1, 1.0, 5.0, 30.0]))
    def wait(self, seconds: float) -> None:
        self.world.now += seconds
        self.world.pump()

    @rule(outcomes=st.lists(OUTCOMES, min_size=1, max_size=4), data=st.data())
    def turns(self, outcomes: list[str], data: st.DataObject) -> None:
        """Turn as the sink does: poll, pass the time, let the writer answer."""
        world = self.world
        for outcome in outcomes:
            if self.going():
                world.poll_all(MAX_POLL)
            world.sleep()
            world.pump()
            if world.command is not None:
                world.answer(outcome, _chooser(data))

    @precondition(going)
    @rule(partition=PARTITION, most=st.integers(1, MAX_POLL))
    def poll(self, partition: LogPartition, most: int) -> None:
        self.world.poll(partition, most)

    @precondition(lambda self: self.world.command is not None)
    @rule(outcome=OUTCOMES, data=st.data())
    def answer(self, outcome: str, data: st.DataObject) -> None:
        self.world.answer(outcome, _chooser(data))

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
    @rule(partition=PARTITION, destroyed=st.integers(1, 4))
    def destroyed_in_silence(self, partition: LogPartition, destroyed: int) -> None:
        self.world.destroy(partition, destroyed)

    @rule(kind=CALAMITIES, partitions=SOME, seconds=SECONDS)
    def calamity(
        self, kind: str, partitions: set[LogPartition], seconds: float
    ) -> None:
        """Change what is ours: one rule, so that there is peace between."""
        world = self.world
        if kind == "crash" or world.done is not None:
            world.crash()
            world.assign(PARTITIONS)
        elif kind == "stop":
            world.stop(seconds)
        elif not world.draining:
            mine = partitions & world.owned
            if kind == "assigned":
                world.assign(set(PARTITIONS) - world.owned)
            elif kind == "assigned again":
                world.assign(partitions)
            elif kind == "revoked":
                world.revoke(mine, seconds)
            else:
                world.lose(mine)
                if kind == "lost and back":
                    world.assign(mine)

    # ------------------------------------------------------------------ the promises

    @invariant()
    def promises(self) -> None:
        self.world.check()

    def teardown(self) -> None:
        if not self.world.failed:
            self.world.finish()


class CursorRules(CoreRules):
    """Exactly once; and what only a warehouse with cursors can do to the core."""

    @precondition(lambda self: self.world.warehouse.cursors)
    @rule(
        kind=st.sampled_from(["rival", "rewound", "expired"]),
        size=st.integers(0, 4),
        data=st.data(),
    )
    def meddle(self, kind: str, size: int, data: st.DataObject) -> None:
        choose, world = _chooser(data), self.world
        known = list(world.warehouse.cursors)
        partition = known[choose(len(known))]
        if kind == "rival":
            world.rival(partition, size, choose)
        elif kind == "rewound":
            world.rewind(partition, size, choose)
        else:
            world.expire(partition, size)

    @precondition(lambda self: self.world.limbo)
    @rule(data=st.data())
    def settled(self, data: st.DataObject) -> None:
        self.world.settle(PARTITIONS, _chooser(data))


class AtLeastOnceRules(CoreRules):
    """No cursors: Kafka's commit is the truth."""

    cursors = False


def _chooser(data: st.DataObject) -> Choose:
    return lambda n: data.draw(st.integers(0, n - 1)) if n > 1 else 0
