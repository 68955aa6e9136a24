"""What a contestant is asked and what it answers. Standard library only.

Time runs from the first message that the contestant's own code got to see until the
last one is done with: whatever "done" means for it (a commit, a sealed file, a return).
"""

import json
import resource
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

KIB = 1024


@dataclass(frozen=True)
class Task:
    """Read `messages` messages of `topic`, alone or as one of a group."""

    bootstrap: str
    topic: str
    group: str
    messages: int
    parsable: int
    """How many of them a JSON parser lets pass; the rest is poison."""
    folder: str
    """An empty folder for whatever the contestant writes."""
    protocol: str = "classic"
    """The group's, for a contestant that can choose."""
    tally: str = ""
    """A file shared by the processes of one contestant, see `tally.Tally`."""
    processes: int = 1
    index: int = 0

    @classmethod
    def from_command_line(cls) -> "Task":
        """Read the task the runner gave."""
        return cls(**json.loads(sys.argv[1]))


def resident_mb(field: str = "VmRSS") -> float | None:
    """Return this process's memory, or its peak (`VmHWM`); None off Linux."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return None
    found = [line.split()[1] for line in lines if line.startswith(f"{field}:")]
    return int(found[0]) / KIB if found else None


class Meter:
    """Counts what was read and takes the time. Make it once everything is imported."""

    def __init__(self) -> None:
        self.messages = self.payload_bytes = 0
        self._idle_mb = resident_mb()
        self.began = self.ended = 0.0
        self._cpu = self._cpu_ended = 0.0

    def start(self) -> None:
        """Note that the first message is there; later calls do nothing."""
        if not self.began:
            self._cpu = self.cpu_seconds()
            self.began = time.monotonic()

    def count(self, values: Iterable[bytes | None]) -> None:
        """Add a batch of payloads."""
        sizes = [0 if value is None else len(value) for value in values]
        self.payload_bytes += sum(sizes)
        self.messages += len(sizes)

    def add(self, messages: int, payload_bytes: int) -> None:
        """Add messages counted elsewhere."""
        self.messages += messages
        self.payload_bytes += payload_bytes

    def stop(self) -> None:
        """Note that the last message is done with; the last call counts."""
        self.ended = time.monotonic()
        self._cpu_ended = self.cpu_seconds()

    def cpu_seconds(self) -> float:
        """Return what the process has used so far, all its threads together."""
        used = resource.getrusage(resource.RUSAGE_SELF)
        return used.ru_utime + used.ru_stime

    def report(self, **more: object) -> None:
        """Print the answer as the last line of the output."""
        answer: dict[str, object] = {
            "messages": self.messages,
            "payload_bytes": self.payload_bytes,
            "began": self.began,
            "ended": self.ended,
            "cpu_seconds": self._cpu_ended - self._cpu,
            "idle_mb": self._idle_mb,
            "peak_mb": resident_mb("VmHWM"),
        }
        print("\n" + json.dumps(answer | more), flush=True)
