"""The whole pipeline of Les Caves d'Albert on one machine, with a verdict at the end.

    python examples/full_stack/run.py

It opens a page and goes on until Ctrl-C. Variables, all optional: HEADLESS=1 to end by
itself and without a page, EVENTS how many messages (0: without end), POISON the share
of broken ones (0 to 1), RATE messages a second (0: as fast as they go), SEED of the
story, DATA a folder to keep the warehouse in. The last line of standard output is one
JSON object.
"""

import json
import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from full_stack.asked import AskedError, asked_for
from full_stack.books import Ledger
from full_stack.layers import Layers, look_through
from full_stack.legend import legend
from full_stack.progress import Progress
from full_stack.stack import Stack
from full_stack.verdict import Verdict, judge
from full_stack.watchers import Watchers
from winestream.errors import WinestreamError

BIN = Path(sys.executable).parent
TICK_SECONDS = 0.25
STALL_SECONDS = 120.0
"""The demo gives up when nothing lands for so long; an outage pauses for 60 s."""


@contextmanager
def asked_to_stop() -> Iterator[threading.Event]:
    """Give an event that the first SIGINT or SIGTERM sets; the second one ends us."""
    asked = threading.Event()

    def handle(number: int, _frame: object) -> None:
        if asked.is_set():
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        asked.set()

    before = {n: signal.signal(n, handle) for n in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class Demo:
    """A running stack, who looks on, and what is shown in the terminal."""

    def __init__(
        self, stack: Stack, watchers: Watchers | None, progress: Progress
    ) -> None:
        self._stack, self._watchers, self._progress = stack, watchers, progress
        self._said = 0

    def greet(self) -> None:
        """Say where everything is."""
        stack, say = self._stack, self._progress.say
        say(
            f"broker {stack.broker.bootstrap}  warehouse 127.0.0.1:"
            f"{stack.warehouse.port}  metrics http://127.0.0.1:{stack.consumer_port}"
            f"/metrics and :{stack.producer_port}/metrics  logs {stack.logs}"
        )
        say(
            f"consumer pid {stack.consumer.pid}  warehouse pid {stack.warehouse.pid}  "
            "(kill one and watch)"
        )
        if self._watchers is not None:
            for line in legend(self._watchers):
                say(line)

    def tick(self) -> None:
        """Start again what has ended; show how it stands and what happened."""
        self._stack.supervise()
        if self._watchers is not None:
            self._watchers.supervise()
        events = self._stack.events.since(self._said)
        for event in events:
            self._progress.say(f"{event.at.astimezone():%H:%M:%S}  {event.what}")
        self._said += len(events)
        self._progress.show(self._stack.landed)

    def tell_story(self, asked: threading.Event) -> None:
        """Go on until the producer has told its story or somebody wants to stop."""
        while self._stack.acknowledged() is None:
            self.tick()
            if asked.wait(TICK_SECONDS):
                self._progress.say(
                    "stopping: no more orders, then the consumer writes the rest"
                )
                self._stack.producer.tell("pause")
                return
        if self._watchers is not None and not asked.is_set():
            self._progress.say("the story is told; the page stays open until Ctrl-C")
            while not asked.wait(TICK_SECONDS):
                self.tick()

    def wait_until_landed(self) -> None:
        """Wait until the warehouse has as many rows as the broker has messages."""
        most, since = -1, time.monotonic()
        while True:
            self.tick()
            acknowledged = self._stack.acknowledged()
            there = sum(self._stack.landed().values())
            if acknowledged is not None and there >= sum(acknowledged.values()):
                return
            if there > most:
                most, since = there, time.monotonic()
            if time.monotonic() - since > STALL_SECONDS:
                self._progress.say(
                    f"nothing has landed for {STALL_SECONDS:.0f} s, giving up"
                )
                return
            time.sleep(TICK_SECONDS)


def run(stack: Stack, asked: threading.Event, *, open_: bool) -> tuple[Verdict, Layers]:
    """Tell the story, let it land and pass through all layers, stop in order, judge."""
    with ExitStack() as held:
        progress = held.enter_context(
            Progress(stack.consumer_port, stack.producer_port)
        )
        watchers = held.enter_context(Watchers(stack)) if open_ else None
        demo = Demo(stack, watchers, progress)
        demo.greet()
        demo.tell_story(asked)
        demo.wait_until_landed()
        stack.breaker.close()
        demo.tick()  # what was broken a moment ago
        progress.show(stack.landed, force=True)
        stack.consumer.stop()
        ledger = Ledger(stack.wish.data / "produced.jsonl")
        ledger.add(stack.broker.cluster_id, stack.books())
        progress.say("everything has landed; the tasks take it through the layers")
        for task_run in stack.run_tasks():
            if task_run.state == "FAILED":
                progress.say(f"{task_run.task} failed: {task_run.error_message}")
    with stack.connect() as connection:
        verdict = judge(
            connection,
            stack.broker.cluster_id,
            stack.acknowledged() or {},
            stack.broken(),
        )
        return verdict, look_through(connection, ledger.total())


def main() -> int:
    """Run and print the verdict; 0 when every message and cent is accounted for."""
    try:
        given = asked_for(os.environ)
    except AskedError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    began = time.monotonic()
    try:
        with asked_to_stop() as asked, Stack(given.wish) as stack:
            verdict, layers = run(stack, asked, open_=given.open)
            restarts = stack.restarts
    except (WinestreamError, RuntimeError) as error:
        sys.stderr.write(f"the demo failed: {error}\n")
        return 1
    finally:
        if not given.keep:
            shutil.rmtree(given.wish.data, ignore_errors=True)
    if given.keep:
        sys.stderr.write(
            f"kept: {BIN}/winestream local serve --data {given.wish.data} opens it\n"
        )
    report = {
        "produced": verdict.produced,
        "landed": verdict.landed,
        "dead_letters": sum(verdict.dead_letters.values()),
        "dead_letters_by_reason": verdict.dead_letters,
        "lost": verdict.lost,
        "duplicates": verdict.duplicates,
        "guarantee": "exactly-once",
        **layers.as_json(),
        "restarts": restarts,
        "seconds": round(time.monotonic() - began, 1),
    }
    sys.stdout.write(json.dumps(report) + "\n")
    return 0 if verdict.sound and layers.sound else 1


if __name__ == "__main__":
    sys.exit(main())
