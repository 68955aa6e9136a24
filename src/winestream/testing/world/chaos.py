"""What befalls a world out of the blue: crashes, rebalances, operators, retention."""

from typing import TYPE_CHECKING

import attrs

from winestream.records import LogPartition
from winestream.testing.world.faults import Fault
from winestream.testing.world.tables import LedgerRow

if TYPE_CHECKING:
    from winestream.testing.world.world import World


@attrs.define(eq=False)
class Chaos:
    """Strikes every second or so until the world is calm."""

    world: "World"
    _rewinds: int = 0

    def begin(self) -> None:
        """Arrange the first blow."""
        scheduler = self.world.scheduler
        scheduler.after(scheduler.between(0.2, 1.6), self._strike)

    def rewind(self, partition: LogPartition) -> bool:
        """Set a cursor back, as the operator's command does; False if it can not."""
        warehouse = self.world.warehouse
        if self.world.weather.calm or partition not in warehouse.cursors:
            return False
        row = warehouse.cursors[partition][0]
        back = 1 + self.world.scheduler.below(8)
        target = max(row.first, row.position - back)
        if warehouse.holder is not None or target >= row.position:
            return False
        self._rewinds += 1
        self.world.note("rewinds", partition, row.position, target)
        session = warehouse.sign_in("operator")
        name = f"rewind/{self._rewinds}"
        epoch = row.epoch + 1
        warehouse.insert_ledger(
            session, [LedgerRow(name, partition, row.position, target, 0, 0, epoch)]
        )
        warehouse.lock(session, [partition], warehouse.cursors)
        assert session.transaction is not None
        moved = attrs.evolve(row, position=target, epoch=epoch, owner="operator")
        session.transaction.cursors[partition] = (moved,)
        warehouse.commit(session)
        warehouse.abandon(session, 0.0)
        return True

    def _strike(self) -> None:
        world = self.world
        if world.weather.calm:
            return
        self.begin()
        if world.scheduler.chance(0.5):
            log = world.logs[world.scheduler.pick(list(world.group.owner))]
            world.produce(log, 1 + world.scheduler.below(6))
        fault = world.weather.chaos()
        if fault is not None and self._do(fault):
            world.note(f"({fault})")
            world.weather.count(fault)

    def _do(self, fault: Fault) -> bool:
        """Let it happen; False when there is nothing for it to happen to."""
        match fault:
            case Fault.REWIND | Fault.ABORTED_HOLDER | Fault.OUTAGE:
                return self._in_warehouse(fault)
            case Fault.COMPACTED | Fault.MARKERS | Fault.RETENTION | Fault.NEW_LOG:
                return self._in_log(fault)
            case Fault.REBALANCE:
                self.world.group.rebalance(shuffle=True)
                return True
            case _:
                return self._in_process(fault)

    def _in_warehouse(self, fault: Fault) -> bool:
        world, scheduler = self.world, self.world.scheduler
        if fault is Fault.REWIND:
            known = list(world.warehouse.cursors)
            return bool(known) and self.rewind(scheduler.pick(known))
        if fault is Fault.OUTAGE:
            world.down_until = scheduler.now + scheduler.between(1.0, 12.0)
            return True
        holder = world.warehouse.holder
        if holder is None:
            return False
        world.ended_under(world.warehouse.end(holder))
        return True

    def _in_log(self, fault: Fault) -> bool:
        world, scheduler = self.world, self.world.scheduler
        partition = scheduler.pick(list(world.group.owner))
        log = world.logs[partition]
        if fault is Fault.NEW_LOG:
            world.renew(partition.topic)
        elif fault is Fault.MARKERS:
            log.mark(1 + scheduler.below(3))
        elif fault is Fault.COMPACTED and log.messages:
            log.compact(scheduler.pick(list(log.messages)))
        elif fault is Fault.RETENTION:
            log.expire(log.low + scheduler.below(8))
        else:
            return False
        return True

    def _in_process(self, fault: Fault) -> bool:
        alive, scheduler = self.world.alive(), self.world.scheduler
        if not alive:
            return False
        process = scheduler.pick(alive)
        match fault:
            case Fault.LOST:
                self.world.group.evict(process.member)
            case Fault.CRASH:
                process.crash(fault)
            case Fault.ZOMBIE:
                process.sleep(scheduler.between(1.0, 12.0), reader_only=False)
            case Fault.ZOMBIE_READER:
                process.sleep(scheduler.between(1.0, 15.0), reader_only=True)
            case _:
                process.stop()
        return True
