"""Ports of loopback for a demo's processes."""

import fcntl
import os
import socket
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import IO, Final

_claims: Final[list[IO[str]]] = []


def free_port(wanted: int) -> int:
    """Return `wanted` if nobody listens there or means to, else any that is free.

    What listens is a child that needs some seconds to start. So the port is claimed for
    as long as this process lives: of two demos that start together, one gets another.
    """
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", wanted if _claimed(wanted) else 0))
        except OSError:
            probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _claimed(port: int) -> bool:
    """Return whether the port is ours now; where no file can be made, it is.

    Any free port, 0, is nobody's.
    """
    if not port:
        return True
    folder = Path(tempfile.gettempdir()) / f"winestream-ports-{os.getuid()}"
    with suppress(PermissionError):
        folder.mkdir(mode=0o700, exist_ok=True)
        claim = (folder / str(port)).open("a", encoding="ascii")
        try:
            fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            claim.close()
            return False
        _claims.append(claim)
    return True
