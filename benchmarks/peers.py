"""The peers' own environments: a venv each under build/peers, made once and kept.

What a peer needs is pinned in `requirements/NAME.txt`, so that none can hold another,
or us, to a version. Kafka Connect is a folder of jars, run by our own interpreter.
"""

import hashlib
import subprocess
import sys
import venv
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from benchmarks.apache import VERSION, NoKafkaError, fetch
from benchmarks.heats import ROOT
from benchmarks.roster import Contestant

CONNECT: Final = "kafka_connect"
_CONNECT_JARS: Final = ("connect-runtime", "connect-json", "connect-file")
_PACKAGES: Final = {
    "quix_streams": "quixstreams",
    "faststream": "faststream",
    "bytewax": "bytewax",
    "aiokafka": "aiokafka",
}
HOME: Final = ROOT / "build" / "peers"
REQUIREMENTS: Final = Path(__file__).parent / "requirements"
INSTALL_SECONDS: Final = 600.0


class NoPeerError(Exception):
    """A peer's environment cannot be made: why."""


_failed: dict[str, str] = {}


def install(contestants: Iterable[Contestant]) -> None:
    """Make the environments that are missing; what fails is told by `python_of`."""
    for peer in dict.fromkeys(each.peer for each in contestants if each.peer):
        try:
            ensure(peer)
        except (NoPeerError, OSError, subprocess.SubprocessError) as error:
            _failed[peer] = str(error)


def python_of(peer: str) -> str:
    """Return the interpreter of a peer, our own for an empty name.

    Raises `NoPeerError` with the reason why the environment is not there.
    """
    if peer in _failed:
        raise NoPeerError(_failed[peer])
    if peer in {"", CONNECT}:
        return sys.executable
    return str(HOME / peer / "bin" / "python")


def versions() -> dict[str, list[str]]:
    """Return what each peer is pinned to, and the Kafka client it uses."""
    found = {
        peer: [
            line
            for line in (REQUIREMENTS / f"{peer}.txt").read_text().splitlines()
            if line.partition("==")[0] in {package, "confluent-kafka"}
        ]
        for peer, package in _PACKAGES.items()
    }
    return found | {CONNECT: [f"Apache Kafka {VERSION}"]}


def ensure(peer: str) -> None:
    if peer == CONNECT:
        try:
            fetch(HOME / peer, _CONNECT_JARS)
        except NoKafkaError as error:
            raise NoPeerError(str(error)) from None
        return
    wanted = REQUIREMENTS / f"{peer}.txt"
    home = HOME / peer
    mark = home / "installed"
    content = hashlib.sha256(wanted.read_bytes() + sys.version.encode()).hexdigest()
    if mark.exists() and mark.read_text() == content:
        return
    print(f"Installing {peer} into {home.relative_to(ROOT)}", flush=True)
    venv.create(home, with_pip=True, clear=True, symlinks=True)
    command = [str(home / "bin" / "python"), "-m", "pip", "install", "--quiet"]
    command += ["--disable-pip-version-check", "--only-binary", ":all:"]
    done = subprocess.run(
        [*command, "-r", str(wanted)],
        capture_output=True,
        text=True,
        check=False,
        timeout=INSTALL_SECONDS,
    )
    if done.returncode:
        said = done.stderr.strip().splitlines()[-1:]
        raise NoPeerError(f"it could not be installed: {' '.join(said)[:300]}")
    mark.write_text(content)
