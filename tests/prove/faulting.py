"""Each error of the broker in each phase of a sink's life; see `scene`."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import count
from pathlib import Path

import attrs
from crew import FailedError
from errors import Cell
from killing import Outcome
from pipelines import TABLES, Stage, Verdict, stage
from scene import PARTITIONS, Scene, messages_for
from telling import Teller, messages
from timing import say_now_and_then
from truth import Truth, judge

from winestream.local import EmbeddedBroker
from winestream.operations.audit import audit
from winestream.operations.audit_broker import KafkaBroker
from winestream.operations.deploy import register_tables
from winestream.records import LogPartition


def fault(folder: Path, cells: Sequence[Cell], *, workers: int = 3) -> Outcome:
    """Play every cell, each worker with a broker of its own; judge all of it."""
    began = time.monotonic()
    kinds: Counter[str] = Counter()
    waiting, lock = iter(cells), threading.Lock()

    def taken() -> Cell | None:
        with lock:
            return next(waiting, None)

    with stage(folder) as built, ThreadPoolExecutor(workers) as pool:
        going = [
            pool.submit(_work, built, f"faults-{number}", taken)
            for number in range(workers)
        ]
        ended = [done.result() for done in going]
    failures = [failure for _, _, failed in ended for failure in failed]
    if failures:
        raise FailedError("\n".join(failures))
    for struck, _, _ in ended:
        kinds += struck
    return Outcome(kinds, [v for _, v, _ in ended], time.monotonic() - began)


def _work(
    built: Stage, pipeline: str, taken: Callable[[], Cell | None]
) -> tuple[Counter[str], Verdict, list[str]]:
    kinds: Counter[str] = Counter()
    failures = []
    truth, numbers = Truth(), count()
    with built.connect() as connection:
        register_tables(connection, pipeline, TABLES)
    with ExitStack() as stack:
        broker = stack.enter_context(EmbeddedBroker.start())
        while (cell := taken()) is not None:
            topic = f"{pipeline}-{next(numbers)}"
            broker.create_topic(topic, partitions=PARTITIONS)
            teller = Teller(
                broker.bootstrap, topic, topic, PARTITIONS, messages(topic), truth=truth
            )
            teller.tell(messages_for(cell))
            teller.close()
            try:
                Scene(cell, broker, built, pipeline, topic, truth).play()
            except FailedError as error:
                failures.append(str(error))
            else:
                kinds[str(cell)] += 1
            say_now_and_then(pipeline, f"{kinds.total()} errors sat through")
        with built.connect() as connection:
            judgement = judge(connection, truth)
            report = audit(connection, pipeline, broker=_Groups(broker.bootstrap))
    lags = tuple(part.lag for part in report.partitions)
    findings = tuple(map(str, report.findings))
    return kinds, Verdict(pipeline, judgement, findings, lags), failures


@attrs.frozen
class _Groups:
    """What an audit asks of Kafka, where each topic has a group of its own."""

    bootstrap: str

    def committed(self, logs: Iterable[LogPartition]) -> Mapping[LogPartition, int]:
        found: dict[LogPartition, int] = {}
        wanted = list(logs)
        for topic in {log.topic for log in wanted}:
            with KafkaBroker(self.bootstrap, topic) as broker:
                found |= broker.committed(log for log in wanted if log.topic == topic)
        return found

    def ends(
        self, logs: Iterable[LogPartition]
    ) -> Mapping[LogPartition, tuple[int, int]]:
        with KafkaBroker(self.bootstrap, "nobody") as broker:
            return broker.ends(logs)
