"""Heats: one contestant, its processes, one reading of the topic, and what it said."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from benchmarks.brokers import Broker
from benchmarks.contestants.meter import Task
from benchmarks.contestants.tally import Tally
from benchmarks.load import TOPIC, Made
from benchmarks.roster import Contestant

ROOT: Final = Path(__file__).parents[1]
# Even a slow contestant on a busy machine reads 5,000 a second.
HEAT_SECONDS: Final = 60.0
SLOWEST: Final = 5_000


class HeatError(Exception):
    """A contestant did not finish, or did not see what was produced: why."""


@dataclass(frozen=True)
class Heat:
    """What one contestant did in one round. `seconds` is first message to last."""

    contestant: str
    messages: int
    payload_bytes: int | None
    seconds: float
    whole_seconds: float
    """The whole process: start, imports, joining the group, reading, leaving."""
    cpu_seconds: float | None
    idle_mb: float | None
    peak_mb: float | None
    """Both of the largest process."""
    more: dict[str, Any] = field(default_factory=dict)

    @property
    def rate(self) -> float:
        """Messages a second."""
        return self.messages / self.seconds


def run(contestant: Contestant, at: Broker, made: Made, python: str = "") -> Heat:
    """Let a contestant read the topic. Raises `HeatError`."""
    # The embedded broker lets a second classic member wait for a session's length.
    protocol = "consumer" if at.kind == "embedded" else "classic"
    with tempfile.TemporaryDirectory(prefix="bench-heat-") as folder:
        tally = ""
        if contestant.processes > 1:
            Tally.make(Path(folder) / "tally", contestant.processes)
            tally = str(Path(folder) / "tally")
        files = Path(folder) / "files"
        files.mkdir()
        task = Task(
            bootstrap=at.bootstrap,
            topic=TOPIC,
            group=f"{contestant.name}-{time.time_ns()}",
            messages=made.messages,
            parsable=made.parsable,
            folder=str(files),
            protocol=protocol if contestant.processes > 1 else "classic",
            tally=tally,
            processes=contestant.processes,
        )
        tasks = [replace(task, index=index) for index in range(contestant.processes)]
        began = time.monotonic()
        answers = _answers(contestant, tasks, python or sys.executable, Path(folder))
        whole = time.monotonic() - began
    return _checked(_merged(contestant.name, answers, whole), made)


def _answers(
    contestant: Contestant, tasks: Sequence[Task], python: str, folder: Path
) -> list[dict[str, Any]]:
    """Run the processes side by side and return what each said last."""
    with _processes(contestant, tasks, python, folder) as processes:
        patience = HEAT_SECONDS + tasks[0].messages / SLOWEST
        give_up = time.monotonic() + patience
        for number, process in enumerate(processes):
            try:
                code = process.wait(max(0.0, give_up - time.monotonic()))
            except subprocess.TimeoutExpired:
                raise HeatError(
                    f"not done after {patience:.0f} s; {_said(folder, number)}"
                ) from None
            if code:
                raise HeatError(f"ended with {code}; {_said(folder, number)}")
    return [
        json.loads((folder / f"out-{number}").read_text().strip().splitlines()[-1])
        for number in range(len(tasks))
    ]


@contextmanager
def _processes(
    contestant: Contestant, tasks: Sequence[Task], python: str, folder: Path
) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Start them; whatever still runs at the end is killed, with its children."""
    started: list[subprocess.Popen[bytes]] = []
    module = f"benchmarks.contestants.{contestant.module}"
    try:
        for number, task in enumerate(tasks):
            command = [python, "-m", module, json.dumps(asdict(task))]
            with (
                (folder / f"out-{number}").open("wb") as out,
                (folder / f"err-{number}").open("wb") as err,
            ):
                started.append(
                    subprocess.Popen(
                        [*command, *contestant.arguments],
                        cwd=ROOT,
                        env=os.environ | {"PYTHONPATH": str(ROOT)},
                        stdin=subprocess.DEVNULL,
                        stdout=out,
                        stderr=err,
                        start_new_session=True,
                    )
                )
        yield started
    finally:
        for process in started:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def _said(folder: Path, number: int) -> str:
    texts = [(folder / f"{name}-{number}").read_text() for name in ("err", "out")]
    return f"it said: {' '.join(texts).strip()[-1500:] or 'nothing'}"


def _merged(name: str, answers: Sequence[dict[str, Any]], whole: float) -> Heat:
    """Put the answers of a contestant's processes together."""
    known = {
        "messages", "payload_bytes", "began", "ended", "cpu_seconds", "idle_mb",
        "peak_mb",
    }  # fmt: skip
    largest = max(answers, key=lambda answer: answer["peak_mb"] or 0.0)
    sizes = [answer["payload_bytes"] for answer in answers]
    work = [answer["cpu_seconds"] for answer in answers]
    return Heat(
        contestant=name,
        messages=sum(answer["messages"] for answer in answers),
        payload_bytes=None if None in sizes else sum(sizes),
        seconds=max(a["ended"] for a in answers)
        - min(a["began"] for a in answers if a["messages"]),
        whole_seconds=whole,
        cpu_seconds=None if None in work else sum(work),
        idle_mb=largest["idle_mb"],
        peak_mb=largest["peak_mb"],
        more={
            key: value if len(answers) == 1 else [a.get(key) for a in answers]
            for key, value in largest.items()
            if key not in known
        }
        | ({"shares": [a["messages"] for a in answers]} if len(answers) > 1 else {}),
    )


def _checked(heat: Heat, made: Made) -> Heat:
    """Return the heat when it saw what was produced; otherwise it is no measurement."""
    wrong = []
    expected = heat.more.get("expected", "messages")
    if heat.messages != getattr(made, expected):
        wrong.append(f"{heat.messages} messages of {getattr(made, expected)}")
    if heat.payload_bytes is None:
        if heat.more.get("ids") != made.ids:
            wrong.append(f"ids sum up to {heat.more.get('ids')}, not {made.ids}")
    elif heat.payload_bytes != made.payload_bytes:
        wrong.append(f"{heat.payload_bytes} bytes of {made.payload_bytes}")
    dead = heat.more.get("dead_letters")
    found = sum(dead) if isinstance(dead, list) else dead
    if found is not None and found != made.poison:
        wrong.append(f"{found} dead letters of {made.poison}")
    if wrong:
        raise HeatError(f"saw {', '.join(wrong)}")
    return heat
