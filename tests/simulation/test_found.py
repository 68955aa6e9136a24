"""What the simulation found in the core, each as its smallest case."""

from winestream.core import Core, CoreSettings
from winestream.core import effects as do
from winestream.core import inputs as got
from winestream.records import Cursor, LogPartition

A = LogPartition("sim", "log", "topic", 0)


def _after_a_claim(cursor: Cursor) -> list[do.Effect]:
    """Return what the core asks for when its claim was answered with this cursor."""
    core = Core(CoreSettings(owner="me", jitter=lambda: 0.5))
    core.feed(got.Assigned({A: 3}), 0.0)
    claim = core.next_effect(0.0)
    assert isinstance(claim, do.Claim)
    core.feed(got.Claimed(claim.claim_id, {A: cursor}), 0.0)
    return list(iter(lambda: core.next_effect(10.0), None))


def test_kafka_is_not_told_of_a_birth() -> None:
    """The claim's transaction may have been ended: then there is no cursor at all."""
    assert _after_a_claim(Cursor(3, 3, epoch=1)) == [do.Start({A: 3})]


def test_kafka_is_told_where_an_older_cursor_stands() -> None:
    """It stood there before the claim, whatever became of that."""
    effects = _after_a_claim(Cursor(7, 3, epoch=2))
    assert effects == [do.Start({A: 7}), do.CommitKafka({A: 7}, wait=False)]
