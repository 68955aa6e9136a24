"""A world: logs, a group of processes, a warehouse, and everything that befalls them.

`World(seed).run()` is one history: a time of faults, then calm, in which all must land,
then a stop of every process, which must be clean. It raises `Violation` where a promise
does not hold.
"""

from collections import Counter

import attrs

from winestream.core import SafetyPolicy
from winestream.records import LogPartition
from winestream.testing.world.audit import audit
from winestream.testing.world.chaos import Chaos
from winestream.testing.world.faults import Fault, Weather
from winestream.testing.world.group import Group
from winestream.testing.world.history import History, Promise, Violation
from winestream.testing.world.log import GOOD, KINDS, SimLog
from winestream.testing.world.process import Process
from winestream.testing.world.promises import Promises
from winestream.testing.world.scheduler import Scheduler
from winestream.testing.world.surroundings import STOP, Surroundings
from winestream.testing.world.tables import Transaction
from winestream.testing.world.warehouse import Warehouse
from winestream.testing.world.wire import LATENCIES

CALM_SECONDS = 180.0
"""So soon after the last fault everything has landed, on the virtual clock."""

TOO_MANY_ACTS = 60_000
"""More acts than this are a world that spins; a history takes about a thousand."""


TOPICS = ("topic", "other")
"""Partitions belong to the one or the other by turns."""


@attrs.frozen
class Told:
    """What one history was like."""

    seed: int
    seconds: float
    acts: int
    landed: int
    faults: Counter[str]


class World:
    """One seed's world."""

    def __init__(
        self,
        seed: int,
        *,
        faults: bool = True,
        processes: int | None = None,
        partitions: int | None = None,
    ) -> None:
        self.seed = seed
        self.scheduler = Scheduler(seed)
        self.history = History()
        self.weather = Weather(self.scheduler, self.history.faults)
        self.weather.calm = not faults
        self.logs: dict[LogPartition, SimLog] = {}
        self.promises = Promises(self.logs)
        self.warehouse = Warehouse(self.scheduler, self.weather, self._committed)
        self.group = Group(self.scheduler, self.weather)
        self.down_until = 0.0
        self.safety = SafetyPolicy(
            on_retention_loss=self.scheduler.pick(("record", "record", "stop")),
            on_new_log=self.scheduler.pick(("start", "start", "stop")),
        )
        self.around = Surroundings(
            scheduler=self.scheduler,
            weather=self.weather,
            history=self.history,
            group=self.group,
            warehouse=self.warehouse,
            promises=self.promises,
            down=lambda: self.scheduler.now < self.down_until,
            latency=self.scheduler.pick(LATENCIES),
            renew=self.renew,
            rewind=self._rewind,
        )
        self._started = self._renewed = 0
        self._over = False
        self.failures: list[Exception] = []
        """What processes ended with after the faults had stopped."""
        for number in range(partitions or 2 + self.scheduler.below(3)):
            self.add_log(number, "log-0")
        self.processes: list[Process] = []
        for slot in range(processes or 2 + self.scheduler.below(2)):
            self._begin(slot)
        self.chaos = Chaos(self)

    # ------------------------------------------------------------------- its history

    def run(self) -> Told:
        """Live through the history, from the first fault to the last stop."""
        self.live(self.scheduler.between(6.0, 22.0))
        self.calm_down()
        self.settle(CALM_SECONDS)
        self.stop_all()
        self.audit()
        return Told(
            seed=self.seed,
            seconds=self.scheduler.now - 1000,
            acts=self.scheduler.acts,
            landed=sum(len(place.landed) for place in self.promises.places.values()),
            faults=self.history.faults,
        )

    def live(self, seconds: float) -> None:
        """Let things happen, the faults of this world among them."""
        self.chaos.begin()
        self._run(self.scheduler.now + seconds)

    def calm_down(self) -> None:
        """Let the faults stop, and one more message come to every partition.

        An idle sink cannot know that its cursor was taken: it looks when it writes.
        """
        self.note("calm")
        self.weather.calm, self.down_until = True, 0.0
        for process in self.processes:
            if not process.dead:
                process.awake()
        for partition in self.group.owner:
            self.logs[partition].append(GOOD)

    def settle(self, seconds: float) -> None:
        """Wait until all has landed and Kafka knows. Raises `Violation`."""
        until = self.scheduler.now + seconds
        while self.scheduler.now < until and self._behind():
            self._run(self.scheduler.now + 1.0)
        behind = self._behind()
        if behind:
            where = self.warehouse.cursors.get(behind[0])
            raise Violation(
                Promise.LIVES,
                f"nothing moves: the log ends at {self.logs[behind[0]].end}, "
                f"the cursor is {where}, Kafka's {self.group.committed.get(behind[0])}",
                behind[0],
            )

    def stop_all(self) -> None:
        """Stop every process; each must be done in time, with nothing left."""
        self._over = True
        for process in self.processes:
            process.stop()
            process.wake(0.0)
        self._run(self.scheduler.now + STOP.total_seconds() + 5.0)
        for process in self.processes:
            if not process.dead:
                raise Violation(Promise.STOPS, f"{process.name} does not stop")
        if self.failures:
            raise Violation(Promise.STOPS, f"not a clean stop: {self.failures[0]!r}")

    def audit(self) -> None:
        """Recount everything from the tables alone. Raises `Violation`."""
        audit(self)

    def pass_time(self, seconds: float) -> None:
        """Let things happen for so long, without chaos."""
        self._run(self.scheduler.now + seconds)

    # ---------------------------------------------------------------- for the chaos

    def add_log(self, number: int, topic_id: str) -> LogPartition:
        """Make a log partition, with something in it."""
        partition = LogPartition("sim", topic_id, TOPICS[number % 2], number)
        self.logs[partition] = log = SimLog(partition)
        log.mark(self.scheduler.below(3))
        log.expire(log.end)
        self.group.owner[partition] = None
        self.produce(log, self.scheduler.below(14))
        return partition

    def renew(self, topic: str) -> None:
        """Delete a topic and make it again: other logs under the same names."""
        self._renewed += 1
        self.note("renews", topic)
        for old in [p for p in self.group.owner if p.topic == topic]:
            new = self.add_log(old.partition, f"log-{self._renewed}")
            del self.group.owner[new]
            self.group.replace(old, new)

    def produce(self, log: SimLog, messages: int) -> None:
        """Append messages, with a hole now and then."""
        for _ in range(messages):
            if self.scheduler.chance(0.06):
                log.mark(1 + self.scheduler.below(2))
            log.append(self.scheduler.pick(KINDS))

    def note(self, what: str, *details: object) -> None:
        """Remember something that befell the world."""
        self.history.note(self.scheduler.now, "world", what, *details)

    def alive(self) -> list[Process]:
        """Return the processes that run."""
        return [process for process in self.processes if not process.dead]

    # -------------------------------------------------------------------- privately

    def _begin(self, slot: int) -> None:
        """Start a process in a slot, after the one before it is gone."""
        if self._over:
            return
        self._started += 1
        name = f"p{slot}-{self._started}"
        process = Process(self.around, name, self.safety, self._gone, self.ended_under)
        if slot < len(self.processes):
            self.processes[slot] = process
        else:
            self.processes.append(process)
        self.note("begins", name)

    def _gone(self, process: Process, error: Exception | None) -> None:
        """Start another in its place, told what to do where it failed."""
        if error is not None and self.weather.calm and self._over:
            self.failures.append(error)
        if error is not None:
            self.safety = SafetyPolicy(on_retention_loss="record", on_new_log="start")
        slot = self.processes.index(process)
        self.scheduler.after(
            self.scheduler.between(0.1, 5.0), lambda: self._begin(slot)
        )

    def _rewind(self, partition: LogPartition) -> None:
        if self.chaos.rewind(partition):
            self.weather.count(Fault.REWIND)

    def ended_under(self, owner: str | None) -> None:
        """Note that a transaction of this process was ended under it."""
        for process in self.processes:
            if process.name == owner:
                process.interfered = True

    def _committed(self, done: Transaction) -> None:
        self.promises.committed(done, self.warehouse.cursors)

    def _behind(self) -> list[LogPartition]:
        behind = []
        for partition in self.group.owner:
            end = self.logs[partition].end
            rows = self.warehouse.cursors.get(partition, ())
            landed = [row.position for row in rows] == [end]
            if not landed or self.group.committed.get(partition) != end:
                behind.append(partition)
        return behind

    def _run(self, until: float) -> None:
        self.scheduler.run(until, lambda: self.scheduler.acts > TOO_MANY_ACTS)
        if self.scheduler.acts > TOO_MANY_ACTS:
            raise Violation(Promise.LIVES, "the world spins")
