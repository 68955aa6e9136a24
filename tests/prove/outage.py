"""Minutes without a warehouse, in real time, and what the consumer's memory does.

The outage is not one refusal repeated: the warehouse is gone, then it signs in and
hangs, then it takes files and nothing else, over and over. With files taken the writer
builds Arrow and Parquet at every attempt, and that is when memory is highest.
"""

import itertools
import random
import re
import time
from collections.abc import Iterator
from pathlib import Path

import attrs
from crew import FailedError, Member, any_of, counted
from cutting_proxy import CuttingProxy
from pipelines import Verdict, stage
from telling import Made
from timing import say_now_and_then

from winestream.core import BatchPolicy
from winestream.kafka import KafkaSource

MB = 1_000_000
PARTITIONS = 48
"""Of 5 MiB each at the embedded broker, for more than the consumer can hold."""
MAX_ROWS, MAX_BYTES = BatchPolicy().max_rows, BatchPolicy().max_bytes
"""The library's defaults: 50,000 and 64 MB."""
MESSAGE_BYTES = 1280
"""Rows and bytes of a slice run out together: 64 MB / 50,000."""
MESSAGES = 160_000
"""205 MB: two slices, the client's queue, its answer on the way, and a little more."""
MAX_POLL_SECONDS = 20.0
"""Who does not poll for so long loses its partitions: far less than the outage."""
STAGES = ((), ("login", "rollback"), ("login", "rollback", "put", "upload"))
STAGE_SECONDS = 10.0

ROW_LIST_BYTES = 380
"""One row of a slice's lists besides its payload, in CPython: the objects of payload
and key 33 and 34, event id 49 + 32, event type 49 + 17, the two times 24 and 32, and a
pointer of 8 in each of nine lists are 342; allocators round up.
"""
ROW_ARROW_BYTES = 240
"""One row of the same as Arrow: event id 32, slice id 40, cluster id 27, topic id 22,
topic 6, event type 17, six numbers and times of 8, ten offsets of 4, validity bits.
"""
_SOURCE = KafkaSource(["outage"], group="outage", bootstrap="localhost:9")
QUEUE_BYTES = int(_SOURCE.settings["queued.max.messages.kbytes"]) * 1024
"""32 MiB: what the source lets its client fetch ahead."""
SPARE_BYTES = 64 * MB
POLL_BYTES = 1000 * MESSAGE_BYTES
"""One poll, by which the bound in bytes may be overrun."""


def memory_bound_mb(max_rows: int = MAX_ROWS, max_bytes: int = MAX_BYTES) -> float:
    """Return the design's bound over idle, from the settings that are in force.

    With the defaults, a slice's payload being 64 MB and one poll of 1.3: the lists of
    two 2 x (65.3 + 50,000 x 380 B) = 168.6, Arrow 65.3 + 50,000 x 240 B = 77.3, Parquet
    no larger than what it holds 65.3, the queue twice 67.1, and 64 to spare: 442 MB.
    """
    payload = max_bytes + POLL_BYTES
    lists = 2 * (payload + max_rows * ROW_LIST_BYTES)
    arrow = payload + max_rows * ROW_ARROW_BYTES
    parquet = payload
    return (lists + arrow + parquet + 2 * QUEUE_BYTES + SPARE_BYTES) / MB


@attrs.frozen
class Outage:
    """What an outage showed."""

    verdict: Verdict
    seconds: float
    attempts: int
    idle_mb: float
    peak_mb: float
    """Over idle."""
    bound_mb: float


def _large() -> Iterator[Made]:
    """Yield events of a size, without end, that nothing makes smaller on the way.

    What the client asks for at once is bounded compressed, so a topic that shrinks to a
    tenth could bring ten times as much.
    """
    chance = random.Random(1855)
    for number in itertools.count():
        event_id = f"{number:032x}"
        head = (
            f'{{"event_id":"{event_id}","event_type":"WINE_TASTED","schema_version":1,'
            '"occurred_at":"2026-01-05T07:00:00Z","note":"'
        )
        note = chance.randbytes(MESSAGE_BYTES // 2).hex()[
            : MESSAGE_BYTES - len(head) - 2
        ]
        yield f'{head}{note}"}}'.encode(), event_id, True


def resident(pid: int, which: str = "VmRSS") -> int:
    """Return a process's resident bytes: now, or the most there were (`VmHWM`)."""
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(rf"^{which}:\s+(\d+) kB$", status, re.MULTILINE)
    assert found is not None
    return int(found[1]) * 1024


def forget_peak(pid: int) -> None:
    """Begin the most there were anew."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def sit_out(folder: Path, seconds: float, messages: int = MESSAGES) -> Outage:
    """Take the warehouse away for so long, then see everything delivered.

    Raises `FailedError` if a partition moved meanwhile, if it was not paused, or not
    in the outage state.
    """
    with stage(folder) as built:
        line = built.pipeline(
            "outage",
            PARTITIONS,
            source=_large(),
            ahead=1 << 30,
            config={"linger.ms": 50},
        )
        with CuttingProxy(built.warehouse.connection) as proxy:
            member = line.start(
                connection=proxy.connection,
                protocol="classic",
                session_timeout=6.0,
                max_poll_interval=MAX_POLL_SECONDS,
                max_rows=MAX_ROWS,
                max_bytes=MAX_BYTES,
                linger=2.0,
                request_timeout=2.0,
                outage_cap=5.0,
                steps=False,
            )
            line.teller.tell(10 * PARTITIONS)
            member.wait_for(any_of("slicewritten"), "the first slice")
            member.wait_for(any_of("progress 0 0"), "quiet")
            member.look()
            before, pid = len(member.lines), member.pid or 0
            idle = resident(pid)
            forget_peak(pid)
            proxy.outage()
            line.teller.tell(messages)
            _watch(member, proxy, seconds)
            member.look()
            lines = member.lines[before:]
            proxy.heal()
            line.wait_until_told(member)
            peak = resident(pid, "VmHWM")  # of the recovery, too
            line.stop(member)
        verdict = line.verdict()
    _check(lines, seconds)
    return Outage(
        verdict=verdict,
        seconds=seconds,
        attempts=counted(lines, "writefailed"),
        idle_mb=idle / MB,
        peak_mb=(peak - idle) / MB,
        bound_mb=memory_bound_mb(),
    )


def _watch(member: Member, proxy: CuttingProxy, seconds: float) -> None:
    """Go through the outage's stages, again and again."""
    began = time.monotonic()
    for number in itertools.count():
        if (over := time.monotonic() - began) >= seconds:
            return
        proxy.outage(*STAGES[number % len(STAGES)], hang=number % 2 == 1)
        if member.over.wait(min(STAGE_SECONDS, seconds - over)):
            raise FailedError(f"ended in the outage: {member.said}")
        peak = resident(member.pid or 0, "VmHWM") / MB
        say_now_and_then("outage", f"{over:.0f} s, {peak:.0f} MB at most")


def _check(lines: list[str], seconds: float) -> None:
    """See from its diary that it was an outage, sat out as promised."""
    moved = [x for x in lines if x.startswith(("assigned", "lost", "released"))]
    if moved:
        raise FailedError(f"a rebalance in the outage: {moved}")
    for wanted in ("outagechanged True", "held True"):
        if wanted not in lines:
            raise FailedError(f"no {wanted} in the outage: {lines[-20:]}")
    after = lines[lines.index("outagechanged True") :]
    if "outagechanged False" in after or any(
        x.startswith("slicewritten") for x in after
    ):
        raise FailedError("something was written in the outage")
    polls = counted(after, "progress")  # told once a second, between two polls
    if polls < seconds / 4:
        raise FailedError(f"{polls} signs of life in {seconds} s")
