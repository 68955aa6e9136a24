"""Kafka Connect, standalone: JSON converter, file sink, one task, as its quickstart.

Java does the work; this program starts it, watches the file grow and counts lines. The
file sink prints a parsed map, so that payloads cannot be seen in it: what is checked is
the number of lines and the sum of the event ids in them.
"""

import os
import re
import subprocess
import time
from pathlib import Path
from typing import Final

from benchmarks.apache import LOG4J, free_ports
from benchmarks.contestants.meter import KIB, Task
from benchmarks.contestants.meter import Meter as _Meter

# What bin/connect-standalone.sh gives Java.
_JAVA: Final = ("-Xms256M", "-Xmx2G", "-server", "-XX:+UseG1GC")
_MORE_JAVA: Final = ("-XX:MaxGCPauseMillis=20", "-XX:InitiatingHeapOccupancyPercent=35")
_EVENT_ID: Final = re.compile(rb"\bevent_id=([0-9a-f]{16})")
_LOOK_SECONDS: Final = 0.005
JARS: Final = Path(__file__).parents[2] / "build" / "peers" / "kafka_connect"


def start(task: Task, folder: Path, into: Path) -> "subprocess.Popen[bytes]":
    """Write the two property files and start Java on them."""
    (port,) = free_ports(1)
    worker = {
        "bootstrap.servers": task.bootstrap,
        "key.converter": "org.apache.kafka.connect.storage.StringConverter",
        "value.converter": "org.apache.kafka.connect.json.JsonConverter",
        "value.converter.schemas.enable": "false",
        "offset.storage.file.filename": folder / "offsets",
        "offset.flush.interval.ms": 10_000,
        "listeners": f"HTTP://127.0.0.1:{port}",
    }
    connector = {
        "name": task.group,
        "connector.class": "org.apache.kafka.connect.file.FileStreamSinkConnector",
        "tasks.max": 1,
        "file": into,
        "topics": task.topic,
        "errors.tolerance": "all",
    }
    for name, settings in (("worker", worker), ("connector", connector)):
        lines = [f"{key}={value}\n" for key, value in settings.items()]
        (folder / f"{name}.properties").write_text("".join(lines))
    (folder / "log4j2.yaml").write_text(LOG4J)
    return subprocess.Popen(
        [
            *("java", *_JAVA, *_MORE_JAVA),
            f"-Dlog4j2.configurationFile={folder / 'log4j2.yaml'}",
            *("-cp", f"{JARS}/*", "org.apache.kafka.connect.cli.ConnectStandalone"),
            str(folder / "worker.properties"),
            str(folder / "connector.properties"),
        ]
    )


class Meter(_Meter):
    """The meter of another process."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        super().__init__()
        self._idle_mb = None

    def cpu_seconds(self) -> float:
        """Return what Java has used."""
        stat = Path(f"/proc/{self._pid}/stat").read_text().rpartition(")")[2].split()
        return (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK")

    def peak_mb(self) -> float | None:
        """Return Java's peak."""
        for line in Path(f"/proc/{self._pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / KIB
        return None


def watch(into: Path, lines: int, meter: Meter) -> float | None:
    """Count lines until all are there; return when half of them were."""
    half = None
    while not into.exists():  # the runner has the patience
        time.sleep(_LOOK_SECONDS)
    with into.open("rb") as file:
        while meter.messages < lines:
            grown = file.read(1 << 22)
            if grown:
                meter.start()
                meter.add(grown.count(b"\n"), 0)
                if half is None and meter.messages * 2 >= lines:
                    half = time.monotonic()
                continue
            time.sleep(_LOOK_SECONDS)
    meter.stop()
    return half


def main() -> None:
    """Start, watch, stop, look at the file."""
    task = Task.from_command_line()
    folder = Path(task.folder)
    into = folder / "sink.txt"
    java = start(task, folder, into)
    try:
        meter = Meter(java.pid)
        half = watch(into, task.parsable, meter)
        peak = meter.peak_mb()
    finally:
        java.kill()  # all is in the file, and its orderly end takes seconds
        java.wait()
    ids = sum(int(found, 16) for found in _EVENT_ID.findall(into.read_bytes()))
    meter.report(
        payload_bytes=None,
        peak_mb=peak,
        expected="parsable",
        ids=ids % (1 << 64),
        second_half_rate=meter.messages / 2 / (meter.ended - (half or meter.began)),
    )


if __name__ == "__main__":
    main()
