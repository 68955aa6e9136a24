"""The writer against a model of it: any order of claims, writes and faults."""

from typing import Any

import attrs
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from warehouse_world import HookedWriter, World, abort_transactions, segment

from winestream.errors import FencedError, RetryableWriteError, UnknownOutcomeError
from winestream.local import EmbeddedWarehouse
from winestream.records import Cursor, LogPartition, Slice, Want

pytestmark = pytest.mark.timeout(120)

OWNERS = ("anna", "bruno")
FAULTS = st.sampled_from(
    [
        None,
        None,
        None,
        ("ended", "ledger"),
        ("ended", "copy"),
        ("ended", "lock"),
        ("ended", "compare"),
        ("cut", "copy"),
        ("cut", "compare"),
        ("lost", "commit"),
        ("cut", "commit"),
    ]
)
"""`ended`: the server ends the transaction after that step. `cut`: the line breaks
after it. `lost`: it breaks before COMMIT reaches the server."""


@attrs.define
class Belief:
    """What an owner thinks of a cursor; in doubt after an unknown outcome."""

    epoch: int
    position: int
    doubtful: bool = False


class WriterAgainstModel(RuleBasedStateMachine):
    """Two owners, two partitions, one warehouse, and dicts that say what is right."""

    warehouse: EmbeddedWarehouse

    @initialize()
    def begin(self) -> None:
        self.world = World(self.warehouse)
        self.parts = (self.world.partition(0), self.world.partition(1))
        self.writers = {owner: self.world.writer() for owner in OWNERS}
        self.cursors: dict[LogPartition, Cursor] = {}
        self.beliefs: dict[str, dict[LogPartition, Belief]] = {o: {} for o in OWNERS}
        self.slices = 0

    def teardown(self) -> None:
        if hasattr(self, "world"):
            with self.world:
                self.world.assert_exactly_once()

    @rule(owner=st.sampled_from(OWNERS), which=st.sampled_from([(0,), (1,), (0, 1)]))
    def take(self, owner: str, which: tuple[int, ...]) -> None:
        """Bear it at 5, or raise it."""
        wants = {self.parts[n]: Want(5) for n in which}
        claimed = self.writers[owner].claim(owner, wants)
        for partition in wants:
            held = self.cursors.get(partition, Cursor(5, 5, 0))
            self.cursors[partition] = attrs.evolve(held, epoch=held.epoch + 1)
        assert claimed == {p: self.cursors[p] for p in wants}
        self._believe(owner, claimed)

    @rule(owner=st.sampled_from(OWNERS))
    def keep(self, owner: str) -> None:
        """Raise it where the epoch still holds; elsewhere it is absent."""
        mine = self.beliefs[owner]
        wants = {p: Want(5, keep_epoch=belief.epoch) for p, belief in mine.items()}
        kept = self.writers[owner].claim(owner, wants)
        for partition, belief in list(mine.items()):
            held = self.cursors[partition]
            if held.epoch == belief.epoch:
                self.cursors[partition] = attrs.evolve(held, epoch=held.epoch + 1)
            else:
                del mine[partition]
        assert kept == {p: self.cursors[p] for p in mine}
        self._believe(owner, kept)

    @rule(
        owner=st.sampled_from(OWNERS),
        rows=st.integers(1, 3),
        fault=FAULTS,
        one=st.booleans(),
    )
    def write(
        self, owner: str, rows: int, fault: tuple[str, str] | None, one: bool
    ) -> None:
        """Land everything, or nothing, and say which as far as it is known."""
        sure = {p: b for p, b in self.beliefs[owner].items() if not b.doubtful}
        chosen = dict(list(sure.items())[: 1 if one else 2])
        if not chosen:
            return
        self.slices += 1
        piece = Slice(
            f"{owner}/{self.slices}",
            tuple(segment(p, b.position, b.position + rows) for p, b in chosen.items()),
        )
        fenced = {
            p
            for p, b in chosen.items()
            if (self.cursors[p].epoch, self.cursors[p].position)
            != (b.epoch, b.position)
        }
        happened = self._attempt(self.writers[owner], piece, fault)
        landed, wanted = _expected(fault, fenced=bool(fenced))
        assert type(happened) is wanted, (happened, fault, fenced)
        if isinstance(happened, FencedError):
            assert happened.partitions == fenced
        for partition, belief in chosen.items():
            if landed:
                self.cursors[partition] = attrs.evolve(
                    self.cursors[partition], position=belief.position + rows
                )
            if happened is None:
                belief.position += rows
            belief.doubtful = isinstance(happened, UnknownOutcomeError)

    @invariant()
    def the_table_is_the_model(self) -> None:
        """Cursors as asked by an auditor, in a session of its own."""
        if hasattr(self, "world"):
            assert self.world.cursors() == self.cursors

    def _believe(self, owner: str, claimed: Any) -> None:
        for partition, cursor in claimed.items():
            self.beliefs[owner][partition] = Belief(cursor.epoch, cursor.position)

    def _attempt(
        self, writer: HookedWriter, piece: Slice, fault: tuple[str, str] | None
    ) -> Exception | None:
        writer.hook = None if fault is None else self._hook(*fault)
        epochs = {
            p: self.beliefs[piece.id.split("/")[0]][p].epoch for p in piece.ranges
        }
        try:
            writer.write(piece, epochs)
        except (FencedError, RetryableWriteError, UnknownOutcomeError) as error:
            return error
        finally:
            writer.hook = None
        return None

    def _hook(self, what: str, where: str) -> Any:
        def act(when: str, step: str) -> None:
            if step != where or when != ("before" if what == "lost" else "after"):
                return
            if what == "ended":
                abort_transactions(self.world)
            else:
                raise ConnectionResetError

        return act


def _expected(
    fault: tuple[str, str] | None, *, fenced: bool
) -> tuple[bool, type[Exception] | type[None]]:
    """Say whether the slice lands, and what the writer says of it."""
    if fault is not None and fault[0] == "cut" and fault[1] != "commit":
        return False, RetryableWriteError
    if fenced:
        return False, FencedError
    if fault is None:
        return True, type(None)
    if fault[0] == "ended":
        # At the end COMMIT answers "done" for nothing.
        return False, type(None) if fault[1] == "compare" else RetryableWriteError
    return fault[0] == "cut", UnknownOutcomeError


@pytest.fixture
def machine(wine_warehouse: EmbeddedWarehouse) -> type[WriterAgainstModel]:
    """Return the machine on the shared warehouse."""
    return type("OnThisWarehouse", (WriterAgainstModel,), {"warehouse": wine_warehouse})


def test_the_writer_does_what_the_model_says(
    machine: type[WriterAgainstModel],
) -> None:
    """Cursors, refusals and rows are as predicted, whatever happens in what order."""
    run_state_machine_as_test(
        machine,
        settings=settings(
            settings.default, max_examples=5, stateful_step_count=15, deadline=None
        ),
    )
