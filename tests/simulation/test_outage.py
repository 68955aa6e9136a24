"""An hour without a warehouse, on the virtual clock."""

from winestream.testing.world import World
from winestream.testing.world.surroundings import BATCH, MAX_POLL_INTERVAL

HOUR = 3600.0


def _live(world: World, seconds: float, produce_every: float) -> None:
    """Let time pass while a producer goes on."""
    until = world.scheduler.now + seconds
    while world.scheduler.now < until:
        for partition in world.group.owner:
            world.produce(world.logs[partition], 2)
        world.pass_time(produce_every)


def test_an_hours_outage_is_sat_out() -> None:
    """Paused, polling, no rebalance, nothing more in memory; then all of it lands."""
    world = World(5, faults=False, processes=2, partitions=4)
    _live(world, 20.0, produce_every=5.0)
    rebalances = world.group.rebalances
    world.note("outage")
    world.down_until = world.scheduler.now + HOUR
    world.pass_time(5.0)  # a COMMIT may have been on its way
    before = {p: row.position for p, (row,) in world.warehouse.cursors.items()}
    most, paused = 0, 0
    for _ in range(59):
        _live(world, HOUR / 60, produce_every=20.0)
        for process in world.alive():
            snapshot = process.sink.snapshot
            assert snapshot.state in ("outage", "running")
            paused += snapshot.paused and snapshot.state == "outage"
            most = max(most, snapshot.held_messages)
    assert paused > 50
    assert 0 < most <= 2 * BATCH.max_rows
    assert {p: row.position for p, (row,) in world.warehouse.cursors.items()} == before
    assert world.group.rebalances == rebalances
    for process in world.alive():
        assert process.source.longest_silence < MAX_POLL_INTERVAL
        assert process.longest_wait < MAX_POLL_INTERVAL
    waiting = sum(len(log.messages) for log in world.logs.values())
    world.calm_down()
    world.settle(HOUR / 2)
    world.stop_all()
    world.audit()
    assert waiting > 1000
